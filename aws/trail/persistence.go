package trail

import (
	"regexp"
	"strings"
)

// persistence lists the calls by which an attacker stays, comes back, or becomes more
// than they were, and those that hide it or carry secrets away (MITRE ATT&CK for IaaS; AWS Security
// Incident Response Guide, "Credential access", "Persistence", "Privilege escalation"). The key is
// the service and the call as CloudTrail names it, without the version that some services put
// behind the name.
var persistence = func() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(persistenceCalls) {
		calls, words, _ := strings.Cut(strings.TrimSpace(line), ": ")
		service, names, _ := strings.Cut(calls, " ")
		for name := range strings.FieldsSeq(names) {
			all[service+" "+name] = words
		}
	}
	return all
}()

// persistenceCalls has a service with its calls, and what an attacker gets by them, in each line:
// credentials that outlive the session, permissions, who is let in, code that runs with a role,
// secrets and data, traces.
const persistenceCalls = `
iam CreateAccessKey: a key that never expires
iam UpdateAccessKey: may turn a key on again
iam CreateUser: a user of their own
iam CreateLoginProfile: a console password
iam UpdateLoginProfile ChangePassword: another console password
iam CreateServiceSpecificCredential: a password for a service
iam ResetServiceSpecificCredential: a new password for a service
iam UploadSSHPublicKey: an SSH key for CodeCommit
iam UploadSigningCertificate: a certificate that signs requests
iam DeactivateMFADevice: takes the second factor away
iam EnableMFADevice: a second factor of their own
iam DeleteVirtualMFADevice: takes a second factor away
sts GetFederationToken GetSessionToken: credentials for up to 36 hours
sts AssumeRoot: root of a member account
signin GetSigninToken: a console session
signin CreateOAuth2Token: credentials by aws login
sts GetScopedCredentials: another key for the session
sts GetWebIdentityToken: a token for outside services, which no policy takes back
sts GetDelegatedAccessToken: a token for another account, which no policy takes back
signin CreateBearerToken CreateOAuth2TokenWithIAM: a token in place of the session
signin CreateOAuth2TokenWithTokenExchange: a token in place of the session
signin PutResourcePermissionStatement: lets others sign in
rolesanywhere CreateTrustAnchor CreateProfile UpdateTrustAnchor EnableTrustAnchor: certificates that open sessions
rolesanywhere UpdateProfile EnableProfile: certificates that open sessions
rolesanywhere DisableCrl: lets revoked certificates open sessions
ssm CreateActivation: a machine of their own, with a role
iot CreateRoleAlias: lets devices have a role
iam PutUserPolicy AttachUserPolicy: more permissions for a user
iam PutGroupPolicy AttachGroupPolicy: more permissions for a group
iam PutRolePolicy AttachRolePolicy: more permissions for a role
iam AddUserToGroup: a group's permissions for a user
iam CreatePolicyVersion SetDefaultPolicyVersion: changes what a policy allows
iam DeleteRolePolicy DetachRolePolicy DeleteUserPolicy DetachUserPolicy: may remove a deny
iam DeleteRolePermissionsBoundary: removes a limit on a role
iam DeleteUserPermissionsBoundary: removes a limit on a user
iam PutRolePermissionsBoundary: changes the limit on a role
iam PutUserPermissionsBoundary: changes the limit on a user
iam UpdateAssumeRolePolicy: changes who may assume a role
iam CreateRole: a role, and who may assume it
iam UpdateRole: may let sessions last longer
iam CreateOpenIDConnectProvider CreateSAMLProvider: an identity provider
iam AddClientIDToOpenIDConnectProvider: lets an identity provider's clients in
iam UpdateOpenIDConnectProviderThumbprint UpdateSAMLProvider: changes an identity provider
iam AcceptDelegationRequest SendDelegationToken: lets another account act for a while
iam EnableOutboundWebIdentityFederation: lets sessions get tokens for outside services
iam AcquireRole: takes a role over
cognito-identity SetIdentityPoolRoles: gives app users a role
sso CreateAccountAssignment: Identity Center access for a user or group
sso CreatePermissionSet: Identity Center access
sso PutInlinePolicyToPermissionSet: more permissions by Identity Center
identitystore CreateUser: a user in Identity Center
organizations InviteAccountToOrganization: an account of their own
organizations LeaveOrganization DisablePolicyType: takes the organization's limits away
organizations AttachPolicy: may lock others out
organizations CreatePolicy: prepares a limit of the organization
organizations DetachPolicy DeletePolicy: may remove a limit of the organization
organizations UpdatePolicy: may change a limit of the organization
organizations CreateAccount: another account
iam CreateInstanceProfile AddRoleToInstanceProfile: lets an instance have a role
ec2 RunInstances: an instance, maybe with a role
ec2 AssociateIamInstanceProfile: gives an instance a role
ec2 ReplaceIamInstanceProfileAssociation: gives an instance another role
ec2 ModifyInstanceAttribute: may change what an instance runs at its start
ec2 CreateKeyPair ImportKeyPair: a key for instances
ec2 AuthorizeSecurityGroupIngress: opens a port
ec2-instance-connect SendSSHPublicKey SendSerialConsoleSSHPublicKey: a shell on an instance
ssm SendCommand: runs commands on instances, with their roles
ssm StartSession ResumeSession: a shell on an instance, with its role
ssm CreateAssociation: runs commands on instances again and again
ssm StartAutomationExecution: runs an automation, with its role
lambda CreateFunction: code that runs with a role
lambda UpdateFunctionCode: other code that runs with the function's role
lambda UpdateFunctionConfiguration: may give a function another role or layer
lambda AddPermission: lets others run a function
lambda CreateFunctionUrlConfig: lets the internet run a function
lambda CreateEventSourceMapping: runs a function on events
ecs RegisterTaskDefinition RunTask CreateService: code that runs with a role
ecs UpdateService: may run other code with a role
ecs ExecuteCommand: a shell in a container, with its role
eks CreateAccessEntry: access to a cluster
eks AssociateAccessPolicy: more permissions in a cluster
eks CreatePodIdentityAssociation: gives pods a role
codebuild CreateProject: code that runs with a role
codebuild UpdateProject: other code that runs with a role
codebuild StartBuild: runs a build, with its role
cloudformation CreateStack UpdateStack ExecuteChangeSet: changes anything that its role may
cloudformation CreateChangeSet: prepares changes with a role
glue CreateDevEndpoint: a shell with a role
glue CreateJob CreateSession: code that runs with a role
sagemaker CreateNotebookInstance CreatePresignedNotebookInstanceUrl CreatePresignedDomainUrl: a shell with a role
sagemaker CreateTrainingJob CreateProcessingJob: code that runs with a role
batch RegisterJobDefinition: code that runs with a role
batch SubmitJob: runs code with a role
apprunner CreateService: code that runs with a role
ec2 ModifyInstanceMetadataOptions: may open an instance's credentials to others
cloudshell CreateSession: a shell with the session's credentials
cloudshell PutCredentials: hands credentials to a shell
states CreateStateMachine: steps that run with a role
states UpdateStateMachine: other steps that run with a role
scheduler CreateSchedule: calls again and again, with a role
events PutTargets: runs something on events
datapipeline PutPipelineDefinition: code that runs with a role
imagebuilder CreateComponent: code in future images
ecr PutImage: code in a container image
secretsmanager GetSecretValue: read a secret
secretsmanager BatchGetSecretValue: read secrets
secretsmanager PutResourcePolicy: lets others read a secret
ssm GetParameter: may have read a secret
ssm GetParameters GetParametersByPath: may have read secrets
ec2 GetPasswordData: a Windows password
kms CreateGrant: lets others use a key
kms PutKeyPolicy: changes who may use a key
kms ScheduleKeyDeletion: will destroy what a key protects
kms DisableKey: locks what a key protects
s3 PutBucketPolicy PutBucketAcl: changes who may read a bucket
s3 PutBucketPublicAccessBlock DeleteBucketPublicAccessBlock: may open buckets to the internet
s3 PutAccountPublicAccessBlock DeleteAccountPublicAccessBlock: may open buckets to the internet
s3 PutBucketReplication: copies a bucket elsewhere
s3 PutBucketVersioning: may let data be destroyed for good
s3 PutBucketLifecycle: may destroy data
ec2 ModifySnapshotAttribute: shares a disk
ec2 ModifyImageAttribute: shares an image
ec2 CreateSnapshot: copies a disk
rds ModifyDBSnapshotAttribute ModifyDBClusterSnapshotAttribute: shares a database
rds StartExportTask: copies a database
ram CreateResourceShare: shares resources with others
sns SetTopicAttributes: may let others read messages
sqs SetQueueAttributes: may let others read messages
codeartifact PutRepositoryPermissionsPolicy: lets others read or write packages
ecr SetRepositoryPolicy: lets others read or write images
cloudtrail StopLogging: stops a trail
cloudtrail DeleteTrail: removes a trail
cloudtrail UpdateTrail: changes where a trail is kept
cloudtrail PutEventSelectors: changes what a trail keeps
cloudtrail PutInsightSelectors: changes what a trail looks for
cloudtrail DeleteEventDataStore: removes kept events
cloudtrail StopEventDataStoreIngestion: stops keeping events
config StopConfigurationRecorder DeleteConfigurationRecorder DeleteDeliveryChannel: stops recording changes
guardduty DeleteDetector: turns a detector off
guardduty UpdateDetector: may turn a detector off
guardduty CreateFilter: may hide findings
guardduty CreateIPSet: may trust an address
guardduty DisassociateFromMasterAccount DisassociateFromAdministratorAccount: takes findings from those who look
securityhub DisableSecurityHub: turns findings off
access-analyzer DeleteAnalyzer: turns an analyzer off
logs DeleteLogGroup DeleteLogStream: removes logs
logs PutRetentionPolicy: may shorten how long logs are kept
ec2 DeleteFlowLogs: stops network logs
events DisableRule DeleteRule: may silence an alarm
monitoring DeleteAlarms DisableAlarmActions: silences an alarm`

// versioned ends the names of calls to Lambda and others: CreateFunction20150331,
// UpdateFunctionCode20150331v2.
var versioned = regexp.MustCompile(`[0-9]{8}(v[0-9]+)?$`)

// persistenceOf says in a few words what an attacker gets by a call, "" for one that is not listed.
// The service is that of the event source without its domain.
func persistenceOf(service, name string) string {
	if words, ok := persistence[service+" "+name]; ok {
		return words
	}
	if strings.HasPrefix(service, "bedrock-agentcore") && strings.HasPrefix(name, "Create") {
		return "an agent or a tool that runs with a role"
	}
	return persistence[service+" "+versioned.ReplaceAllString(name, "")]
}

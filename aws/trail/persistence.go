package trail

import (
	"regexp"
	"strings"
	"unicode"
)

// persistence lists the calls by which an attacker stays, comes back, or becomes more
// than they were, and those that hide it or carry secrets away (MITRE ATT&CK for IaaS; AWS Security
// Incident Response Guide, "Credential access", "Persistence", "Privilege escalation"). The key is
// the service and the call as CloudTrail names it, without the version that some services put
// behind the name.
var persistence = func() map[string]string {
	all := map[string]string{}
	var words, service string
	for line := range strings.Lines(persistenceCalls) {
		calls := line
		if before, after, begins := strings.Cut(line, ": "); begins {
			words, calls = before, after
		}
		for name := range strings.FieldsSeq(calls) {
			if unicode.IsLower(rune(name[0])) {
				service = name
			} else {
				all[service+" "+name] = words
			}
		}
	}
	return all
}()

// persistenceCalls has what an attacker gets, and the services with the calls by which: credentials
// that outlive the session, permissions, who is let in, code that runs with a role, secrets and
// data, traces.
const persistenceCalls = `
a key that never expires: iam CreateAccessKey
may turn a key on again: iam UpdateAccessKey
a user of their own: iam CreateUser identitystore CreateUser
a console password: iam CreateLoginProfile UpdateLoginProfile ChangePassword
a password for a service: iam CreateServiceSpecificCredential ResetServiceSpecificCredential
an SSH key for CodeCommit: iam UploadSSHPublicKey
a certificate that signs requests: iam UploadSigningCertificate
takes a second factor away: iam DeactivateMFADevice DeleteVirtualMFADevice
a second factor of their own: iam EnableMFADevice
credentials for up to 36 hours: sts GetFederationToken GetSessionToken
root of a member account: sts AssumeRoot
a console session: signin GetSigninToken
credentials by aws login: signin CreateOAuth2Token
another key for the session: sts GetScopedCredentials
a token for outside services, which no policy takes back: sts GetWebIdentityToken
a token for another account, which no policy takes back: sts GetDelegatedAccessToken
a token in place of the session: signin CreateBearerToken CreateOAuth2TokenWithIAM CreateOAuth2TokenWithTokenExchange
lets others sign in: signin PutResourcePermissionStatement
certificates that open sessions: rolesanywhere CreateTrustAnchor CreateProfile UpdateTrustAnchor EnableTrustAnchor
  UpdateProfile EnableProfile
lets revoked certificates open sessions: rolesanywhere DisableCrl
a machine of their own, with a role: ssm CreateActivation
lets devices have a role: iot CreateRoleAlias
more permissions: iam PutUserPolicy AttachUserPolicy PutGroupPolicy AttachGroupPolicy PutRolePolicy AttachRolePolicy
  AddUserToGroup sso PutInlinePolicyToPermissionSet eks AssociateAccessPolicy
changes what a policy allows: iam CreatePolicyVersion SetDefaultPolicyVersion
may remove a deny: iam DeleteRolePolicy DetachRolePolicy DeleteUserPolicy DetachUserPolicy
may remove a limit: iam DeleteRolePermissionsBoundary DeleteUserPermissionsBoundary PutRolePermissionsBoundary
  PutUserPermissionsBoundary
changes who may assume a role: iam UpdateAssumeRolePolicy
a role, and who may assume it: iam CreateRole
may let sessions last longer: iam UpdateRole
an identity provider: iam CreateOpenIDConnectProvider CreateSAMLProvider
changes an identity provider: iam AddClientIDToOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint
  UpdateSAMLProvider
lets another account act for a while: iam AcceptDelegationRequest SendDelegationToken
lets sessions get tokens for outside services: iam EnableOutboundWebIdentityFederation
takes a role over: iam AcquireRole
gives app users a role: cognito-identity SetIdentityPoolRoles
Identity Center access: sso CreateAccountAssignment CreatePermissionSet
an account of their own: organizations InviteAccountToOrganization CreateAccount
takes the organization's limits away: organizations LeaveOrganization DisablePolicyType
may lock others out: organizations AttachPolicy
may change the organization's limits: organizations CreatePolicy DetachPolicy DeletePolicy UpdatePolicy
gives an instance a role: iam CreateInstanceProfile AddRoleToInstanceProfile ec2 AssociateIamInstanceProfile
  ReplaceIamInstanceProfileAssociation
an instance, maybe with a role: ec2 RunInstances
may change what an instance runs at its start: ec2 ModifyInstanceAttribute
a key for instances: ec2 CreateKeyPair ImportKeyPair
opens a port: ec2 AuthorizeSecurityGroupIngress
a shell on an instance: ec2-instance-connect SendSSHPublicKey SendSerialConsoleSSHPublicKey ssm StartSession
  ResumeSession
runs commands on instances, with their roles: ssm SendCommand CreateAssociation
code that runs with a role: ssm StartAutomationExecution lambda CreateFunction UpdateFunctionCode ecs
  RegisterTaskDefinition RunTask CreateService UpdateService codebuild CreateProject UpdateProject StartBuild glue
  CreateJob CreateSession sagemaker CreateTrainingJob CreateProcessingJob batch RegisterJobDefinition SubmitJob
  apprunner CreateService states CreateStateMachine UpdateStateMachine datapipeline PutPipelineDefinition
may give a function another role or layer: lambda UpdateFunctionConfiguration
lets others run a function: lambda AddPermission
lets the internet run a function: lambda CreateFunctionUrlConfig
runs something on events: lambda CreateEventSourceMapping events PutTargets
a shell with a role: ecs ExecuteCommand glue CreateDevEndpoint sagemaker CreateNotebookInstance
  CreatePresignedNotebookInstanceUrl CreatePresignedDomainUrl
access to a cluster: eks CreateAccessEntry
gives pods a role: eks CreatePodIdentityAssociation
changes anything that its role may: cloudformation CreateStack UpdateStack ExecuteChangeSet CreateChangeSet
may open an instance's credentials to others: ec2 ModifyInstanceMetadataOptions
a shell with the session's credentials: cloudshell CreateSession PutCredentials
calls again and again, with a role: scheduler CreateSchedule
code in images: imagebuilder CreateComponent ecr PutImage
read secrets: secretsmanager GetSecretValue BatchGetSecretValue
lets others read a secret: secretsmanager PutResourcePolicy
may have read secrets: ssm GetParameter GetParameters GetParametersByPath
a Windows password: ec2 GetPasswordData
changes who may use a key: kms CreateGrant PutKeyPolicy
will destroy what a key protects: kms ScheduleKeyDeletion
locks what a key protects: kms DisableKey
changes who may read a bucket: s3 PutBucketPolicy PutBucketAcl
may open buckets to the internet: s3 PutBucketPublicAccessBlock DeleteBucketPublicAccessBlock
  PutAccountPublicAccessBlock DeleteAccountPublicAccessBlock
copies data elsewhere: s3 PutBucketReplication ec2 CreateSnapshot rds StartExportTask
may destroy data: s3 PutBucketVersioning PutBucketLifecycle
shares data with others: ec2 ModifySnapshotAttribute ModifyImageAttribute rds ModifyDBSnapshotAttribute
  ModifyDBClusterSnapshotAttribute ram CreateResourceShare
may let others read messages: sns SetTopicAttributes sqs SetQueueAttributes
lets others read or write packages and images: codeartifact PutRepositoryPermissionsPolicy ecr SetRepositoryPolicy
stops a trail: cloudtrail StopLogging DeleteTrail
changes what a trail keeps: cloudtrail UpdateTrail PutEventSelectors PutInsightSelectors
removes kept events: cloudtrail DeleteEventDataStore
stops keeping events: cloudtrail StopEventDataStoreIngestion
stops recording changes: config StopConfigurationRecorder DeleteConfigurationRecorder DeleteDeliveryChannel
may turn findings off: guardduty DeleteDetector UpdateDetector securityhub DisableSecurityHub access-analyzer
  DeleteAnalyzer
may hide findings: guardduty CreateFilter CreateIPSet
takes findings from those who look: guardduty DisassociateFromMasterAccount DisassociateFromAdministratorAccount
removes logs: logs DeleteLogGroup DeleteLogStream
may shorten how long logs are kept: logs PutRetentionPolicy
stops network logs: ec2 DeleteFlowLogs
may silence an alarm: events DisableRule DeleteRule monitoring DeleteAlarms DisableAlarmActions`

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

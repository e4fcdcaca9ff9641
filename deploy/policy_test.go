package deploy_test

import (
	"os"
	"testing"

	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// The roles that the policies are tried on.
const (
	ordinary      = "arn:aws:iam::111122223333:role/DeployRole"
	withPath      = "arn:aws:iam::111122223333:role/ops/NightlyBackup"
	serviceLinked = "arn:aws:iam::111122223333:role/aws-service-role/elasticloadbalancing.amazonaws.com/" +
		"AWSServiceRoleForElasticLoadBalancing"
	identityCtr = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/" +
		"AWSReservedSSO_Admin_0a1b2c3d4e5f6a7b"
	breakGlass    = "arn:aws:iam::111122223333:role/break-glass-admin"
	breakGlassOps = "arn:aws:iam::111122223333:role/ops/break-glass-admin"
	hubRole       = "arn:aws:iam::111122223333:role/revokebot"
	spokeRole     = "arn:aws:iam::111122223333:role/revokebot-spoke"
	botWithPath   = "arn:aws:iam::111122223333:role/tools/revokebot-spoke"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func policy(t *testing.T, file string) *standin.Policy {
	t.Helper()
	p, err := standin.ParsePolicy(read(t, file))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return p
}

// everything is a policy that somebody attaches by mistake: what is denied by name has to stay
// denied beside it.
func everything(t *testing.T) *standin.Policy {
	t.Helper()
	p, err := standin.ParsePolicy(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type request struct{ action, resource string }

func TestTheBotsPolicyAllowsEveryCallThatTheBotMakes(t *testing.T) {
	p := policy(t, "iam-policy.json")
	for _, r := range []request{
		{"iam:GetRole", ordinary},
		{"iam:GetRolePolicy", ordinary},
		{"iam:ListRolePolicies", ordinary},
		{"iam:SimulatePrincipalPolicy", ordinary},
		{"iam:PutRolePolicy", ordinary},
		{"iam:GetRole", withPath},
		{"iam:GetRolePolicy", withPath},
		{"iam:PutRolePolicy", withPath},
		{"cloudtrail:LookupEvents", "*"},
		{"account:ListRegions", "*"},
		{"ec2:DescribeRegions", "*"},
		{"iam:ListRoles", "*"},
		// A role has to be read before it can be said why it is not touched.
		{"iam:GetRole", serviceLinked},
		{"iam:GetRole", identityCtr},
		{"iam:GetRole", breakGlass},
		{"iam:GetRole", hubRole},
		{"iam:GetRolePolicy", breakGlass},
	} {
		if got := standin.Evaluate(standin.Request{Action: r.action, Resource: r.resource},
			p).Decision; got != standin.Allowed {
			t.Errorf("%s on %s: %v", r.action, r.resource, got)
		}
	}
}

func TestTheBotsPolicyDeniesWhatTheBotMustNeverDoEvenBesideAPolicyThatAllowsEverything(t *testing.T) {
	ofFiles := []*standin.Policy{everything(t)}
	for _, file := range []string{"iam", "named", "undo", "lock", "unlock"} {
		ofFiles = append(ofFiles, policy(t, file+"-policy.json"))
	}
	ofTemplate := []*standin.Policy{everything(t)}
	for name, text := range lockable(t, "true").inline("Spoke") {
		p, err := standin.ParsePolicy(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ofTemplate = append(ofTemplate, p)
	}
	for _, r := range []request{
		{"iam:PutRolePolicy", serviceLinked},
		{"iam:PutRolePolicy", identityCtr},
		{"iam:PutRolePolicy", breakGlass},
		{"iam:PutRolePolicy", breakGlassOps},
		{"iam:PutRolePolicy", hubRole},
		{"iam:PutRolePolicy", spokeRole},
		{"iam:PutRolePolicy", botWithPath},
		{"iam:PassRole", ordinary},
		{"iam:UpdateAssumeRolePolicy", ordinary},
		{"iam:UpdateRole", ordinary},
		{"iam:DeleteRolePolicy", serviceLinked},
		{"iam:DeleteRolePolicy", identityCtr},
		{"iam:DeleteRolePolicy", breakGlass},
		{"iam:DeleteRolePolicy", breakGlassOps},
		{"iam:DeleteRolePolicy", hubRole},
		{"iam:DeleteRolePolicy", spokeRole},
		{"iam:DeleteRolePolicy", botWithPath},
		{"iam:DeleteRole", ordinary},
		{"iam:AttachRolePolicy", ordinary}, // without a policy's ARN; lock_test.go has those
		{"iam:DetachRolePolicy", ordinary},
		{"iam:PutRolePermissionsBoundary", ordinary},
		{"iam:DeleteRolePermissionsBoundary", ordinary},
		{"iam:AcquireRole", ordinary},
		{"iam:AcceptDelegationRequest", "*"},
		{"iam:AssociateDelegationRequest", "*"},
		{"iam:SendDelegationToken", "*"},
		{"iam:EnableMFADevice", "arn:aws:iam::111122223333:user/eve"},
		{"iam:DeactivateMFADevice", "arn:aws:iam::111122223333:user/eve"},
		{"iam:ResyncMFADevice", "arn:aws:iam::111122223333:user/eve"},
		{"iam:ResetServiceSpecificCredential", "arn:aws:iam::111122223333:user/eve"},
		{"iam:ChangePassword", "arn:aws:iam::111122223333:user/eve"},
		{"iam:EnableOrganizationsRootSessions", "*"},
		{"iam:DisableOrganizationsRootCredentialsManagement", "*"},
		{"iam:TagRole", ordinary},
		{"iam:UntagRole", ordinary},
		{"iam:CreateRole", ordinary},
		{"iam:CreatePolicyVersion", "arn:aws:iam::111122223333:policy/shop"},
		{"iam:SetDefaultPolicyVersion", "arn:aws:iam::111122223333:policy/shop"},
		{"iam:CreateUser", "arn:aws:iam::111122223333:user/eve"},
		{"iam:CreateAccessKey", "arn:aws:iam::111122223333:user/eve"},
		{"iam:CreateLoginProfile", "arn:aws:iam::111122223333:user/eve"},
		{"iam:PutUserPolicy", "arn:aws:iam::111122223333:user/eve"},
		{"iam:PutGroupPolicy", "arn:aws:iam::111122223333:group/staff"},
		{"iam:AttachUserPolicy", "arn:aws:iam::111122223333:user/eve"},
		{"iam:DetachGroupPolicy", "arn:aws:iam::111122223333:group/staff"},
		{"iam:AddUserToGroup", "arn:aws:iam::111122223333:group/staff"},
		{"iam:AddRoleToInstanceProfile", "arn:aws:iam::111122223333:instance-profile/web"},
		{"sts:AssumeRole", ordinary},
		{"sts:AssumeRole", withPath},
		{"sts:AssumeRole", breakGlass},
		{"sts:AssumeRole", "arn:aws:iam::444455556666:role/OrganizationAccountAccessRole"},
		{"sts:AssumeRoot", "arn:aws:iam::444455556666:root"},
	} {
		for from, policies := range map[string][]*standin.Policy{"files": ofFiles, "template": ofTemplate} {
			if got := standin.Evaluate(named(r.action, r.resource), policies...).Decision; got != standin.ExplicitDeny {
				t.Errorf("by the %s, %s on %s: %v, want an explicit deny", from, r.action, r.resource, got)
			}
		}
	}
}

// Names that a thief chooses for roles, so that the bot may not touch them.
func TestNoRoleIsOutOfTheBotsReachForANameThatAnybodyCanGive(t *testing.T) {
	policies := lockable(t, "true").inline("Spoke")
	for _, name := range []string{
		"revokebot-backdoor", "revokebot2", "Revokebot-Spoke", "ops/revokebot-x", "revokebot/x", "revokebot-spoke/x",
		"break-glass-evil", "break-glass-admin2", "break-glass-1/x", "break-glass-admin/x", "ops/break-glass",
	} {
		arn := "arn:aws:iam::111122223333:role/" + name
		if got := evaluate(t, named("iam:PutRolePolicy", arn), policies); got != standin.Allowed {
			t.Errorf("%s: %v", arn, got)
		}
	}
	for _, name := range []string{
		"revokebot", "revokebot-spoke", "revokebot-start", "revokebot-trust", "revokebot-users", "tools/revokebot",
		"tools/revokebot-users", "ops/break-glass-admin",
	} {
		arn := "arn:aws:iam::111122223333:role/" + name
		if got := evaluate(t, named("iam:PutRolePolicy", arn), policies); got != standin.ExplicitDeny {
			t.Errorf("%s: %v", arn, got)
		}
	}
}

func TestTheBotsPolicyAllowsNothingThatItDoesNotName(t *testing.T) {
	p := policy(t, "iam-policy.json")
	for _, r := range []request{
		{"iam:ListUsers", "*"},
		{"iam:PutRolePolicy", "arn:aws:iam::111122223333:user/eve"},
		{"s3:GetObject", "arn:aws:s3:::bucket/key"},
		{"iam:DeleteRolePolicy", ordinary}, // which is undo-policy.json
		{"secretsmanager:GetSecretValue", "*"},
		{"cloudtrail:StopLogging", "*"},
		{"sts:AssumeRole", spokeRole},
	} {
		if got := standin.Evaluate(standin.Request{Action: r.action, Resource: r.resource},
			p).Decision; got == standin.Allowed {
			t.Errorf("%s on %s is allowed", r.action, r.resource)
		}
	}
}

// deletions are all the actions of IAM that delete (Service Authorization Reference, "Actions,
// resources, and condition keys for AWS Identity and Access Management").
var deletions = []string{
	"AccessKey", "AccountAlias", "AccountPasswordPolicy", "CloudFrontPublicKey", "Group", "GroupPolicy", "InstanceProfile",
	"LoginProfile",
	"OpenIDConnectProvider", "Policy", "PolicyVersion", "Role", "RolePermissionsBoundary", "RolePolicy", "SAMLProvider",
	"SSHPublicKey",
	"ServerCertificate", "ServiceLinkedRole", "ServiceSpecificCredential", "SigningCertificate", "User",
	"UserPermissionsBoundary", "UserPolicy",
	"VirtualMFADevice",
}

func TestTheRightToUndoIsAFileOfItsOwnAndDeletesInlinePoliciesOfRolesAndNothingElse(t *testing.T) {
	p, undo, all := policy(t, "iam-policy.json"), policy(t, "undo-policy.json"), everything(t)
	decide := func(action, resource string, policies ...*standin.Policy) standin.Decision {
		return standin.Evaluate(standin.Request{Action: action, Resource: resource}, policies...).Decision
	}
	for _, role := range []string{ordinary, withPath} {
		if got := decide("iam:DeleteRolePolicy", role, p, undo); got != standin.Allowed {
			t.Errorf("with the file, %s: %v", role, got)
		}
		if got := decide("iam:DeleteRolePolicy", role, p); got == standin.Allowed {
			t.Errorf("without the file it is allowed on %s", role)
		}
	}
	for _, what := range deletions {
		if what == "RolePolicy" {
			continue
		}
		if got := decide("iam:Delete"+what, "*", p, undo, all); got != standin.ExplicitDeny {
			t.Errorf("iam:Delete%s: %v, want an explicit deny", what, got)
		}
	}
	for _, action := range []string{"iam:PutRolePolicy", "iam:GetRole", "iam:DeleteRole", "sts:AssumeRole"} {
		if got := decide(action, ordinary, undo); got == standin.Allowed {
			t.Errorf("the file alone allows %s", action)
		}
	}
}

func TestTheHubOpensSessionsOfTheSpokesAndDoesNothingElse(t *testing.T) {
	p := policy(t, "hub-policy.json")
	alone := func(r request) standin.Decision {
		return standin.Evaluate(standin.Request{Action: r.action, Resource: r.resource}, p).Decision
	}
	for _, action := range []string{"sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"} {
		for _, role := range []string{spokeRole, "arn:aws:iam::111122223333:role/revokebot-users"} {
			if got := alone(request{action, role}); got != standin.Allowed {
				t.Errorf("%s on %s: %v", action, role, got)
			}
		}
		// A hub in an account whose own roles are revoked too has both policies.
		both := standin.Evaluate(standin.Request{Action: action, Resource: spokeRole}, p,
			policy(t, "iam-policy.json")).Decision
		if both != standin.Allowed {
			t.Errorf("%s on the spoke, beside the policy of the account's own roles: %v", action, both)
		}
	}
	for _, r := range []request{
		{"sts:AssumeRole", ordinary},
		{"sts:AssumeRole", breakGlass},
		{"iam:PutRolePolicy", ordinary},
		{"iam:PassRole", ordinary},
		{"iam:GetRole", ordinary},
		{"cloudtrail:LookupEvents", "*"},
	} {
		if got := alone(r); got == standin.Allowed {
			t.Errorf("%s on %s is allowed to the hub", r.action, r.resource)
		}
	}
}

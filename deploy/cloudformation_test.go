package deploy_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

const (
	hubARN   = "arn:aws:iam::" + hubAccount + ":role/revokebot"
	spokeARN = "arn:aws:iam::" + spokeAccount + ":role/revokebot-spoke"
	cluster  = "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF"
)

// hub is a stack of hub.yaml for a platform.
func hub(t *testing.T, platform string) *template {
	t.Helper()
	parameters := map[string]string{"Platform": platform}
	switch platform {
	case "irsa":
		parameters["OidcProvider"] = cluster
	case "pod-identity":
		parameters["ClusterName"] = "tools"
	}
	return mustStack(t, "hub.yaml", hubAccount, parameters)
}

// spoke is a stack of spoke.yaml.
func spoke(t *testing.T, undo string) *template {
	t.Helper()
	return mustStack(t, "spoke.yaml", spokeAccount, map[string]string{
		"HubRoleArn": hubARN, "ExternalId": externalID, "Undo": undo,
	})
}

// lockable is a stack of spoke.yaml that may lock roles, and unlock them if it may undo.
func lockable(t *testing.T, undo string) *template {
	t.Helper()
	return mustStack(t, "spoke.yaml", spokeAccount, map[string]string{
		"HubRoleArn": hubARN, "ExternalId": externalID, "Undo": undo, "AllowLock": "true",
	})
}

// logGroup is the log group that log-group-policy.json names.
const logGroup = "arn:aws:logs:us-east-1:" + spokeAccount + ":log-group:aws-cloudtrail-logs"

// querying is a stack of spoke.yaml with everything.
func querying(t *testing.T) *template {
	t.Helper()
	return mustStack(t, "spoke.yaml", spokeAccount, map[string]string{
		"HubRoleArn": hubARN, "ExternalId": externalID, "Undo": "true", "AllowLock": "true", "TrailLogGroup": logGroup,
	})
}

// usersRole is a stack of users.yaml.
func usersRole(t *testing.T, undo string) *template {
	t.Helper()
	return mustStack(t, "users.yaml", spokeAccount, map[string]string{
		"HubRoleArn": hubARN, "ExternalId": externalID, "Undo": undo,
	})
}

// guardRail is the text of guardrail.yaml's policy for these roles and other writers.
func guardRail(t *testing.T, roles, otherWriters string) string {
	t.Helper()
	s := mustStack(t, "guardrail.yaml", "444455556666", map[string]string{
		"GuardedRoles": roles, "OtherWriters": otherWriters, "Targets": "ou-ab12-cd34ef56",
	})
	return s.json(s.made("GuardRail")["Content"])
}

// same compares JSON by what it means: a list of one is its element.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	read := func(text string) any {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%s: %v in %s", what, err, text)
		}
		return flat(v)
	}
	if diff := cmp.Diff(read(want), read(got)); diff != "" {
		t.Errorf("%s: want (-), got (+):\n%s", what, diff)
	}
}

func flat(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			m[k] = flat(e)
		}
		return m
	case []any:
		if len(v) == 1 {
			return flat(v[0])
		}
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = flat(e)
		}
		return list
	default:
		return v
	}
}

func TestTheTemplatesAndThePolicyFilesSayTheSame(t *testing.T) {
	whole := querying(t)
	same(t, "the spoke's trust", whole.trust("Spoke"), read(t, "spoke-trust-policy.json"))
	want := map[string]string{
		"revoke-sessions": "iam-policy.json", "named-sessions": "named-policy.json", "undo": "undo-policy.json",
		"lock": "lock-policy.json", "unlock": "unlock-policy.json", "trail-log-group": "log-group-policy.json",
	}
	size := 0
	for name, text := range whole.inline("Spoke") {
		size += len(text)
		same(t, "the spoke's "+name, text, read(t, want[name]))
		delete(want, name)
	}
	if len(want) != 0 {
		t.Errorf("the spoke lacks %v", want)
	}
	// IAM User Guide, "IAM and AWS STS quotas": the inline policies of a role together.
	if size > 10_240 {
		t.Errorf("the spoke's policies have %d characters", size)
	}
	for _, platform := range []string{"ecs", "pod-identity", "irsa", "ec2"} {
		policies := hub(t, platform).inline("Hub")
		if len(policies) != 1 {
			t.Errorf("on %s the hub has %v", platform, policies)
		}
		same(t, "the hub on "+platform, policies["open-spokes"], read(t, "hub-policy.json"))
	}
}

func TestWithoutItsParametersTheSpokeMayNeitherUndoNorLock(t *testing.T) {
	s := mustStack(t, "spoke.yaml", spokeAccount, map[string]string{"HubRoleArn": hubARN, "ExternalId": externalID})
	policies := s.inline("Spoke")
	if got := slices.Sorted(maps.Keys(policies)); !slices.Equal(got, []string{"named-sessions", "revoke-sessions"}) {
		t.Errorf("the spoke has %v", got)
	}
	if got := evaluate(t, named("iam:DeleteRolePolicy", ordinary), policies); got == standin.Allowed {
		t.Error("iam:DeleteRolePolicy is allowed")
	}
	for _, action := range lockCalls {
		if got := evaluate(t, attachment(action, ordinary, denyAll), policies); got == standin.Allowed {
			t.Errorf("%s is allowed", action)
		}
	}
}

func TestEveryPartOfEveryTemplateIsUnderstood(t *testing.T) {
	files, err := os.ReadDir("cloudformation")
	if err != nil {
		t.Fatal(err)
	}
	stacks := map[string][]*template{
		"hub.yaml":   {hub(t, "ecs"), hub(t, "pod-identity"), hub(t, "irsa"), hub(t, "ec2")},
		"spoke.yaml": {spoke(t, "true"), spoke(t, "false"), lockable(t, "true"), lockable(t, "false"), querying(t)},
		"guardrail.yaml": {
			mustStack(t, "guardrail.yaml", "444455556666", map[string]string{
				"GuardedRoles": ordinary, "Targets": "r-ab12", "OtherWriters": "arn:aws:iam::*:role/cdk-*",
			}),
			mustStack(t, "guardrail.yaml", "444455556666", map[string]string{
				"GuardedRoles": "arn:aws:iam::*:role/*", "Targets": "r-ab12", "GuardTrust": "true",
			}),
		},
		"users.yaml": {usersRole(t, "true"), usersRole(t, "false")}, "trust.yaml": {trustRole(t)},
		"ecs.yaml": {ecs(t)}, "alarms.yaml": {alarms(t)},
	}
	for _, f := range files {
		if len(stacks[f.Name()]) == 0 {
			t.Errorf("%s is in no test", f.Name())
		}
		for _, s := range stacks[f.Name()] {
			s.everythingResolves()
		}
	}
}

func TestInOtherPartitionsTheTemplatesNameTheirRoles(t *testing.T) {
	s := lockable(t, "true")
	s.parameters["AWS::Partition"] = "aws-us-gov"
	for name, text := range s.inline("Spoke") {
		if strings.Contains(text, "arn:aws:") {
			t.Errorf("%s names roles of another partition: %s", name, text)
		}
	}
}

func TestParametersThatWouldOpenARoleAreRefused(t *testing.T) {
	for _, c := range []struct {
		file       string
		parameters map[string]string
	}{
		{"spoke.yaml", map[string]string{"HubRoleArn": "arn:aws:iam::" + hubAccount + ":root", "ExternalId": externalID}},
		{"spoke.yaml", map[string]string{"HubRoleArn": "*", "ExternalId": externalID}},
		{"spoke.yaml", map[string]string{"HubRoleArn": hubARN}},
		{"spoke.yaml", map[string]string{"HubRoleArn": hubARN, "ExternalId": "short"}},
		{"spoke.yaml", map[string]string{"HubRoleArn": hubARN, "ExternalId": "****************"}},
		{"spoke.yaml", map[string]string{"HubRoleArn": hubARN, "ExternalId": externalID, "Undo": "yes"}},
		{"spoke.yaml", map[string]string{"HubRoleArn": hubARN, "ExternalId": externalID, "AllowLock": "yes"}},
		{"spoke.yaml", map[string]string{"HubRoleArn": hubARN, "ExternalId": externalID, "TrailLogGroup": "*"}},
		{"spoke.yaml", map[string]string{"HubRoleArn": hubARN, "ExternalId": externalID, "TrailLogGroup": logGroup + "*"}},
		{"hub.yaml", map[string]string{"Platform": "lambda"}},
		{"hub.yaml", map[string]string{"Platform": "irsa"}},
		{"hub.yaml", map[string]string{"Platform": "pod-identity"}},
		{"hub.yaml", map[string]string{"Platform": "irsa", "OidcProvider": cluster, "ServiceAccount": "*"}},
		{"hub.yaml", map[string]string{"Platform": "irsa", "OidcProvider": cluster, "Namespace": "a:b"}},
		{"hub.yaml", map[string]string{"Platform": "irsa", "OidcProvider": `x.com/id/A","*":"`}},
	} {
		if _, err := stack(t, c.file, spokeAccount, c.parameters); err == nil {
			t.Errorf("%s takes %v", c.file, c.parameters)
		}
	}
}

func TestTheHubLetsInItsPlatformAndNoOther(t *testing.T) {
	services := []string{"ecs-tasks.amazonaws.com", "pods.eks.amazonaws.com", "ec2.amazonaws.com", "lambda.amazonaws.com"}
	for platform, service := range map[string]string{
		"ecs": services[0], "pod-identity": services[1], "ec2": services[2], "irsa": "",
	} {
		a := standin.New(standin.Config{}).AddAccount(hubAccount, "")
		a.AddRole(standin.RoleSpec{Name: "revokebot", Trust: hub(t, platform).trust("Hub")})
		for _, s := range services {
			if _, err := a.ServiceSession("revokebot", s, "x1", "us-east-1"); (err == nil) != (s == service) {
				t.Errorf("on %s, %s: %v", platform, s, err)
			}
		}
		for subject, own := range map[string]bool{
			"system:serviceaccount:revokebot:revokebot": true, "system:serviceaccount:revokebot:other": false,
			"system:serviceaccount:other:revokebot": false,
		} {
			for audience, right := range map[string]bool{"": true, "elsewhere": false} {
				for _, provider := range []string{cluster, "oidc.eks.us-east-1.amazonaws.com/id/FEDCBA"} {
					_, err := a.WebIdentitySession("revokebot", standin.WebIdentitySpec{
						Provider: provider, Subject: subject, Audience: audience, SessionName: "bot",
					})
					if want := platform == "irsa" && own && right && provider == cluster; (err == nil) != want {
						t.Errorf("on %s, %s for %q of %s: %v", platform, subject, audience, provider, err)
					}
				}
			}
		}
	}
}

func TestTheHubOnECSIsForTasksOfItsAccountAndRegion(t *testing.T) {
	trust := hub(t, "ecs").trust("Hub")
	for _, c := range []struct {
		account, region string
		want            bool
	}{{hubAccount, "us-east-1", true}, {hubAccount, "eu-west-1", false}, {spokeAccount, "us-east-1", false}} {
		a := standin.New(standin.Config{}).AddAccount(c.account, "")
		a.AddRole(standin.RoleSpec{Name: "revokebot", Trust: trust})
		if _, err := a.ServiceSession("revokebot", "ecs-tasks.amazonaws.com", "task1", c.region); (err == nil) != c.want {
			t.Errorf("a task of %s in %s: %v", c.account, c.region, err)
		}
	}
}

func TestPodIdentityPutsNoTagsIntoTheSessionsOfTheSpokes(t *testing.T) {
	made := hub(t, "pod-identity").made("Association")
	if made["DisableSessionTags"] != true || made["RoleArn"] != hubARN || made["ClusterName"] != "tools" {
		t.Errorf("the association is %v", made)
	}
	if made := hub(t, "ecs").made("Association"); made != nil {
		t.Errorf("on ECS there is an association: %v", made)
	}
}

func TestTheGuardRailIsTheOneThatTheBotOffers(t *testing.T) {
	const stackSets = "arn:aws:iam::*:role/stacksets-exec-*"
	for others, writers := range map[string][]string{
		"": {"arn:aws:iam::*:role/revokebot-spoke", stackSets},
		"arn:aws:iam::*:role/Terraform,arn:aws:iam::*:role/cdk-*": {
			"arn:aws:iam::*:role/revokebot-spoke", stackSets, "arn:aws:iam::*:role/Terraform", "arn:aws:iam::*:role/cdk-*",
		},
	} {
		template := statements(t, guardRail(t, ordinary, others))
		offered := statements(t, role.GuardRailSCP(ordinary, writers))
		if want := 3 + min(len(others), 1); len(template) != want || len(offered) != 2 {
			t.Fatalf("%d and %d statements", len(template), len(offered))
		}
		same(t, "the guard rail", string(template[0]), string(offered[0]))
		for _, s := range template[2:] {
			var there, want struct{ Action json.RawMessage }
			if err := errors.Join(json.Unmarshal(s, &there), json.Unmarshal(offered[1], &want)); err != nil {
				t.Fatal(err)
			}
			same(t, "the ways to become another principal", string(there.Action), string(want.Action))
		}
	}
	if n := len(guardRail(t, "arn:aws:iam::*:role/*", "")); n > 10_240 {
		t.Errorf("%d characters are too many for a service control policy", n)
	}
}

func TestUnderTheGuardRailTheBotGoesOnAndNeitherTheThiefNorAnAdministratorTakesTheDenyAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		everywhere := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
		a.spoke.AddRole(standin.RoleSpec{Name: "Thief", Trust: trustLambda, Policies: map[string]string{"all": everywhere}})
		thief, err := a.spoke.ServiceSession("Thief", "lambda.amazonaws.com", "x1", "us-east-1")
		if err != nil {
			t.Fatal(err)
		}
		admin := a.spoke.AddUser(standin.UserSpec{Name: "kim", Policies: map[string]string{"all": everywhere}})
		if err := a.spoke.SetSCP(guardRail(t, "arn:aws:iam::*:role/*", "")); err != nil {
			t.Fatal(err)
		}
		cloud := a.cloud(t, externalID)
		revoked, _, err := revoke(t.Context(), cloud, "spoke")
		if err != nil {
			t.Fatalf("the bot: %v", err)
		}
		for who, key := range map[string]standin.AccessKey{"the thief": thief, "an administrator": admin} {
			if err := a.takeAway(t, key); code(err) != "AccessDenied" {
				t.Errorf("%s: %v", who, err)
			}
		}
		if _, still := a.spoke.RolePolicy("NightlyBackup", contain.ConsolePolicy); !still {
			t.Error("the deny is gone")
		}
		if _, err := undo(t.Context(), cloud, revoked); err != nil {
			t.Errorf("the bot's undo: %v", err)
		}
		if err := a.spoke.SetSCP(""); err != nil {
			t.Fatal(err)
		}
		if _, _, err := revoke(t.Context(), cloud, "spoke"); err != nil {
			t.Fatal(err)
		}
		if err := a.takeAway(t, thief); err != nil {
			t.Errorf("without the guard rail the thief cannot do it either, so this shows nothing: %v", err)
		}
	})
}

// statements are those of a policy.
func statements(t *testing.T, text string) []json.RawMessage {
	t.Helper()
	var document struct{ Statement []json.RawMessage }
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return document.Statement
}

// excepted are the patterns on principals that some statement of a policy does not bind.
func excepted(t *testing.T, text string) (patterns []string) {
	t.Helper()
	for _, raw := range statements(t, text) {
		var s struct {
			Condition map[string]map[string]any
		}
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		for operator, keys := range s.Condition {
			if !strings.Contains(operator, "Not") {
				continue
			}
			switch v := keys["aws:PrincipalArn"].(type) {
			case string:
				patterns = append(patterns, v)
			case []any:
				for _, one := range v {
					patterns = append(patterns, one.(string))
				}
			}
		}
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// Only an excepted principal may become another one, in the template and in what the thread offers.
func TestNoOtherPrincipalBecomesOneThatAGuardRailExcepts(t *testing.T) {
	const writers = "arn:aws:iam::*:role/Terraform,arn:aws:iam::*:role/cdk-*,arn:aws:iam::*:user/kim"
	ways := []string{
		"iam:CreateRole", "iam:UpdateRole", "iam:UpdateRoleDescription", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy",
		"iam:DeleteRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary",
		"iam:DeleteRolePermissionsBoundary", "iam:TagRole", "iam:UntagRole", "iam:DeleteRole", "iam:AcquireRole",
		"iam:PassRole", "iam:CreateUser", "iam:UpdateUser", "iam:CreateAccessKey", "iam:UpdateAccessKey",
		"iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:PutUserPolicy", "iam:AttachUserPolicy",
		"iam:EnableMFADevice", "iam:DeactivateMFADevice", "iam:ResyncMFADevice", "iam:UploadSSHPublicKey",
		"iam:ChangePassword",
		"iam:UploadSigningCertificate", "iam:CreateServiceSpecificCredential", "iam:ResetServiceSpecificCredential",
	}
	for name, text := range map[string]string{
		"the template": guardRail(t, "arn:aws:iam::*:role/*", ""), "with others": guardRail(t, ordinary, writers),
		"offered": role.GuardRailSCP(ordinary, []string{spokeARN}),
		"without a spoke": role.GuardRailSCP(ordinary, []string{
			"arn:aws:iam::111122223333:role/bot", "arn:aws:iam::111122223333:role/*/bot",
		}),
		"a user": role.GuardRailSCP(ordinary, []string{"arn:aws:iam::111122223333:user/bot"}),
	} {
		p, err := standin.ParsePolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		patterns := excepted(t, text)
		if len(patterns) == 0 {
			t.Fatalf("%s excepts no principal", name)
		}
		for _, pattern := range patterns {
			pattern = strings.Replace(pattern, "iam::*:", "iam::111122223333:", 1)
			for _, filling := range []string{"", "x", "a/b", "eve"} {
				made := strings.ReplaceAll(pattern, "*", filling)
				for _, way := range ways {
					for _, who := range []string{"role/Admin", "user/eve", "role/ops/stacksets-exec-x", "role/NightlyBackup"} {
						got := standin.Evaluate(standin.Request{Action: way, Resource: made, Context: standin.Context{
							"aws:PrincipalArn": {"arn:aws:iam::111122223333:" + who},
						}}, p).Decision
						if got != standin.ExplicitDeny {
							t.Errorf("%s: by %s, %s becomes %s: %v", name, way, who, made, got)
						}
					}
				}
			}
		}
	}
}

func TestNoExceptionOfTheGuardRailBeginsWithAWildcard(t *testing.T) {
	for _, pattern := range []string{
		"arn:aws:iam::*:role/*", "arn:aws:iam::*:role/*admin", "arn:aws:iam::*:role/?dmin", "arn:aws:iam::*:role/*/cdk-1",
		"arn:aws:iam::*:*", "*", "arn:aws:iam::*:user/*", "arn:aws:iam::11112222333?:role/x", "arn:aws:iam::*:role/",
		"arn:aws:iam::*:role/cdk,*",
	} {
		for _, parameter := range []string{"SpokeDeployers", "OtherWriters"} {
			if _, err := stack(t, "guardrail.yaml", "444455556666", map[string]string{
				"GuardedRoles": ordinary, "Targets": "r-ab12", parameter: pattern,
			}); err == nil {
				t.Errorf("%s %q is taken", parameter, pattern)
			}
		}
	}
	if _, err := stack(t, "guardrail.yaml", "444455556666", map[string]string{
		"GuardedRoles": ordinary, "Targets": "r-ab12",
		"OtherWriters": "arn:aws-cn:iam::111122223333:role/ops/cdk-*,arn:aws:iam::*:user/kim",
	}); err != nil {
		t.Error(err)
	}
}

func TestAHubInAnOrganisationOpensNoSpokeOutsideIt(t *testing.T) {
	s := mustStack(t, "hub.yaml", hubAccount, map[string]string{"Platform": "ecs", "OrganizationId": "o-abcdefghij"})
	for org, want := range map[string]standin.Decision{
		"o-abcdefghij": standin.Allowed, "o-evilevilev": standin.ImplicitDeny, "": standin.ImplicitDeny,
	} {
		r := named("sts:AssumeRole", spokeARN)
		if org != "" {
			r.Context["aws:ResourceOrgID"] = []string{org}
		}
		if got := evaluate(t, r, s.inline("Hub")); got != want {
			t.Errorf("a spoke of %q: %v", org, got)
		}
	}
	for _, id := range []string{"*", "o-*", "r-ab12"} {
		parameters := map[string]string{"Platform": "ecs", "OrganizationId": id}
		if _, err := stack(t, "hub.yaml", hubAccount, parameters); err == nil {
			t.Errorf("%q is taken for an organisation", id)
		}
	}
}

func TestTheGuardRailsExceptionCannotBeTakenOver(t *testing.T) {
	p, err := standin.ParsePolicy(guardRail(t, "arn:aws:iam::*:role/*", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{
		"iam:CreateRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:AttachRolePolicy",
		"iam:DetachRolePolicy",
		"iam:DeleteRole", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary",
	} {
		for principal, want := range map[string]standin.Decision{
			"arn:aws:iam::111122223333:user/kim": standin.ExplicitDeny,
			spokeARN:                             standin.ExplicitDeny,
			"arn:aws:iam::111122223333:role/stacksets-exec-899a82a2cb437e970934262f85c7628a": standin.ImplicitDeny,
		} {
			got := standin.Evaluate(standin.Request{
				Action: action, Resource: spokeARN, Context: standin.Context{"aws:PrincipalArn": {principal}},
			}, p).Decision
			if got != want {
				t.Errorf("%s on the spoke by %s: %v, want %v", action, principal, got, want)
			}
		}
	}
}

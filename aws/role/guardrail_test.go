package role

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// decides evaluates a service control policy for a principal.
func decides(t *testing.T, document, action, resource, principal, issued string) standin.Decision {
	t.Helper()
	p, err := standin.ParsePolicy(document)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	if n := len(document); n > 10_240 {
		t.Fatalf("%d characters are too many for a service control policy", n)
	}
	return standin.Evaluate(standin.Request{Action: action, Resource: resource, Context: standin.Context{
		"aws:PrincipalArn": {principal}, "aws:TokenIssueTime": {issued},
	}}, p).Decision
}

func TestTheGuardRailLetsNobodyButTheBotTouchTheRolesInlinePolicies(t *testing.T) {
	const other = "arn:aws:iam::111122223333:role/ops/Deploy"
	role := Role{Principal: contain.Principal{ARN: "arn:aws:iam::111122223333:role/o*s/Deploy"}}
	document := GuardRailSCP(role.ARN, []string{awsbench.SpokeID, "arn:aws:iam::111122223333:role/*/Hub"})
	for _, c := range []struct {
		action, resource, principal string
		want                        standin.Decision
	}{
		{"iam:PutRolePolicy", role.ARN, "arn:aws:iam::111122223333:user/eve", standin.ExplicitDeny},
		{"iam:DeleteRolePolicy", role.ARN, "arn:aws:iam::111122223333:user/eve", standin.ExplicitDeny},
		{"iam:DeleteRolePolicy", role.ARN, role.ARN, standin.ExplicitDeny},
		{"iam:DeleteRolePolicy", role.ARN, awsbench.SpokeID + "2", standin.ExplicitDeny},
		{"iam:DeleteRolePolicy", role.ARN, awsbench.SpokeID, standin.ImplicitDeny},
		{"iam:PutRolePolicy", role.ARN, "arn:aws:iam::111122223333:role/tools/Hub", standin.ImplicitDeny},
		{"iam:DeleteRolePolicy", other, "arn:aws:iam::111122223333:user/eve", standin.ImplicitDeny},
		{"iam:GetRolePolicy", role.ARN, "arn:aws:iam::111122223333:user/eve", standin.ImplicitDeny},
	} {
		if got := decides(t, document, c.action, c.resource, c.principal, ""); got != c.want {
			t.Errorf("%s on %s by %s: %v", c.action, c.resource, c.principal, got)
		}
	}
	if got := decides(t, GuardRailSCP(role.ARN, nil), "iam:PutRolePolicy", role.ARN, awsbench.SpokeID,
		""); got != standin.ExplicitDeny {
		t.Errorf("without exceptions: %v", got)
	}
}

func TestTheOrganizationsPolicyDeniesTheRolesOldSessionsOnly(t *testing.T) {
	role := Role{Principal: contain.Principal{ARN: "arn:aws:iam::111122223333:role/o*s/Deploy"}}
	cutoff := time.Date(2026, 11, 22, 10, 1, 31, 0, time.UTC)
	document := OldSessionsSCP(role.ARN, cutoff)
	for _, c := range []struct {
		principal, issued string
		want              standin.Decision
	}{
		{role.ARN, "2026-11-22T10:01:30Z", standin.ExplicitDeny},
		{role.ARN, "2026-11-22T10:01:31Z", standin.ImplicitDeny},
		{"arn:aws:iam::111122223333:role/ops/Deploy", "2026-11-22T10:01:30Z", standin.ImplicitDeny},
	} {
		if got := decides(t, document, "s3:GetObject", "*", c.principal, c.issued); got != c.want {
			t.Errorf("%s issued %s: %v", c.principal, c.issued, got)
		}
	}
}

func TestAnIdentityCenterRoleIsRefusedWithTheStepsAndAPolicyThatIsFilledIn(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		const path = "/aws-reserved/sso.amazonaws.com/"
		for _, name := range []string{"AWSReservedSSO_Power_User_0c2c54f4de53553c", "AWSReservedSSO_Power_0c2c54f4de53553c"} {
			b.Role(standin.RoleSpec{Name: name, Path: path + "eu-west-1/"})
		}
		target, _ := b.Cloud.Parse("prod/AWSReservedSSO_Power_0c2c54f4de53553c")
		_, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
		refused, ok := errors.AsType[*aws.RefusedError](err)
		if !ok || !strings.Contains(refused.Sentence, "belongs to IAM Identity Center") || len(refused.Steps) != 7 {
			t.Fatalf("got %+v", err)
		}
		if all := strings.Join(refused.Steps, " "); !strings.Contains(all, `"Power"`) ||
			!strings.Contains(all, "111122223333") || !strings.Contains(all, "12 hours") ||
			!strings.Contains(all, "identitystore:userId") {
			t.Errorf("steps: %s", all)
		}
		arn := "arn:aws:iam::111122223333:role" + path
		for _, c := range []struct {
			principal string
			issued    time.Time
			want      standin.Decision
		}{
			{arn + "eu-west-1/AWSReservedSSO_Power_0c2c54f4de53553c", b.Server.Now(), standin.ExplicitDeny},
			{arn + "AWSReservedSSO_Power_ffff54f4de53553c", b.Server.Now(), standin.ExplicitDeny},
			{arn + "AWSReservedSSO_Power_ffff54f4de53553c", b.Server.Now().Add(32 * time.Second), standin.ImplicitDeny},
			{arn + "eu-west-1/AWSReservedSSO_Power_User_0c2c54f4de53553c", b.Server.Now(), standin.ImplicitDeny},
			{
				"arn:aws:iam::444455556666:role" + path + "AWSReservedSSO_Power_0c2c54f4de53553c", b.Server.Now(),
				standin.ImplicitDeny,
			},
			{"arn:aws:iam::111122223333:role/AWSReservedSSO_Power_0c2c54f4de53553c", b.Server.Now(), standin.ImplicitDeny},
		} {
			if got := decides(t, refused.Document, "s3:GetObject", "*", c.principal,
				c.issued.Format(time.RFC3339)); got != c.want {
				t.Errorf("%s issued %v: %v", c.principal, c.issued, got)
			}
		}
	})
}

func TestThePermissionSetIsInTheRolesName(t *testing.T) {
	for name, want := range map[string]string{
		"AWSReservedSSO_AdministratorAccess_0a1b2c3d4e5f6a7b": "AdministratorAccess",
		"AWSReservedSSO_Power_User_0a1b2c3d4e5f6a7b":          "Power_User",
		"AWSReservedSSO_Admin_0a1b2c3d4e5f6a7":                "", "AWSReservedSSO_Admin": "", "Admin_0a1b2c3d4e5f6a7b": "",
		"AWSReservedSSO_0a1b2c3d4e5f6a7b": "",
	} {
		if got := permissionSetOf(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWhatTheBotItselfIsInAnAccount(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		if got := b.Cloud.OwnRoles("home", contain.Role); got != nil {
			t.Errorf("before the bot knows who it is: %v", got)
		}
		if err := b.Cloud.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string][]string{
			"prod": {
				awsbench.SpokeID,
			}, "home": {"arn:aws:iam::999900001111:role/revokebot-hub", "arn:aws:iam::999900001111:role/*/revokebot-hub"},
			"unknown": nil,
		} {
			if diff := cmp.Diff(want, b.Cloud.OwnRoles(name, contain.Role)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

// An escape of each character of the path would take six times its room.
func TestNoPathMakesAPolicyForPeopleTooLong(t *testing.T) {
	for _, char := range []string{"<", ">", "&", "*", "$", `\`, `"`} {
		arn := "arn:aws-us-gov:iam::111122223333:role/" + strings.Repeat(char, 510) + "/" + strings.Repeat("n", 64)
		for name, text := range map[string]string{
			"old sessions": OldSessionsSCP(arn, time.Now()),
			"guard rail":   GuardRailSCP(arn, []string{"arn:aws:iam::*:role/revokebot-spoke"}),
		} {
			if len(text) > 5120 || strings.Contains(text, `\u00`) || !json.Valid([]byte(text)) {
				t.Errorf("%s of a path of %s: %d characters", name, char, len(text))
			}
		}
	}
}

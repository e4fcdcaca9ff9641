package role

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// allows evaluates a session policy alone.
func allows(t interface{ Fatalf(string, ...any) }, document, action, resource string) bool {
	p, err := standin.ParsePolicy(document)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return standin.Evaluate(standin.Request{Action: action, Resource: resource}, p).Decision == standin.Allowed
}

func TestTheSessionPolicyAllowsThreeActionsOnOneRole(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/ops/Deploy"
	document := sessionOf(Do, role)
	for action, want := range map[string]bool{
		"iam:GetRole": true, "iam:GetRolePolicy": true, "iam:PutRolePolicy": true,
		"iam:DeleteRolePolicy": false, "iam:UpdateAssumeRolePolicy": false, "iam:AttachRolePolicy": false,
		"iam:PassRole": false, "iam:CreateRole": false, "sts:AssumeRole": false, "cloudtrail:LookupEvents": false,
	} {
		if got := allows(t, document, action, role); got != want {
			t.Errorf("%s: %v", action, got)
		}
		if allows(t, document, action, "arn:aws:iam::111122223333:role/ops/Deploy2") {
			t.Errorf("%s on another role", action)
		}
	}
}

func TestNoPathKeepsARoleFromItsSessionPolicyOrWidensIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringOfN(rapid.SampledFrom([]rune(`ab*?${}"\\/:<>&`)), 0, 9, -1)
		name := rapid.StringOfN(rapid.SampledFrom([]rune(`aB3_+=,.@-`)), 1, 4, -1)
		at := func(path, name string) string {
			return "arn:aws:iam::111122223333:role/" + strings.TrimSuffix(path+"/", "//") + "/" + name
		}
		a, b := name.Draw(t, "a"), name.Draw(t, "b")
		mine, other := at(path.Draw(t, "path"), a), at(path.Draw(t, "another path"), b)
		document := sessionOf(Do, mine)
		if !allows(t, document, "iam:PutRolePolicy", mine) {
			t.Fatalf("%s does not allow %s", document, mine)
		}
		if a != b && allows(t, document, "iam:PutRolePolicy", other) { // names are unique in an account
			t.Fatalf("%s allows %s", document, other)
		}
	})
}

// The limit of the plain text is 2,048 characters (AWS STS API reference, "AssumeRole"). Until 2026
// STS also had one of the packed form, with the tags in it (PackedPolicyTooLarge): what a request
// asks for stays below half of what that took, whatever the name and the path.
func TestNoRoleIsTooLongForItsSessionPolicy(t *testing.T) {
	name, tags := strings.Repeat("n", 64), 10*len("approvers U0123456789")
	for _, char := range []string{"*", "$", "<", "?", "&", `"`, "%", "\\"} {
		for kind, measures := range map[string][]contain.Measure{
			"role": {contain.Revoke(), contain.Lock()}, "user": {contain.Key()},
		} {
			arn := "arn:aws-us-gov:iam::111122223333:" + kind + "/" + strings.Repeat(char, 510) + "/" + name
			for _, m := range measures {
				for _, mode := range []Mode{Do, Undo} {
					o := approved(mode, arn, m)
					o.Principal.Kind = contain.PrincipalKind(kind)
					for _, document := range []string{o.sessionPolicy(), o.drillPolicy(arn)} {
						if len(document) > 2048 || len(document)+tags > 1024 || strings.Contains(document, `\u00`) ||
							!allows(t, document, asks(o.Principal.Kind), arn) {
							t.Errorf("%d characters: %s", len(document), document)
						}
					}
				}
			}
		}
	}
}

// Without the condition, a session that attaches one policy could attach one that allows
// everything.
func TestTheSessionOfALockAttachesOnePolicyOnly(t *testing.T) {
	const role, lock = "arn:aws:iam::111122223333:role/ops/Deploy", "arn:aws:iam::aws:policy/AWSDenyAll"
	for _, c := range []struct {
		mode           Mode
		action, policy string
		on             string
		want           bool
	}{
		{Do, "iam:AttachRolePolicy", lock, role, true},
		{Do, "iam:AttachRolePolicy", "arn:aws:iam::aws:policy/AdministratorAccess", role, false},
		{Do, "iam:AttachRolePolicy", lock, role + "2", false},
		{Do, "iam:DetachRolePolicy", lock, role, false},
		{Do, "iam:PutRolePolicy", "", role, false},
		{Do, "iam:ListAttachedRolePolicies", "", role, true},
		{Undo, "iam:DetachRolePolicy", lock, role, true},
		{Undo, "iam:DetachRolePolicy", "arn:aws:iam::aws:policy/SecurityAudit", role, false},
	} {
		p, err := standin.ParsePolicy(approved(c.mode, role, contain.Lock()).sessionPolicy())
		if err != nil {
			t.Fatal(err)
		}
		request := standin.Request{Action: c.action, Resource: c.on, Context: standin.Context{"iam:PolicyARN": {c.policy}}}
		if got := standin.Evaluate(request, p).Decision == standin.Allowed; got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

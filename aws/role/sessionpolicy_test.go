package role

import (
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

func TestAPathWithWildcardsCannotWidenTheSessionPolicy(t *testing.T) {
	for _, c := range []struct{ role, other string }{
		{"arn:aws:iam::111122223333:role/*/Deploy", "arn:aws:iam::111122223333:role/ops/Deploy"},
		{"arn:aws:iam::111122223333:role/op?/Deploy", "arn:aws:iam::111122223333:role/ops/Deploy"},
		{"arn:aws:iam::111122223333:role/${*}/Deploy", "arn:aws:iam::111122223333:role/*/Deploy"},
		{"arn:aws:iam::111122223333:role/${aws:username}/Deploy", "arn:aws:iam::111122223333:role//Deploy"},
		{`arn:aws:iam::111122223333:role/","arn:aws:iam::*:role/*/Deploy`, "arn:aws:iam::111122223333:role/ops/Deploy"},
	} {
		document := sessionOf(Do, c.role)
		if !allows(t, document, "iam:PutRolePolicy", c.role) {
			t.Errorf("%s does not allow its own role", document)
		}
		if allows(t, document, "iam:PutRolePolicy", c.other) {
			t.Errorf("%s allows %s", document, c.other)
		}
	}
}

func TestNoPairOfPathsSharesASessionPolicy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringOfN(rapid.SampledFrom([]rune(`ab*?${}"\/:`)), 1, 8, -1)
		a := "arn:aws:iam::111122223333:role/" + path.Draw(t, "a") + "/x"
		b := "arn:aws:iam::111122223333:role/" + path.Draw(t, "b") + "/x"
		if got := allows(t, sessionOf(Do, a), "iam:PutRolePolicy", b); got != (a == b) {
			t.Fatalf("the policy for %s on %s: %v", a, b, got)
		}
	})
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

package deploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

const user = "arn:aws:iam::111122223333:user/ci/deployer"

// keyOrder is the order for a key of the spoke account.
func keyOrder(t *testing.T, cloud *aws.Cloud, key string) (role.Order, error) {
	t.Helper()
	target, err := role.New(cloud).KeyUser(t.Context(), "spoke", key)
	if err != nil {
		return role.Order{}, err
	}
	params := json.RawMessage(`{"key":"` + key + `"}`)
	about, err := role.New(cloud).Describe(t.Context(), target, contain.Key(), params)
	o := revocation(about)
	o.Measure, o.Params = contain.Key(), params
	return o, err
}

// containKey contains a user's key and undoes it.
func containKey(t *testing.T, a *accounts, cloud *aws.Cloud) {
	t.Helper()
	key := a.spoke.AddUser(standin.UserSpec{Name: "deployer", Path: "/ci/", Policies: map[string]string{
		"s3": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`,
	}})
	if of, err := cloud.KeyAccount(t.Context(), aws.KeyRef{ID: key.AccessKeyID}); err != nil || of.Name != "spoke" {
		t.Errorf("the key is of %v, %v", of, err)
	}
	o, err := keyOrder(t, cloud, key.AccessKeyID)
	if err != nil {
		t.Fatal(err)
	}
	o.Promise = func(_ context.Context, p role.Plan) ([]contain.Change, error) {
		o.Promised = append(o.Promised, p.Change)
		return o.Promised, nil
	}
	done, err := role.New(cloud).Apply(t.Context(), nil, o)
	if err != nil || !done.Documents[0].ReadBack || !done.Documents[1].ReadBack {
		t.Fatalf("%+v, %v", done, err)
	}
	if s, err := role.New(cloud).Simulate(t.Context(), o, []contain.Document{done.Documents[1].There}); err != nil ||
		!s.Proven {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := undo(t.Context(), cloud, o); err != nil {
		t.Fatal(err)
	}
	if u, _ := a.spoke.User("deployer"); len(u.Policies) != 1 || u.Keys[key.AccessKeyID] != "Inactive" {
		t.Errorf("%+v", u)
	}
}

func TestTheRoleForUsersAndItsPolicyFilesSayTheSame(t *testing.T) {
	whole := usersRole(t, "true")
	same(t, "its trust", whole.trust("Users"), read(t, "spoke-trust-policy.json"))
	policies := whole.inline("Users")
	same(t, "its policy", policies["contain-keys"], read(t, "users-policy.json"))
	same(t, "its right to undo", policies["undo"], read(t, "users-undo-policy.json"))
	if without := usersRole(t, "false").inline("Users"); len(policies) != 2 || len(without) != 1 {
		t.Errorf("%d policies, without undo %d", len(policies), len(without))
	}
}

func TestTheRoleForUsersTouchesNoRoleAndNoProtectedUserEvenBesideAPolicyThatAllowsEverything(t *testing.T) {
	policies := []*standin.Policy{everything(t), policy(t, "users-policy.json"), policy(t, "users-undo-policy.json")}
	for _, r := range []request{
		{"iam:PutRolePolicy", ordinary},
		{"iam:UpdateAssumeRolePolicy", ordinary},
		{"iam:AttachUserPolicy", user},
		{"iam:CreateAccessKey", user},
		{"iam:DeleteAccessKey", user},
		{"iam:CreateLoginProfile", user},
		{"iam:AddUserToGroup", "arn:aws:iam::111122223333:group/staff"},
		{"iam:CreateUser", user},
		{"iam:DeleteUser", user},
		{"sts:AssumeRole", ordinary},
		{"s3:GetObject", "arn:aws:s3:::bucket/key"},
		{"iam:UpdateAccessKey", "arn:aws:iam::111122223333:user/break-glass-1"},
		{"iam:PutUserPolicy", "arn:aws:iam::111122223333:user/ops/break-glass-1"},
		{"iam:DeleteUserPolicy", "arn:aws:iam::111122223333:user/break-glass-1"},
		{"iam:UpdateAccessKey", "arn:aws:iam::111122223333:user/revokebot"},
		{"iam:PutUserPolicy", "arn:aws:iam::111122223333:user/tools/revokebot-hub"},
	} {
		if got := standin.Evaluate(named(r.action, r.resource), policies...).Decision; got != standin.ExplicitDeny {
			t.Errorf("%s on %s: %v, want an explicit deny", r.action, r.resource, got)
		}
	}
	for _, action := range []string{"iam:UpdateAccessKey", "iam:PutUserPolicy", "iam:DeleteUserPolicy"} {
		unnamed := standin.Request{Action: action, Resource: user}
		if got := standin.Evaluate(unnamed, policies...).Decision; got != standin.ExplicitDeny {
			t.Errorf("%s by a session that names no people: %v", action, got)
		}
	}
}

// No role may hold the rights of both: a caller that writes policies on roles and on users has the
// account.
func TestNeitherTheSpokeNorTheRoleForUsersHasTheOthersWrites(t *testing.T) {
	of := map[string][]string{
		"spoke": allowed(t, lockable(t, "true").inline("Spoke")),
		"users": allowed(t, usersRole(t, "true").inline("Users")),
	}
	for who, never := range map[string][]string{
		"spoke": {"iam:UpdateAccessKey", "iam:PutUserPolicy", "iam:DeleteUserPolicy"},
		"users": {"iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy"},
	} {
		for _, action := range never {
			if slices.Contains(of[who], action) {
				t.Errorf("%s may do %s", who, action)
			}
		}
	}
}

func TestThatTheRoleForUsersMayNotWriteIsKnownBeforeAnybodyIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		key := a.spoke.AddUser(standin.UserSpec{Name: "break-glass-1"})
		var refused *aws.RefusedError
		if _, err := keyOrder(t, a.cloud(t, externalID), key.AccessKeyID); !errors.As(err, &refused) ||
			!strings.Contains(refused.Sentence, "may not do") {
			t.Errorf("%v", err)
		}
	})
}

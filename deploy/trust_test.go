package deploy_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

const trustARN = "arn:aws:iam::" + spokeAccount + ":role/revokebot-trust"

// trustRole is a stack of trust.yaml.
func trustRole(t *testing.T) *template {
	t.Helper()
	return mustStack(t, "trust.yaml", spokeAccount, map[string]string{"HubRoleArn": hubARN, "ExternalId": externalID})
}

// freeze freezes a role, proves it and undoes it.
func freeze(t *testing.T, a *accounts, cloud *aws.Cloud, revoked role.Order) {
	t.Helper()
	before, _ := a.spoke.Role("NightlyBackup")
	o := revoked
	o.Measure, o.Promised = contain.Freeze(), nil
	o.Promise = func(_ context.Context, p role.Plan) ([]contain.Change, error) {
		o.Promised = append(o.Promised, p.Change)
		return o.Promised, nil
	}
	done, err := role.New(cloud).Apply(t.Context(), nil, o)
	if err != nil || !done.Documents[0].ReadBack {
		t.Fatalf("%+v, %v", done, err)
	}
	s, err := role.New(cloud).Simulate(t.Context(), o, []contain.Document{done.Documents[0].There})
	if err != nil || !s.Proven || !s.Tried {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := undo(t.Context(), cloud, o); err != nil {
		t.Fatal(err)
	}
	if after, _ := a.spoke.Role("NightlyBackup"); after.Trust != before.Trust {
		t.Errorf("%s, was %s", after.Trust, before.Trust)
	}
}

func TestTheRoleForTrustPoliciesAndItsPolicyFileSayTheSame(t *testing.T) {
	whole := trustRole(t)
	same(t, "its trust", whole.trust("Trust"), read(t, "spoke-trust-policy.json"))
	same(t, "its policy", whole.inline("Trust")["change-trust"], read(t, "trust-policy.json"))
	if n := len(whole.inline("Trust")); n != 1 {
		t.Errorf("%d policies", n)
	}
}

func TestTheRoleForTrustPoliciesWritesNothingElseEvenBesideAPolicyThatAllowsEverything(t *testing.T) {
	policies := []*standin.Policy{everything(t), policy(t, "trust-policy.json")}
	for _, r := range []request{
		{"iam:PutRolePolicy", ordinary},
		{"iam:DeleteRolePolicy", ordinary},
		{"iam:AttachRolePolicy", ordinary},
		{"iam:PassRole", ordinary},
		{"iam:PutUserPolicy", user},
		{"iam:CreateAccessKey", user},
		{"s3:GetObject", "arn:aws:s3:::bucket/key"},
		{"iam:UpdateAssumeRolePolicy", breakGlass},
		{"iam:UpdateAssumeRolePolicy", spokeRole},
		{"iam:UpdateAssumeRolePolicy", trustARN},
		{"iam:UpdateAssumeRolePolicy", "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/x"},
	} {
		if got := standin.Evaluate(named(r.action, r.resource), policies...).Decision; got != standin.ExplicitDeny {
			t.Errorf("%s on %s: %v, want an explicit deny", r.action, r.resource, got)
		}
	}
	unnamed := standin.Request{Action: "iam:UpdateAssumeRolePolicy", Resource: ordinary}
	if got := standin.Evaluate(unnamed, policies...).Decision; got != standin.ExplicitDeny {
		t.Errorf("by a session that names no people: %v", got)
	}
	// A freeze is proven by an attempt that the trust policy, and nothing before it, denies.
	alone := standin.Evaluate(named("sts:AssumeRole", ordinary), policy(t, "trust-policy.json")).Decision
	if alone != standin.ImplicitDeny {
		t.Errorf("sts:AssumeRole: %v", alone)
	}
}

func TestUpdateAssumeRolePolicyAndPutRolePolicyMeetInNoRole(t *testing.T) {
	for who, actions := range map[string][]string{
		"hub": allowed(t, hub(t, "ecs").inline("Hub")), "spoke": allowed(t, lockable(t, "true").inline("Spoke")),
		"users": allowed(t, usersRole(t, "true").inline("Users")), "trust": allowed(t, trustRole(t).inline("Trust")),
	} {
		trusts := slices.Contains(actions, "iam:UpdateAssumeRolePolicy")
		writes := slices.ContainsFunc(actions, func(a string) bool { return strings.HasPrefix(a, "iam:Put") })
		if trusts != (who == "trust") || trusts && writes {
			t.Errorf("%s may do %v", who, actions)
		}
	}
}

func TestUnderAGuardRailForTrustPoliciesTheBotFreezesAndNoAdministratorThaws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := setUp(t)
		s := mustStack(t, "guardrail.yaml", "444455556666", map[string]string{
			"GuardedRoles": "arn:aws:iam::*:role/*", "GuardTrust": "true", "Targets": "r-ab12",
		})
		text := s.json(s.made("GuardRail")["Content"])
		rail, err := standin.ParsePolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []string{"revokebot-spoke", "revokebot-trust", "revokebot-users"} {
			as := standin.Context{"aws:PrincipalArn": {"arn:aws:iam::111122223333:user/kim"}}
			for _, action := range []string{"iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:DeleteRole"} {
				arn := "arn:aws:iam::111122223333:role/" + r
				got := standin.Evaluate(standin.Request{Action: action, Resource: arn, Context: as}, rail, everything(t))
				if got.Decision != standin.ExplicitDeny {
					t.Errorf("an administrator's %s on %s: %v", action, r, got.Decision)
				}
			}
		}
		if err := a.spoke.SetSCP(text); err != nil {
			t.Fatal(err)
		}
		cloud := a.cloud(t, externalID)
		revoked, _, err := revoke(t.Context(), cloud, "spoke")
		if err != nil {
			t.Fatal(err)
		}
		freeze(t, a, cloud, revoked)
	})
}

func TestOnlyATrustPolicyWithoutTheDenyOfAFreezeRings(t *testing.T) {
	docs, err := contain.Freeze().Want(contain.State{There: []contain.Document{{
		Slot: contain.Slot{Kind: contain.RoleTrust}, Text: trustLambda,
	}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	frozen := docs[0].Text
	put := func(by, document string) string {
		return spokesCall(t, by, "UpdateAssumeRolePolicy", map[string]string{
			"roleName": "Deploy", "policyDocument": document,
		})
	}
	alone, _ := contain.Fresh(contain.Freeze(), contain.Target{})
	const wrote = "WroteAnotherTrustPolicy"
	for event, want := range map[string]string{
		put("revokebot-trust", frozen):                                                            "",
		put("revokebot-trust", alone[0].Text):                                                     "",
		put("Admin", trustLambda):                                                                 "",
		put("revokebot-trust", trustLambda):                                                       wrote,
		put("revokebot-trust", strings.Replace(frozen, `"Deny"`, `"Allow"`, 1)):                   wrote,
		put("revokebot-trust", strings.Replace(frozen, `"*"`, `"AWS"`, 1)):                        wrote,
		put("revokebot-spoke", frozen):                                                            "DidSomethingElse",
		spokesCall(t, "revokebot-trust", "PutRolePolicy", nil):                                    "TrustDidSomethingElse",
		spokesCall(t, "revokebot-trust", "AssumeRole", nil):                                       "",
		spokesCall(t, "Admin", "PutRolePolicy", map[string]string{"roleName": "revokebot-trust"}): "SpokeWasChanged",
	} {
		if got := strings.Join(rings(t, event), " "); got != want {
			t.Errorf("%q rings, want %q, at %s", got, want, event)
		}
	}
}

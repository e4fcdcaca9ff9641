package role

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// trustOf is a trust policy with one principal, and a condition unless that is "".
func trustOf(principal, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":` + principal +
		`,"Action":["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"]` + condition + `}}`
}

// sameWarnings fails the test unless each part stands in one sentence, and each sentence has one.
func sameWarnings(t *testing.T, got []string, parts []string) {
	t.Helper()
	for _, part := range parts {
		i := slices.IndexFunc(got, func(sentence string) bool { return strings.Contains(sentence, part) })
		if i < 0 {
			t.Errorf("no warning says %q", part)
			continue
		}
		got = slices.Delete(slices.Clone(got), i, i+1)
	}
	for _, sentence := range got {
		t.Errorf("also: %s", sentence)
	}
}

// unknown is the warning of what could not be found out, "" if there is none.
func unknown(r Role) string {
	for _, w := range r.Warnings {
		if strings.HasPrefix(w, "Not known: ") {
			return w
		}
	}
	return ""
}

func TestPeopleAreWarnedOfWhatTheyShouldKnowBeforeTheyApprove(t *testing.T) {
	const own = "arn:aws:iam::111122223333:role/Deploy"
	quiet := trustOf(`{"AWS":"arn:aws:iam::111122223333:user/ci"}`, "")
	readOnly := map[string]string{
		"read": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","iam:Get*"],"Resource":"*"}]}`,
	}
	allow := func(action, resource string) map[string]string {
		return map[string]string{
			"p": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource +
				`"}]}`,
		}
	}
	for _, c := range []struct {
		name string
		spec standin.RoleSpec
		want []string // a part of each sentence
	}{
		{"nothing but what is always said", standin.RoleSpec{Trust: quiet, Policies: readOnly}, nil},
		{"itself", standin.RoleSpec{Trust: trustOf(`{"AWS":["`+own+`"]}`, ""), Policies: readOnly}, []string{
			"Sessions of prod/Deploy can assume the role again",
		}},
		{"the account, and its own policies let it", standin.RoleSpec{
			Trust: trustOf(`{"AWS":"111122223333"}`, ""), Policies: allow("sts:*", "*"),
		}, []string{
			"from its own trust policy",
		}},
		{
			"the account, and its own policies do not", standin.RoleSpec{
				Trust:    trustOf(`{"AWS":"arn:aws:iam::111122223333:root"}`, ""),
				Policies: allow("sts:AssumeRole", "arn:aws:iam::111122223333:role/Another"),
			}, nil,
		},
		{"everybody", standin.RoleSpec{Trust: trustOf(`"*"`, ""), Policies: readOnly}, []string{
			"lets everybody assume it: a revocation ends sessions",
		}},
		{"everybody under a condition", standin.RoleSpec{
			Trust: trustOf(`{"AWS":"*"}`, `{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`), Policies: readOnly,
		}, []string{
			"lets everybody assume it, under a condition",
		}},
		{"other accounts", standin.RoleSpec{
			Trust: trustOf(`{"AWS":["arn:aws:iam::777788889999:root","444455556666","arn:aws:iam::777788889999:user/eve",`+
				`"111122223333"]}`, ""), Policies: readOnly,
		}, []string{
			"assume prod/Deploy: 444455556666, 777788889999. An attacker",
		}},
		{"services", standin.RoleSpec{
			Trust: trustOf(`{"Service":["ec2.amazonaws.com","lambda.amazonaws.com","ecs-tasks.amazonaws.com",`+
				`"pods.eks.amazonaws.com","glue.amazonaws.com","ecs.amazonaws.com"]}`, ""), Policies: readOnly,
		}, []string{
			"a reboot does not", "Update a function",
			"Force a new deployment", "Restart the pods",
			`"ecs.amazonaws.com", "glue.amazonaws.com"`,
		}},
		{"pods by the cluster's tokens", standin.RoleSpec{
			Trust: trustOf(`{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/AB"}`,
				""),
			Policies: readOnly,
		}, []string{
			"Restart the pods",
		}},
		{
			"another identity provider", standin.RoleSpec{
				Trust: trustOf(`{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}`,
					""),
				Policies: readOnly,
			}, nil,
		},
		{
			"it may remove the deny",
			standin.RoleSpec{Trust: quiet, Policies: allow("iam:DeleteRolePolicy", own)},
			[]string{
				"Attach the guard rail first",
			},
		},
		{"it may write policies by a managed policy", standin.RoleSpec{
			Trust: quiet, Policies: readOnly, Managed: map[string]string{
				"arn:aws:iam::aws:policy/IAMFullAccess": allow("iam:*", "*")["p"],
			},
		}, []string{
			"the attacker can remove it again",
		}},
		{"under an unknown condition", standin.RoleSpec{Trust: quiet, Policies: map[string]string{
			"p": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"s3:*","Resource":"*",` +
				`"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}`,
		}}, []string{"service control policy"}},
		{
			"other roles only", standin.RoleSpec{
				Trust: quiet, Managed: map[string]string{
					"arn:aws:iam::aws:policy/x": allow("iam:PutRolePolicy", "arn:aws:iam::111122223333:role/Another")["p"],
				}, Policies: readOnly,
			}, nil,
		},
		{"Terraform", standin.RoleSpec{
			Trust: quiet, Policies: readOnly, Tags: map[string]string{"ManagedBy": "Terraform", "team": "shop"},
		}, []string{
			`prod/Deploy is managed by Terraform, by its tag "ManagedBy"`,
		}},
		{"CloudFormation", standin.RoleSpec{
			Trust: quiet, Policies: readOnly, Tags: map[string]string{"aws:cloudformation:stack-name": "shop"},
		}, []string{
			"managed by CloudFormation",
		}},
		{"CDK", standin.RoleSpec{
			Trust: quiet, Policies: readOnly, Tags: map[string]string{
				"aws-cdk:path": "x", "aws:cloudformation:stack-name": "shop",
			},
		}, []string{
			"managed by the CDK",
		}},
		{
			"no tool", standin.RoleSpec{
				Trust: quiet, Policies: readOnly, Tags: map[string]string{"terraform": "false", "team": "infrastructure"},
			}, nil,
		},
		{"a deny that is there", standin.RoleSpec{
			Trust: quiet, Policies: map[string]string{policyName: awsbench.DenyAt("1999-12-31T00:00:00Z")},
		}, []string{
			"before 1999-12-31T00:00:00.000Z",
		}},
		{"a deny that does not work", standin.RoleSpec{
			Trust: quiet, Policies: map[string]string{policyName: awsbench.DenyAt("1999-12-31T00:00:00")},
		}, []string{
			"AWSRevokeOlderSessions is there already and does not come from revokebot. It stays as it is",
		}},
		{"a hidden Allow, quoted", standin.RoleSpec{
			Trust: quiet, Policies: map[string]string{
				policyName: `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`,
			},
		}, []string{
			`It reads "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}".`,
		}},
		{"a long text, cut", standin.RoleSpec{
			Trust: quiet, Policies: map[string]string{
				policyName: `{"Id":"` + strings.Repeat("<!channel>", 90) + `",` +
					`"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`,
			},
		}, []string{`\x3c!channel\x3e`}},
		{"a lock that stands in the future", standin.RoleSpec{
			Trust: quiet, Policies: map[string]string{policyName: awsbench.DenyAt("2099-12-31T00:00:00Z")},
		}, []string{"denies every session that is issued before 2099-12-31T00:00:00.000Z"}},
		{"one at the end of time", standin.RoleSpec{
			Trust: quiet, Policies: map[string]string{policyName: awsbench.DenyAt("9999-12-31T23:59:59Z")},
		}, []string{"issued before 9999-12-31T23:59:59.000Z"}},
		{"one in seconds", standin.RoleSpec{
			Trust: quiet, Policies: map[string]string{policyName: awsbench.DenyAt("9999999999")},
		}, []string{"issued before 2286-11-20T17:46:39.000Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(c.spec)
				role := b.describe("prod/Deploy")
				sameWarnings(t, role.Warnings, c.want)
				if diff := cmp.Diff(c.spec.Tags, role.Tags); diff != "" {
					t.Errorf("tags (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// big is an inline policy of exactly so many characters, beside white space.
func big(size int) string {
	document := func(n int) string {
		return `{ "Version":"2012-10-17", "Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::` +
			strings.Repeat("x", n) + `"}] }`
	}
	return document(size - contain.RoleInline.Size(document(0)))
}

func TestARoleWithoutRoomForTheDenyIsRefusedToTheCharacter(t *testing.T) {
	deny := contain.RoleInline.Size(consoleForm)
	for _, c := range []struct {
		name     string
		policies map[string]string
		room     bool
	}{
		{"exactly", map[string]string{"a": big(5000), "b": big(contain.RoleInline.Facts().Quota - 5000 - deny)}, true},
		{
			"one too many",
			map[string]string{"a": big(5000), "b": big(contain.RoleInline.Facts().Quota - 5000 - deny + 1)},
			false,
		},
		{
			"full, with a deny that is replaced", map[string]string{
				"a": big(contain.RoleInline.Facts().Quota - deny), policyName: awsbench.DenyAt("1999-12-31T00:00:00.000Z"),
			}, true,
		},
		{"full of a policy of that name", map[string]string{policyName: big(contain.RoleInline.Facts().Quota)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{Policies: c.policies})
				target, _ := b.Cloud.Parse("prod/Deploy")
				role, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
				if refused, ok := errors.AsType[*aws.RefusedError](err); ok == c.room || ok &&
					(!strings.Contains(refused.Sentence, "leave no room") || !strings.Contains(refused.Sentence, "10240") ||
						!strings.Contains(refused.Sentence, "no inline policy")) {
					t.Fatalf("got %v", err)
				}
				if !c.room {
					return
				}
				if _, err := b.apply(order(role)); err != nil {
					t.Errorf("there was room: %v", err)
				}
			})
		})
	}
}

func TestManyInlinePoliciesAreReadAFewAtATime(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		policies := map[string]string{}
		for i := range 30 {
			policies[fmt.Sprintf("p%d", i)] = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",` +
				`"Resource":"*"}}`
		}
		b.Role(standin.RoleSpec{Policies: policies})
		b.describe("prod/Deploy") // warm
		before := len(b.Server.Calls("GetRolePolicy"))
		b.Server.Inject(standin.Fault{Delay: 100 * time.Millisecond, Times: -1})
		began := time.Now()
		if got := unknown(b.describe("prod/Deploy")); got != "" {
			t.Error(got)
		}
		if took := time.Since(began); took != 500*time.Millisecond { // GetRole and the list, then 30 in four turns
			t.Errorf("took %v", took)
		}
		if n := len(b.Server.Calls("GetRolePolicy")) - before; n != 32 { // both places of the revocation, and 30 others
			t.Errorf("%d reads", n)
		}
	})
}

func TestADescriptionIsTwoRemoteStepsDeep(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		if err := b.Cloud.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.Server.Inject(standin.Fault{Delay: 100 * time.Millisecond, Times: -1})
		began := time.Now()
		b.describe("prod/Deploy")
		if took := time.Since(began); took != 200*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestWhatCannotBeFoundOutIsAWarningAndDoesNotHoldPeopleUp(t *testing.T) {
	for _, c := range []struct {
		fault standin.Fault
		parts []string
		took  time.Duration
	}{
		{standin.Fault{Action: "ListRolePolicies", Code: "AccessDenied"}, []string{"room for the deny (not allowed)"}, 0},
		{
			standin.Fault{
				Action: "GetRolePolicy", Code: "AccessDenied",
			}, []string{"AWSRevokeOlderSessions says (not allowed)", "room for the deny (not allowed)"}, 0,
		},
		{
			standin.Fault{
				Action: "SimulatePrincipalPolicy", Code: "AccessDenied",
			}, []string{
				"revokebot's own role may write the deny (not allowed)", "can write IAM, past its inline policies (not allowed)",
			}, 0,
		},
		{
			standin.Fault{
				Action: "SimulatePrincipalPolicy", Hang: true,
			}, []string{"own role may write the deny (no answer in time)"}, aws.AdvisoryTime,
		},
		{
			standin.Fault{Action: "GetRolePolicy", Hang: true},
			[]string{"says (no answer in time)"},
			2 * aws.AdvisoryTime,
		},
		{standin.Fault{Action: "ListRolePolicies", Code: "Throttling"}, []string{"room for the deny ("}, aws.AdvisoryTime},
	} {
		t.Run(c.fault.Action+c.fault.Code, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				c.fault.Times = -1
				b.Server.Inject(c.fault)
				began := time.Now()
				got := unknown(b.describe("prod/Deploy"))
				if took := time.Since(began); took > c.took {
					t.Errorf("took %v", took)
				}
				for _, part := range c.parts {
					if !strings.Contains(got, part) {
						t.Errorf("%q does not say %q", got, part)
					}
				}
				if strings.Contains(got, "RequestID") || strings.Contains(got, "api error") {
					t.Errorf("AWS's words: %q", got)
				}
			})
		})
	}
}

func TestTheInlinePoliciesAloneTellThatARoleCanWriteIAM(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{}) // may do everything
		b.Server.Inject(standin.Fault{Action: "SimulatePrincipalPolicy", Code: "AccessDenied", Times: -1})
		if got := b.describe("prod/Deploy").Warnings; !strings.Contains(strings.Join(got, " "), "can write IAM") {
			t.Errorf("got %v", got)
		}
	})
}

func TestABotThatMayNotWriteTheDenyRefusesBeforeAnybodyIsAsked(t *testing.T) {
	spoke := func(policy string) func(t *testing.T, b *bench) {
		return func(t *testing.T, b *bench) {
			if err := b.Prod.PutRolePolicy("revokebot-spoke", "revoke", policy); err != nil {
				t.Fatal(err)
			}
		}
	}
	reads := `"iam:GetRole","iam:GetRolePolicy","iam:ListRolePolicies","iam:SimulatePrincipalPolicy"`
	statement := func(effect, actions, resource, rest string) string {
		return `{"Effect":"` + effect + `","Action":[` + actions + `],"Resource":"` + resource + `"` + rest + `}`
	}
	document := func(statements ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	}
	for _, c := range []struct {
		name    string
		policy  string
		missing string // "" means that nobody is refused
	}{
		{"allowed", document(statement("Allow", reads+`,"iam:PutRolePolicy"`, "*", "")), ""},
		{"not allowed", document(statement("Allow", reads, "*", "")), "may not do iam:PutRolePolicy on prod/Deploy"},
		{
			"on other roles only", document(statement("Allow", reads, "*", ""),
				statement("Allow", `"iam:PutRolePolicy"`, "arn:aws:iam::*:role/shop/*", "")), "iam:PutRolePolicy",
		},
		{
			"denied", document(statement("Allow", reads+`,"iam:PutRolePolicy"`, "*", ""),
				statement("Deny", `"iam:Put*"`, "arn:aws:iam::*:role/ops/*", "")), "iam:PutRolePolicy",
		},
		{
			"under an unknown condition",
			document(statement("Allow", reads, "*", ""), statement("Allow", `"iam:PutRolePolicy"`, "*",
				`,"Condition":{"StringEquals":{"aws:ResourceTag/team":"shop"}}`)), "",
		},
		{"the simulator is not allowed", document(statement("Allow", `"iam:GetRole","iam:GetRolePolicy"`, "*", "")), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{Path: "/ops/"})
				spoke(c.policy)(t, b)
				target, _ := b.Cloud.Parse("prod/Deploy")
				_, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
				if want := c.missing != ""; (err != nil) != want ||
					want && !(refusedFor(err, "may not do") && refusedFor(err, c.missing)) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// The simulator names the values that it lacks in one of two places, by whether resources were
// given.
func TestAValueThatTheSimulatorLacksIsNoVerdictWhereverItIsNamed(t *testing.T) {
	lacks := []string{"aws:ResourceTag/team"}
	for _, c := range []struct {
		result types.EvaluationResult
		want   bool
	}{
		{types.EvaluationResult{EvalDecision: "implicitDeny"}, true},
		{types.EvaluationResult{EvalDecision: "explicitDeny"}, true},
		{types.EvaluationResult{EvalDecision: "allowed"}, false},
		{types.EvaluationResult{EvalDecision: "perhaps"}, false},
		{types.EvaluationResult{EvalDecision: "implicitDeny", MissingContextValues: lacks}, false},
		{
			types.EvaluationResult{
				EvalDecision: "implicitDeny", ResourceSpecificResults: []types.ResourceSpecificResult{
					{}, {MissingContextValues: lacks},
				},
			}, false,
		},
		{
			types.EvaluationResult{
				EvalDecision: "explicitDeny", OrganizationsDecisionDetail: &types.OrganizationsDecisionDetail{},
			}, false,
		},
		{
			types.EvaluationResult{
				EvalDecision: "implicitDeny", OrganizationsDecisionDetail: &types.OrganizationsDecisionDetail{
					AllowedByOrganizations: true,
				},
			}, true,
		},
	} {
		c.result.EvalActionName = awssdk.String("iam:PutRolePolicy")
		err := missingPermission(Role{}, aws.Try(Simulated{Results: []types.EvaluationResult{c.result}}, nil))
		if (err != nil) != c.want {
			t.Errorf("%+v: %v", c.result, err)
		}
	}
}

// The guard rail excepts the bot by aws:PrincipalArn, which the simulator does not know by
// itself; and what other conditions of an organization's policy find is never told. Neither may
// refuse a revocation that would work.
func TestAnOrganizationsPolicyIsNoReasonToRefuse(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		for _, scp := range []string{
			GuardRailSCP(role.ARN, b.Cloud.OwnRoles("prod", contain.Role)),
			`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:*","Resource":"*",` +
				`"Condition":{"StringNotEquals":{"aws:RequestedRegion":"us-east-1"}}}}`,
		} {
			if err := b.Prod.SetSCP(scp); err != nil {
				t.Fatal(err)
			}
			r := b.describe("prod/Deploy")
			if _, err := b.apply(order(r)); err != nil {
				t.Errorf("%s: %v", scp, err)
			}
		}
	})
}

func TestAmbientCredentialsAreCheckedByTheirOwnRole(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Hub.AddRole(standin.RoleSpec{Name: "Deploy", Trust: awsbench.TrustEC2})
		if got := unknown(b.describe("home/Deploy")); got != "" {
			t.Errorf("got %v", got)
		}
		if err := b.Hub.PutRolePolicy("revokebot-hub",
			"revoke", strings.Replace(awsbench.MayRevoke, `"iam:PutRolePolicy",`, "", 1)); err != nil {
			t.Fatal(err)
		}
		target, _ := b.Cloud.Parse("home/Deploy")
		_, err := b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
		if !refusedFor(err, "may not do") {
			t.Errorf("got %v", err)
		}
		principals := map[string]bool{}
		for _, call := range b.Server.Calls("SimulatePrincipalPolicy") {
			principals[call.Params["PolicySourceArn"]] = true
		}
		if !principals["arn:aws:iam::"+awsbench.HubID+":role/revokebot-hub"] {
			t.Errorf("asked about %v", principals)
		}
	})
}

func TestAmbientCredentialsOfAnotherAccountAreNamedWhateverIAMAnswersThere(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *aws.Config) { c.Accounts[1].ID = awsbench.DevID }, func(t *testing.T, b *bench) {
		target, _ := b.Cloud.Parse("home/Deploy")
		errs := []error{b.Cloud.Warm(t.Context())}
		for range 2 { // the role is not there, then nothing may be read
			_, described := b.roles.Describe(t.Context(), target, contain.Revoke(), nil)
			promised := []contain.Change{{Slot: text("").Slot, After: consoleForm}}
			o := Order{Target: of("home", "Deploy", "", ""), Measure: contain.Revoke(), Promised: promised}
			_, revoked := b.apply(o)
			_, undone := b.apply(undo(o, promised))
			_, looked := b.roles.Look(t.Context(), target, contain.Revoke())
			_, checked := b.roles.Check(t.Context(), o)
			errs = append(errs, described, revoked, undone, looked, checked)
			b.Server.Inject(standin.Fault{Service: "iam", Code: "AccessDenied", Times: -1})
		}
		for _, err := range errs {
			refused, ok := errors.AsType[*aws.RefusedError](err)
			if !ok || !strings.Contains(refused.Sentence, awsbench.DevID) ||
				!strings.Contains(refused.Sentence, "assumed-role/revokebot-hub/i-0hub") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestForeignTextInAWarningDoesNoHarm(t *testing.T) {
	facts := readTrustFacts(prodAccount,
		"x", trustOf(`{"Service":["<!channel>.example.com"],"AWS":"arn:aws:iam::<!here>:root"}`, ""))
	w := &warnings{role: Role{
		Principal: of("prod", "Deploy", "", "").Principal,
		Tags:      map[string]string{"terraform<!channel>": "<@U1>"},
	}}
	w.trust(contain.Revoke(), facts, false)
	w.code(text("").Slot)
	if len(w.all) != 2 {
		t.Errorf("got %+v", w.all)
	}
	for _, w := range w.all {
		if strings.ContainsAny(w, "<>&`") {
			t.Error(w)
		}
	}
}

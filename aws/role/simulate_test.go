package role

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

func TestTheProofOnPaperHoldsOnBothSidesOfTheCutoff(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		role := b.Role(standin.RoleSpec{Path: "/ops/"})
		result, err := b.apply(order(b.describe("prod/Deploy")))
		if err != nil {
			t.Fatal(err)
		}
		query := Order{Target: of("prod", "", role.ARN, ""), Measure: contain.Revoke()}
		deny := func(document string) {
			t.Helper()
			if err := b.Prod.PutRolePolicy("Deploy", policyName, document); err != nil {
				t.Fatal(err)
			}
		}
		check := func(what string, before, after Verdict) {
			t.Helper()
			began := time.Now()
			b.Server.Inject(standin.Fault{Action: "SimulatePrincipalPolicy", Delay: time.Second, Times: 2})
			got, err := b.roles.Simulate(t.Context(), query, []contain.Document{result.There})
			if err != nil || got.Before != before || got.After != after || got.Unavailable != "" {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
			if got.Proven != (before == DeniedByOurs && after == NotDenied) {
				t.Errorf("%s: proven is %v", what, got.Proven)
			}
			if now := b.Server.Now(); got.At.After(now) || now.Sub(got.At) > time.Second {
				t.Errorf("%s: at %v, it is %v", what, got.At, now)
			}
			if took := time.Since(began); took != time.Second {
				t.Errorf("%s: took %v", what, took)
			}
		}
		check("as written", DeniedByOurs, NotDenied)
		deny(denyAt(result.Cutoff.Add(2 * time.Second)))
		check("a later cutoff denies both", DeniedByOurs, DeniedByOurs)
		deny(denyAt(result.Cutoff.Add(-2 * time.Second)))
		check("an earlier cutoff denies neither", NotDenied, NotDenied)
		deny(strings.Replace(denyAt(result.Cutoff), issueTimeKey, "aws:TokeIssueTime", 1))
		check("a misspelt key", NotDenied, NotDenied)
		if err := b.Prod.PutRolePolicy("Deploy", "Another", denyAt(result.Cutoff)); err != nil {
			t.Fatal(err)
		}
		check("another policy does it", DeniedByOther, NotDenied)
		deny(denyAt(result.Cutoff))
		check("both do", DeniedByOurs, NotDenied)
		if err := b.Prod.SetSCP(OldSessionsSCP(role.ARN, result.Cutoff)); err != nil {
			t.Fatal(err)
		}
		check("the organization denies first", DeniedByOther, NotDenied)
	})
}

func TestWhatCannotBeSimulatedIsSaidAndWhatMayPassIsAnError(t *testing.T) {
	for code, want := range map[string]struct {
		words string
		kind  error
	}{
		"AccessDenied": {
			"may not use the policy simulator in account prod. Allow its role iam:SimulatePrincipalPolicy.", nil,
		},
		"InvalidInput": {"did not accept the request iam:SimulatePrincipalPolicy", nil},
		"NoSuchEntity": {"No such role", nil},
		"Throttling":   {"", aws.ErrThrottled},
	} {
		t.Run(code, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				role := b.Role(standin.RoleSpec{})
				b.Server.Inject(standin.Fault{Action: "SimulatePrincipalPolicy", Code: code, Times: -1})
				got, err := b.roles.Simulate(t.Context(), Order{
					Target: of("prod", "", role.ARN, ""), Measure: contain.Revoke(),
				}, []contain.Document{text(consoleForm)})
				if !errors.Is(err, want.kind) || !strings.Contains(got.Unavailable, want.words) ||
					(want.words == "") != (got.Unavailable == "") {
					t.Errorf("got %+v, %v", got, err)
				}
				if got.Proven || got.Before != "" || got.After != "" {
					t.Errorf("a verdict without an answer: %+v", got)
				}
			})
		})
	}
	onBench(t, nil, func(t *testing.T, b *bench) {
		if _, err := b.roles.Simulate(t.Context(), Order{Target: of("nobody", "", "", ""), Measure: contain.Revoke()},
			nil); aws.Explain(err) == "" {
			t.Errorf("an account that is not configured: %v", err)
		}
	})
}

func TestNoOtherPolicysStatementIsTakenForOurs(t *testing.T) {
	own := contain.Slot{Kind: contain.RoleInline, Name: policyName}
	lock := contain.Slot{Kind: contain.RoleAttached, Name: "arn:aws:iam::aws:policy/AWSDenyAll"}
	for id, want := range map[string]bool{
		"role_Deploy_AWSRevokeOlderSessions": true, "AWSRevokeOlderSessions": false, // that is how a managed policy reads
		"role/Deploy/AWSRevokeOlderSessions": true, "Deploy.AWSRevokeOlderSessions": true,
		"role_Deploy_NotAWSRevokeOlderSessions": false, "role_Deploy_AWSRevokeOlderSessions2": false, "": false,
		"role_Deploy_x_AWSRevokeOlderSessions": false, "role_Deploy_Deploy_AWSRevokeOlderSessions": false,
		"role_Deploy_role_Deploy_AWSRevokeOlderSessions": false, "role_Deploy_.AWSRevokeOlderSessions": false,
		"role_Other_AWSRevokeOlderSessions": false, "ReadOnlyAccess": false,
	} {
		if got := isOurs("Deploy", own)(types.Statement{SourcePolicyId: awssdk.String(id)}); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
	for id, want := range map[string]bool{
		"AWSDenyAll": true, lock.Name: true, "role_Deploy_x_AWSDenyAll": false, "role_Deploy_AWSDenyAll": false,
		"arn:aws:iam::111122223333:policy/AWSDenyAll": false,
	} {
		if got := isOurs("Deploy", lock)(types.Statement{SourcePolicyId: awssdk.String(id)}); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}

// Others can give a policy of another kind the name of the bot's.
func TestNoPolicyOfAnotherKindIsTakenForOurs(t *testing.T) {
	inline := contain.Slot{Kind: contain.RoleInline, Name: policyName}
	user := contain.Slot{Kind: contain.UserInline, Name: policyName}
	lock := contain.Slot{Kind: contain.RoleAttached, Name: "arn:aws:iam::aws:policy/AWSDenyAll"}
	for _, c := range []struct {
		slot contain.Slot
		id   string
		kind types.PolicySourceType
		want bool
	}{
		{inline, "role_Deploy_" + policyName, "role", true},
		{inline, "role_Deploy_" + policyName, "IAM Policy", true},
		{inline, policyName, "role", true},
		{inline, policyName, "IAM Policy", false},
		{inline, policyName, "user-managed", false},
		{inline, policyName, "aws-managed", false},
		{inline, "role_Deploy_" + policyName, "user-managed", false}, // a managed policy can be named so
		{inline, "role_Deploy_" + policyName, "group", false},
		{inline, "Deploy/" + policyName, "resource", false},
		{user, "user_Deploy_" + policyName, "user", true},
		{user, "user_Deploy_" + policyName, "role", false},
		{user, policyName, "user-managed", false},
		{lock, "AWSDenyAll", "aws-managed", true},
		{lock, "AWSDenyAll", "IAM Policy", true},
		{lock, "AWSDenyAll", "user-managed", false},
		{lock, "AWSDenyAll", "role", false},
		{lock, "role_Deploy_AWSDenyAll", "IAM Policy", false},
	} {
		got := isOurs("Deploy", c.slot)(types.Statement{SourcePolicyId: &c.id, SourcePolicyType: c.kind})
		if got != c.want {
			t.Errorf("%s of %s for %s: %v", c.id, c.kind, c.slot.Name, got)
		}
	}
}

func TestAnAnswerThatSaysNothingIsNoVerdict(t *testing.T) {
	ours := []types.Statement{{SourcePolicyId: awssdk.String("role_x_" + policyName)}}
	for _, results := range [][]types.EvaluationResult{
		nil,
		{{EvalDecision: "perhaps", MatchedStatements: ours}},
		{{EvalDecision: "explicitDeny", MatchedStatements: ours}, {EvalDecision: "explicitDeny", MatchedStatements: ours}},
	} {
		if got := verdict(results, isOurs("Deploy", contain.Slot{Name: policyName})); got != "" {
			t.Errorf("%+v: %s", results, got)
		}
	}
}

// The measure says which sessions are asked about, and by which policy they have to be denied.
func TestALockIsProvenForOldSessionsAndNewOnes(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.mayAll()
		r := b.lock(b.Role(standin.RoleSpec{}))
		got, err := b.apply(r)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := b.roles.Simulate(t.Context(), r, []contain.Document{got.There})
		if err != nil || !proof.Proven || proof.Before != DeniedByOurs || proof.After != DeniedByOurs {
			t.Errorf("got %+v, %v", proof, err)
		}
		if err := b.Prod.DetachRolePolicy("Deploy", got.There.Text); err != nil {
			t.Fatal(err)
		}
		proof, err = b.roles.Simulate(t.Context(), r, []contain.Document{got.There})
		if err != nil || proof.Proven || proof.Before != NotDenied {
			t.Errorf("without it: %+v, %v", proof, err)
		}
	})
}

func TestAMeasureThatTheSimulatorCannotProveIsNotAskedAbout(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		asked := len(b.Server.Calls("SimulatePrincipalPolicy"))
		r.Measure = unknownKind{}
		got, err := b.roles.Simulate(t.Context(), r, []contain.Document{text(consoleForm)})
		if err != nil || got.Proven || !strings.Contains(got.Unavailable, "not simulated") ||
			len(b.Server.Calls("SimulatePrincipalPolicy")) != asked {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestAnActionThatAnotherPolicyDeniesIsDeniedWithoutWhatWasWritten(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		role := b.Role(standin.RoleSpec{Path: "/ops/"})
		result, err := b.apply(order(b.describe("prod/Deploy")))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Prod.PutRolePolicy("Deploy", "Standing", `{"Version":"2012-10-17","Statement":{"Effect":"Deny",`+
			`"Action":"organizations:*","Resource":"*"}}`); err != nil {
			t.Fatal(err)
		}
		query := Order{Target: of("prod", "", role.ARN, ""), Measure: contain.Revoke()}
		got, err := b.roles.DeniedAnyway(t.Context(), query, []contain.Document{result.There},
			[]contain.Slot{result.There.Slot}, []string{"iam:ListRoles", "organizations:LeaveOrganization"})
		if err != nil || got["iam:ListRoles"] || !got["organizations:LeaveOrganization"] {
			t.Errorf("denied anyway: %v, %v", got, err)
		}
		locked := b.Prod.DenyAllARN()
		if err := b.Prod.AttachRolePolicy("Deploy", locked); err != nil {
			t.Fatal(err)
		}
		attached := contain.Slot{Kind: contain.RoleAttached, Name: locked}
		for _, without := range [][]contain.Slot{{result.There.Slot}, {result.There.Slot, attached}} {
			got, err := b.roles.DeniedAnyway(t.Context(), query, []contain.Document{result.There}, without,
				[]string{"iam:ListRoles"})
			if err != nil || got["iam:ListRoles"] != (len(without) == 1) {
				t.Errorf("without %v: denied anyway: %v, %v", without, got, err)
			}
		}
	})
}

func TestTheSimulatorsAnswerIsReadWhicheverWayItComes(t *testing.T) {
	allowed, denied := types.PolicyEvaluationDecisionTypeAllowed, types.PolicyEvaluationDecisionTypeExplicitDeny
	got := Simulated{Results: []types.EvaluationResult{
		{EvalActionName: awssdk.String("iam:A"), EvalResourceName: awssdk.String("r1"), EvalDecision: allowed},
		{
			EvalActionName: awssdk.String("iam:A"), EvalResourceName: awssdk.String("r2"), EvalDecision: denied,
			MissingContextValues: []string{"aws:X"},
		},
		{
			EvalActionName: awssdk.String("iam:B"), EvalDecision: denied,
			ResourceSpecificResults: []types.ResourceSpecificResult{
				{EvalResourceName: awssdk.String("r1"), EvalResourceDecision: allowed},
				{EvalResourceName: awssdk.String("r2"), EvalResourceDecision: denied},
			},
		},
		{
			EvalActionName: awssdk.String("iam:C"), EvalDecision: denied,
			OrganizationsDecisionDetail: &types.OrganizationsDecisionDetail{},
			ResourceSpecificResults: []types.ResourceSpecificResult{
				{EvalResourceName: awssdk.String("r1"), EvalResourceDecision: allowed},
			},
		},
	}}.Decided()
	want := []Decided{
		{"iam:A", "r1", allowed, ""},
		{"iam:A", "r2", denied, "it depends on aws:X"},
		{"iam:B", "r1", allowed, ""},
		{"iam:B", "r2", denied, ""},
		{"iam:C", "r1", denied, "a policy of the organization denies it, perhaps under a condition"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

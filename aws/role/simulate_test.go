package role

import (
	"errors"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

func TestTheProofOnPaperHoldsOnBothSidesOfTheCutoff(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		role := b.Role(standin.RoleSpec{Path: "/ops/"})
		result, err := b.roles.Revoke(t.Context(), order(b.describe("prod/Deploy")))
		if err != nil {
			t.Fatal(err)
		}
		query := Ref{Account: "prod", ARN: role.ARN}
		deny := func(document string) {
			t.Helper()
			if err := b.Prod.PutRolePolicy("Deploy", PolicyName, document); err != nil {
				t.Fatal(err)
			}
		}
		check := func(what string, before, after Verdict) {
			t.Helper()
			began := time.Now()
			b.Server.Inject(standin.Fault{Action: "SimulatePrincipalPolicy", Delay: time.Second, Times: 2})
			got, err := b.roles.Simulate(t.Context(), query, result.Cutoff)
			if err != nil || got.Before != before || got.After != after || got.Unavailable != "" {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
			if got.Proven() != (before == DeniedByOurs && after == NotDenied) {
				t.Errorf("%s: proven is %v", what, got.Proven())
			}
			if now := b.Server.Now(); got.At.After(now) || now.Sub(got.At) > time.Second {
				t.Errorf("%s: at %v, it is %v", what, got.At, now)
			}
			if took := time.Since(began); took != time.Second {
				t.Errorf("%s: took %v", what, took)
			}
		}
		check("as written", DeniedByOurs, NotDenied)
		deny(denyStatementDocument(result.Cutoff.Add(2 * time.Second)))
		check("a later cutoff denies both", DeniedByOurs, DeniedByOurs)
		deny(denyStatementDocument(result.Cutoff.Add(-2 * time.Second)))
		check("an earlier cutoff denies neither", NotDenied, NotDenied)
		deny(strings.Replace(denyStatementDocument(result.Cutoff), issueTimeKey, "aws:TokeIssueTime", 1))
		check("a misspelt key", NotDenied, NotDenied)
		if err := b.Prod.PutRolePolicy("Deploy", "Another", denyStatementDocument(result.Cutoff)); err != nil {
			t.Fatal(err)
		}
		check("another policy does it", DeniedByOther, NotDenied)
		deny(denyStatementDocument(result.Cutoff))
		check("both do", DeniedByOurs, NotDenied)
		if err := b.Prod.SetSCP(OldSessionsSCP(Role{ARN: role.ARN}, result.Cutoff)); err != nil {
			t.Fatal(err)
		}
		check("the organization denies first", DeniedByOther, NotDenied)
	})
}

func denyStatementDocument(cutoff time.Time) string { return (policy{}).withCutoff(cutoff) }

func TestWhatCannotBeSimulatedIsSaidAndWhatMayPassIsAnError(t *testing.T) {
	for code, want := range map[string]struct {
		words string
		kind  error
	}{
		"AccessDenied": {"may not use the policy simulator in account prod. Allow its role iam:SimulatePrincipalPolicy.", nil},
		"InvalidInput": {"did not accept the request iam:SimulatePrincipalPolicy", nil},
		"NoSuchEntity": {"There is no such role", nil},
		"Throttling":   {"", aws.ErrThrottled},
	} {
		t.Run(code, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				role := b.Role(standin.RoleSpec{})
				b.Server.Inject(standin.Fault{Action: "SimulatePrincipalPolicy", Code: code, Times: -1})
				got, err := b.roles.Simulate(t.Context(), Ref{Account: "prod", ARN: role.ARN}, b.Server.Now())
				if !errors.Is(err, want.kind) || !strings.Contains(got.Unavailable, want.words) || (want.words == "") != (got.Unavailable == "") {
					t.Errorf("got %+v, %v", got, err)
				}
				if got.Proven() || got.Before != "" || got.After != "" {
					t.Errorf("a verdict without an answer: %+v", got)
				}
			})
		})
	}
	onBench(t, nil, func(t *testing.T, b *bench) {
		if _, err := b.roles.Simulate(t.Context(), Ref{Account: "nobody"}, time.Time{}); aws.Explain(err) == "" {
			t.Errorf("an account that is not configured: %v", err)
		}
	})
}

func TestOurStatementIsKnownByTheEndOfItsId(t *testing.T) {
	for id, want := range map[string]bool{
		"role_Deploy_AWSRevokeOlderSessions": true, "AWSRevokeOlderSessions": true, "role/Deploy/AWSRevokeOlderSessions": true,
		"role_Deploy_NotAWSRevokeOlderSessions": false, "role_Deploy_AWSRevokeOlderSessions2": false, "": false, "ReadOnlyAccess": false,
	} {
		if got := isOurs(types.Statement{SourcePolicyId: awssdk.String(id)}); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}

func TestAnAnswerThatSaysNothingIsNoVerdict(t *testing.T) {
	ours := []types.Statement{{SourcePolicyId: awssdk.String("role_x_" + PolicyName)}}
	for _, results := range [][]types.EvaluationResult{
		nil,
		{{EvalDecision: "perhaps", MatchedStatements: ours}},
		{{EvalDecision: "explicitDeny", MatchedStatements: ours}, {EvalDecision: "explicitDeny", MatchedStatements: ours}},
	} {
		if got := verdict(&iam.SimulatePrincipalPolicyOutput{EvaluationResults: results}); got != "" {
			t.Errorf("%+v: %s", results, got)
		}
	}
}

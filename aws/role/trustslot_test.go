package role

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

const (
	trustRole = "arn:aws:iam::" + awsbench.ProdID + ":role/revokebot-trust"
	mayTrust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole","iam:GetUser",` +
		`"iam:GetRolePolicy","iam:ListRolePolicies","iam:SimulatePrincipalPolicy","iam:UpdateAssumeRolePolicy"],` +
		`"Resource":"*"}]}`
	aliceIn = "arn:aws:iam::" + awsbench.ProdID + ":user/alice"
	byAlice = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + aliceIn +
		`"},"Action":"sts:AssumeRole"}]}`
)

// onTrust is onBench with a role for trust policies and a role Deploy that alice may assume. It
// hands over an order to freeze that.
func onTrust(t *testing.T, test func(t *testing.T, b *bench, o Order)) {
	t.Helper()
	onBench(t, func(_ *standin.Config, c *aws.Config) { c.Accounts[0].TrustRole = trustRole },
		func(t *testing.T, b *bench) {
			b.Prod.AddUser(standin.UserSpec{Name: "alice"})
			b.Prod.AddRole(standin.RoleSpec{
				Name: "revokebot-trust", Trust: awsbench.TrustHub, Policies: map[string]string{"trust": mayTrust},
			})
			b.Role(standin.RoleSpec{Trust: byAlice})
			o := order(b.describe("prod/Deploy"))
			o.Measure = contain.Freeze()
			test(t, b, o)
		})
}

func (b *bench) trusts() string {
	r, _ := b.Prod.Role("Deploy")
	return r.Trust
}

func TestAFreezeKeepsTheTextAndTheUniqueIdsOfItsPrincipalsBeforeItWrites(t *testing.T) {
	onTrust(t, func(t *testing.T, b *bench, o Order) {
		u, _ := b.Prod.User("alice")
		o.Promise = func(_ context.Context, p Plan) ([]contain.Change, error) {
			if b.trusts() != byAlice || p.Before != byAlice || len(p.Trusted) != 1 || p.Trusted[aliceIn] != u.UniqueID {
				t.Errorf("promised %+v while the trust policy is %s", p, b.trusts())
			}
			return []contain.Change{p.Change}, nil
		}
		out, err := b.roles.Apply(t.Context(), nil, o)
		if err != nil || !out.Documents[0].ReadBack || out.Documents[0].Writes != 1 || b.trusts() == byAlice {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

func TestATrustPolicyThatChangedSinceItsPromiseIsPromisedAnewAndOnlyThenWritten(t *testing.T) {
	onTrust(t, func(t *testing.T, b *bench, o Order) {
		other := strings.Replace(byAlice, `"Effect"`, `"Sid":"New","Effect"`, 1)
		var promised []contain.Change
		o.Promise = func(_ context.Context, p Plan) ([]contain.Change, error) {
			if promised = append(promised, p.Change); len(promised) == 1 {
				if err := b.Prod.SetTrust("Deploy", other); err != nil {
					t.Fatal(err)
				}
			}
			return promised, nil
		}
		out, err := b.roles.Apply(t.Context(), nil, o)
		if err != nil || !out.Documents[0].ReadBack || len(promised) != 2 || promised[1].Before != other {
			t.Errorf("%+v, %v; promised %+v", out, err, promised)
		}
		if got := contain.Fold(promised)[0].Before; got != other {
			t.Errorf("an undo would put back %s", got)
		}
	})
}

func TestTheProofOfAFreezeIsASessionThatTheTrustPolicyRefuses(t *testing.T) {
	onTrust(t, func(t *testing.T, b *bench, o Order) {
		out, err := b.roles.Apply(t.Context(), nil, o)
		if err != nil {
			t.Fatal(err)
		}
		docs := []contain.Document{out.Documents[0].There}
		if s, err := b.roles.Simulate(t.Context(), o, docs); err != nil || !s.Proven || !s.Tried || s.At.IsZero() {
			t.Errorf("%+v, %v", s, err)
		}
		// A refusal for want of a permission proves nothing, and neither does a session.
		if err := b.Prod.SetTrust("Deploy", byAlice); err != nil {
			t.Fatal(err)
		}
		if s, err := b.roles.Simulate(t.Context(), o, docs); err != nil || s.Proven || s.Before != NotDenied {
			t.Errorf("a refusal by nothing: %+v, %v", s, err)
		}
		if err := b.Prod.SetTrust("Deploy", strings.Replace(byAlice, aliceIn, trustRole, 1)); err != nil {
			t.Fatal(err)
		}
		if err := b.Prod.PutRolePolicy("revokebot-trust", "more", `{"Version":"2012-10-17","Statement":{"Effect":"Deny",`+
			`"Action":"sts:AssumeRole","Resource":"*"}}`); err != nil {
			t.Fatal(err)
		}
		if s, err := b.roles.Simulate(t.Context(), o, docs); err != nil || s.Proven {
			t.Errorf("a refusal by the role's own policy: %+v, %v", s, err)
		}
	})
}

func TestAFreezeIsRefusedWithoutARoleForTrustPoliciesOrItsRight(t *testing.T) {
	onTrust(t, func(t *testing.T, b *bench, o Order) {
		if err := b.Prod.PutRolePolicy("revokebot-trust", "trust",
			strings.Replace(mayTrust, `,"iam:UpdateAssumeRolePolicy"`, "", 1)); err != nil {
			t.Fatal(err)
		}
		target, err := b.Cloud.Parse("prod/Deploy")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.roles.Describe(t.Context(), target, o.Measure, nil); !strings.Contains(aws.Explain(err),
			"may not do iam:UpdateAssumeRolePolicy") {
			t.Errorf("when asked: %v", err)
		}
		if _, err := b.roles.Apply(t.Context(), nil, o); !errors.Is(err, aws.ErrAccessDenied) || b.trusts() != byAlice {
			t.Errorf("when written: %v", err)
		}
	})
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		o := order(b.describe("prod/Deploy"))
		o.Measure = contain.Freeze()
		_, err := b.roles.Prepare(t.Context(), o)
		if want := "Account prod has no trust_role in the configuration"; !strings.HasPrefix(aws.Explain(err), want) {
			t.Errorf("%v", err)
		}
	})
}

func TestASessionOfAFreezeCanTouchTheTrustPolicyOfOneRoleAndNothingElse(t *testing.T) {
	onTrust(t, func(t *testing.T, _ *bench, o Order) {
		if got := o.sessionPolicy(); !strings.Contains(got, `["iam:GetRole","iam:UpdateAssumeRolePolicy"]`) ||
			strings.Contains(got, "PutRolePolicy") || strings.Contains(got, `"*"`) || !strings.Contains(got, "role/Deploy") {
			t.Error(got)
		}
	})
}

func TestAnUndoOfAFreezeIsRefusedWhenAPrincipalIsAnotherOne(t *testing.T) {
	onTrust(t, func(t *testing.T, b *bench, o Order) {
		var promises book
		if _, err := b.roles.Apply(t.Context(), nil, promises.keeping(o)); err != nil {
			t.Fatal(err)
		}
		frozen := b.trusts()
		if err := b.Prod.DeleteUser("alice"); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"gone", "made again"} {
			undo := o
			undo.Mode, undo.Measure, undo.Promise = Undo, contain.Restore(o.Measure, contain.Fold(promises.all)), nil
			out, err := b.roles.Apply(t.Context(), nil, undo)
			refused, ok := errors.AsType[*contain.Refusal](err)
			if !ok || !strings.Contains(refused.Sentence, aliceIn) || out.Documents[0].Writes != 0 || b.trusts() != frozen {
				t.Errorf("%s: %+v, %v", name, out, err)
			}
			b.Prod.AddUser(standin.UserSpec{Name: "alice"})
			promises.all[0].Trusted = map[string]string{aliceIn: "AIDAANOTHER"}
		}
	})
}

package role

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/trail"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestALookAtTheDenySaysWhatBecameOfIt(t *testing.T) {
	raised := `{"Version":"2012-10-17","Statement":[` + denyStatement(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)) + `,{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	for _, c := range []struct {
		name   string
		change func(b *bench) error
		want   CheckState
	}{
		{"untouched", func(*bench) error { return nil }, Held},
		{"another form", func(b *bench) error {
			there, _ := b.Prod.RolePolicy("Deploy", PolicyName)
			return b.Prod.PutRolePolicy("Deploy", PolicyName, strings.ReplaceAll(there, ",", ", "))
		}, Held},
		{"raised", func(b *bench) error { return b.Prod.PutRolePolicy("Deploy", PolicyName, raised) }, Raised},
		{"deleted", func(b *bench) error { return b.Prod.DeleteRolePolicy("Deploy", PolicyName) }, Gone},
		{"moved back", func(b *bench) error {
			return b.Prod.PutRolePolicy("Deploy", PolicyName, awsbench.DenyAt("1999-01-01T00:00:00Z"))
		}, Weakened},
		{"a date that is none", func(b *bench) error {
			return b.Prod.PutRolePolicy("Deploy", PolicyName, awsbench.DenyAt("2100-01-01T00:00:00"))
		}, Weakened},
		{"a misspelt key", func(b *bench) error {
			return b.Prod.PutRolePolicy("Deploy", PolicyName, strings.Replace(awsbench.DenyAt("2100-01-01T00:00:00Z"), "aws:TokenIssueTime", "aws:TokeIssueTime", 1))
		}, Weakened},
		{"an allow in its place", func(b *bench) error { return b.Prod.PutRolePolicy("Deploy", PolicyName, awsbench.MayAll) }, Weakened},
		{"another name", func(b *bench) error {
			there, _ := b.Prod.RolePolicy("Deploy", PolicyName)
			return errors.Join(b.Prod.PutRolePolicy("Deploy", "Other", there), b.Prod.DeleteRolePolicy("Deploy", PolicyName))
		}, Gone},
		{"role deleted", func(b *bench) error { return b.Prod.DeleteRole("Deploy") }, RoleGone},
		{"role made again", func(b *bench) error { _, err := b.Prod.RecreateRole("Deploy"); return err }, RoleReplaced},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				r := order(b.describe("prod/Deploy"))
				result, err := b.roles.Revoke(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(15 * time.Second)
				if err := c.change(b); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				b.Server.Inject(standin.Fault{Delay: 100 * time.Millisecond, Times: -1})
				got, err := b.roles.Check(t.Context(), Ref{Account: "prod", Name: "Deploy", ID: r.Target.ID}, result.Cutoff)
				if err != nil || got.State != c.want {
					t.Errorf("got %+v, %v", got, err)
				}
				if got.Good() != (c.want == Held || c.want == Raised) {
					t.Errorf("good: %v", got.Good())
				}
				there, _ := b.Prod.RolePolicy("Deploy", PolicyName)
				if parsed, _ := parsePolicy(there); got.Document != there || !got.Cutoff.Equal(parsed.cutoff()) {
					t.Errorf("shows %s until %v, on the role is %s", got.Document, got.Cutoff, there)
				}
				if now := b.Server.Now(); got.At.After(now) || now.Sub(got.At) > 2*time.Second {
					t.Errorf("at %v, it is %v", got.At, now)
				}
				if took := time.Since(began); took != 100*time.Millisecond {
					t.Errorf("took %v: the reads are not side by side", took)
				}
			})
		})
	}
}

func TestALookThatFailsSaysNothing(t *testing.T) {
	for _, action := range []string{"GetRole", "GetRolePolicy"} {
		for code, kind := range map[string]error{"AccessDenied": aws.ErrAccessDenied, "Throttling": aws.ErrThrottled, "ServiceFailure": aws.ErrUnavailable} {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				r := order(b.describe("prod/Deploy"))
				if _, err := b.roles.Revoke(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				b.Server.Inject(standin.Fault{Action: action, Code: code, Times: -1})
				got, err := b.roles.Check(t.Context(), Ref{Account: "prod", Name: "Deploy", ID: r.Target.ID}, time.Time{})
				if !errors.Is(err, kind) || got != (Check{}) || got.Good() {
					t.Errorf("%s %s: %+v, %v", action, code, got, err)
				}
			})
		}
	}
	onBench(t, nil, func(t *testing.T, b *bench) {
		if _, err := b.roles.Check(t.Context(), Ref{Account: "nobody"}, time.Time{}); aws.Explain(err) == "" {
			t.Errorf("an account that is not configured: %v", err)
		}
	})
}

// A question without a cutoff is not answered with a pass by a policy that denies nobody.
func TestNoCutoffIsNoPass(t *testing.T) {
	if got := (onRole{document: awsbench.MayAll}).state(time.Time{}); got != Weakened {
		t.Errorf("got %s", got)
	}
	if (Check{}).Good() {
		t.Error("the zero value is a pass")
	}
}

func TestWritingAgainTakesAFreshCutoffAndNeverLessThanWasPromised(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		first, err := b.roles.Revoke(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		// Untouched, and written again nevertheless: NotBefore is zero.
		time.Sleep(time.Minute)
		plans := 0
		r.AtLeast, r.Promise = first.Cutoff, func(context.Context, Plan) error { plans++; return nil }
		again, err := b.roles.Revoke(t.Context(), r)
		if err != nil || again.AlreadyThere || again.Writes != 1 || plans != 1 || !again.Cutoff.Equal(first.Cutoff.Add(time.Minute)) {
			t.Errorf("got %+v, %v; %d plans", again, err, plans)
		}
		// Taken away, after somebody had raised it far beyond what is fresh.
		if err := b.Prod.DeleteRolePolicy("Deploy", PolicyName); err != nil {
			t.Fatal(err)
		}
		r.AtLeast = again.Cutoff.Add(time.Hour)
		third, err := b.roles.Revoke(t.Context(), r)
		if err != nil || third.Writes != 1 || !third.Cutoff.Equal(r.AtLeast) {
			t.Errorf("got %+v, %v", third, err)
		}
	})
}

// The thief has a second identity and removes the deny twice a second. Each look finds that out, each second write is
// undone, CloudTrail names the thief, and a service control policy with our text ends it.
func TestTheThiefWhoKeepsRemovingTheDenyIsNamedEachTimeAndStoppedByTheGuardRail(t *testing.T) {
	onBench(t, func(in *standin.Config, _ *aws.Config) { in.Propagation = 4 * time.Second }, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Path: "/ops/"})
		eve := b.Prod.AddUser(standin.UserSpec{Name: "eve", Policies: map[string]string{"all": awsbench.MayAll}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			client := b.AsUser(eve)
			for ctx.Err() == nil {
				_, _ = client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: awssdk.String("Deploy"), PolicyName: awssdk.String(PolicyName)})
				select {
				case <-ctx.Done():
				case <-time.After(500 * time.Millisecond):
				}
			}
		}()
		defer func() { stop(); <-done }()

		role := b.describe("prod/Deploy")
		old := b.Session("Deploy")
		r := order(role)
		began := b.Server.Now()
		var last Result
		for look := range 5 {
			r.AtLeast = last.Cutoff
			result, err := b.roles.Revoke(t.Context(), r)
			if err != nil || result.Cutoff.Before(last.Cutoff) {
				t.Fatalf("write %d: %+v, %v", look, result, err)
			}
			last = result
			time.Sleep(5 * time.Second)
			got, err := b.roles.Check(t.Context(), Ref{Account: "prod", Name: "Deploy", ID: role.ID}, last.Cutoff)
			if err != nil || got.State != Gone {
				t.Fatalf("look %d: %+v, %v", look, got, err)
			}
			changes, err := trail.New(b.Cloud).Tampering(t.Context(), trail.TamperQuery{AccountName: "prod", RoleName: "Deploy", Policy: PolicyName, Since: began})
			if err != nil || len(changes) != look+1 || changes[0].Who != "user eve" || changes[0].AccessKeyID != eve.AccessKeyID {
				t.Fatalf("look %d: %+v, %v", look, changes, err)
			}
		}
		if err := b.works(old); err != nil {
			t.Errorf("the old session should still work: %v", err)
		}

		if err := b.Prod.SetSCP(GuardRailSCP(role, b.Cloud.OwnRoles("prod"))); err != nil {
			t.Fatal(err)
		}
		r.AtLeast = last.Cutoff
		last, err := b.roles.Revoke(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		got, err := b.roles.Check(t.Context(), Ref{Account: "prod", Name: "Deploy", ID: role.ID}, last.Cutoff)
		if err != nil || got.State != Held {
			t.Errorf("behind the guard rail: %+v, %v", got, err)
		}
		if err := b.works(old); !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("the old session: %v", err)
		}
	})
}

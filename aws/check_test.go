package aws

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	standin "github.com/revokebot/revokebot/sandbox/aws"
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
			there, _ := b.prod.RolePolicy("Deploy", PolicyName)
			return b.prod.PutRolePolicy("Deploy", PolicyName, strings.ReplaceAll(there, ",", ", "))
		}, Held},
		{"raised", func(b *bench) error { return b.prod.PutRolePolicy("Deploy", PolicyName, raised) }, Raised},
		{"deleted", func(b *bench) error { return b.prod.DeleteRolePolicy("Deploy", PolicyName) }, Gone},
		{"moved back", func(b *bench) error {
			return b.prod.PutRolePolicy("Deploy", PolicyName, denyAt("1999-01-01T00:00:00Z"))
		}, Weakened},
		{"a date that is none", func(b *bench) error { return b.prod.PutRolePolicy("Deploy", PolicyName, denyAt("2100-01-01T00:00:00")) }, Weakened},
		{"a misspelt key", func(b *bench) error {
			return b.prod.PutRolePolicy("Deploy", PolicyName, strings.Replace(denyAt("2100-01-01T00:00:00Z"), "aws:TokenIssueTime", "aws:TokeIssueTime", 1))
		}, Weakened},
		{"an allow in its place", func(b *bench) error { return b.prod.PutRolePolicy("Deploy", PolicyName, mayAll) }, Weakened},
		{"another name", func(b *bench) error {
			there, _ := b.prod.RolePolicy("Deploy", PolicyName)
			return errors.Join(b.prod.PutRolePolicy("Deploy", "Other", there), b.prod.DeleteRolePolicy("Deploy", PolicyName))
		}, Gone},
		{"role deleted", func(b *bench) error { return b.prod.DeleteRole("Deploy") }, RoleGone},
		{"role made again", func(b *bench) error { _, err := b.prod.RecreateRole("Deploy"); return err }, RoleReplaced},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.role(standin.RoleSpec{})
				r := revocation(b.describe("prod/Deploy"))
				result, err := b.cloud.Revoke(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(15 * time.Second)
				if err := c.change(b); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				b.server.Inject(standin.Fault{Delay: 100 * time.Millisecond, Times: -1})
				got, err := b.cloud.Check(t.Context(), CheckQuery{"prod", "Deploy", r.RoleID, result.Cutoff})
				if err != nil || got.State != c.want {
					t.Errorf("got %+v, %v", got, err)
				}
				if got.Good() != (c.want == Held || c.want == Raised) {
					t.Errorf("good: %v", got.Good())
				}
				there, _ := b.prod.RolePolicy("Deploy", PolicyName)
				if parsed, _ := parsePolicy(there); got.Document != there || !got.Cutoff.Equal(parsed.cutoff()) {
					t.Errorf("shows %s until %v, on the role is %s", got.Document, got.Cutoff, there)
				}
				if now := b.server.Now(); got.At.After(now) || now.Sub(got.At) > 2*time.Second {
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
		for code, kind := range map[string]error{"AccessDenied": ErrAccessDenied, "Throttling": ErrThrottled, "ServiceFailure": ErrUnavailable} {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.role(standin.RoleSpec{})
				r := revocation(b.describe("prod/Deploy"))
				if _, err := b.cloud.Revoke(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				b.server.Inject(standin.Fault{Action: action, Code: code, Times: -1})
				got, err := b.cloud.Check(t.Context(), CheckQuery{"prod", "Deploy", r.RoleID, time.Time{}})
				if !errors.Is(err, kind) || got != (Check{}) || got.Good() {
					t.Errorf("%s %s: %+v, %v", action, code, got, err)
				}
			})
		}
	}
	onBench(t, nil, func(t *testing.T, b *bench) {
		if _, err := b.cloud.Check(t.Context(), CheckQuery{AccountName: "nobody"}); Explain(err) == "" {
			t.Errorf("an account that is not configured: %v", err)
		}
	})
}

// A question without a cutoff is not answered with a pass by a policy that denies nobody.
func TestNoCutoffIsNoPass(t *testing.T) {
	if got := (onRole{document: mayAll}).state(time.Time{}); got != Weakened {
		t.Errorf("got %s", got)
	}
	if (Check{}).Good() {
		t.Error("the zero value is a pass")
	}
}

func TestWritingAgainTakesAFreshCutoffAndNeverLessThanWasPromised(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{})
		r := revocation(b.describe("prod/Deploy"))
		first, err := b.cloud.Revoke(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		// Untouched, and written again nevertheless: NotBefore is zero.
		time.Sleep(time.Minute)
		plans := 0
		r.AtLeast, r.Plan = first.Cutoff, func(context.Context, Plan) error { plans++; return nil }
		again, err := b.cloud.Revoke(t.Context(), r)
		if err != nil || again.AlreadyThere || again.Writes != 1 || plans != 1 || !again.Cutoff.Equal(first.Cutoff.Add(time.Minute)) {
			t.Errorf("got %+v, %v; %d plans", again, err, plans)
		}
		// Taken away, after somebody had raised it far beyond what is fresh.
		if err := b.prod.DeleteRolePolicy("Deploy", PolicyName); err != nil {
			t.Fatal(err)
		}
		r.AtLeast = again.Cutoff.Add(time.Hour)
		third, err := b.cloud.Revoke(t.Context(), r)
		if err != nil || third.Writes != 1 || !third.Cutoff.Equal(r.AtLeast) {
			t.Errorf("got %+v, %v", third, err)
		}
	})
}

// asUser is an IAM client of a user who may do everything with roles.
func (b *bench) asUser(key standin.AccessKey) *iam.Client {
	return iam.NewFromConfig(b.sdk(key), func(o *iam.Options) { o.Region, o.Retryer = "us-east-1", awssdk.NopRetryer{} })
}

// The thief has a second identity and removes the deny twice a second. Each look finds that out, each second write is
// undone, CloudTrail names the thief, and a service control policy with our text ends it.
func TestTheThiefWhoKeepsRemovingTheDenyIsNamedEachTimeAndStoppedByTheGuardRail(t *testing.T) {
	onBench(t, func(in *standin.Config, _ *Config) { in.Propagation = 4 * time.Second }, func(t *testing.T, b *bench) {
		b.role(standin.RoleSpec{Path: "/ops/"})
		eve := b.prod.AddUser(standin.UserSpec{Name: "eve", Policies: map[string]string{"all": mayAll}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			client := b.asUser(eve)
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
		old := b.session("Deploy")
		r := revocation(role)
		began := b.server.Now()
		var last Result
		for look := range 5 {
			r.AtLeast = last.Cutoff
			result, err := b.cloud.Revoke(t.Context(), r)
			if err != nil || result.Cutoff.Before(last.Cutoff) {
				t.Fatalf("write %d: %+v, %v", look, result, err)
			}
			last = result
			time.Sleep(5 * time.Second)
			got, err := b.cloud.Check(t.Context(), CheckQuery{"prod", "Deploy", role.ID, last.Cutoff})
			if err != nil || got.State != Gone {
				t.Fatalf("look %d: %+v, %v", look, got, err)
			}
			changes, err := b.cloud.Tampering(t.Context(), TamperQuery{AccountName: "prod", RoleName: "Deploy", Since: began})
			if err != nil || len(changes) != look+1 || changes[0].Who != "user eve" || changes[0].AccessKeyID != eve.AccessKeyID {
				t.Fatalf("look %d: %+v, %v", look, changes, err)
			}
		}
		if err := b.works(old); err != nil {
			t.Errorf("the old session should still work: %v", err)
		}

		if err := b.prod.SetSCP(GuardRailSCP(role, b.cloud.OwnRoles("prod"))); err != nil {
			t.Fatal(err)
		}
		r.AtLeast = last.Cutoff
		last, err := b.cloud.Revoke(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		got, err := b.cloud.Check(t.Context(), CheckQuery{"prod", "Deploy", role.ID, last.Cutoff})
		if err != nil || got.State != Held {
			t.Errorf("behind the guard rail: %+v, %v", got, err)
		}
		if err := b.works(old); !errors.Is(err, ErrAccessDenied) {
			t.Errorf("the old session: %v", err)
		}
	})
}

package role

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/trail"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestALookAtTheDenySaysWhatBecameOfIt(t *testing.T) {
	beside := strings.Replace(denyAt(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)), `}}}]`,
		`}}},{"Effect":"Allow","Action":"s3:*","Resource":"*"}]`, 1)
	for _, c := range []struct {
		name   string
		change func(b *bench) error
		want   CheckState
	}{
		{"untouched", func(*bench) error { return nil }, Held},
		{"another form", func(b *bench) error {
			there, _ := b.Prod.RolePolicy("Deploy", policyName)
			return b.Prod.PutRolePolicy("Deploy", policyName, strings.ReplaceAll(there, ",", ", "))
		}, Held},
		{"raised", func(b *bench) error {
			return b.Prod.PutRolePolicy("Deploy", policyName, denyAt(b.Server.Now().Add(time.Hour)))
		}, Held},
		{"a date far ahead", func(b *bench) error {
			return b.Prod.PutRolePolicy("Deploy", policyName, awsbench.DenyAt("2100-01-01T00:00:00Z"))
		}, Weakened},
		{
			"a statement beside it", func(b *bench) error {
				return b.Prod.PutRolePolicy("Deploy", policyName, beside)
			}, Weakened,
		},
		{"deleted", func(b *bench) error { return b.Prod.DeleteRolePolicy("Deploy", policyName) }, Gone},
		{"moved back", func(b *bench) error {
			return b.Prod.PutRolePolicy("Deploy", policyName, awsbench.DenyAt("1999-01-01T00:00:00Z"))
		}, Weakened},
		{"a date that is none", func(b *bench) error {
			return b.Prod.PutRolePolicy("Deploy", policyName, awsbench.DenyAt("2100-01-01T00:00:00"))
		}, Weakened},
		{"a misspelt key", func(b *bench) error {
			return b.Prod.PutRolePolicy("Deploy", policyName,
				strings.Replace(awsbench.DenyAt("2100-01-01T00:00:00Z"), "aws:TokenIssueTime", "aws:TokeIssueTime", 1))
		}, Weakened},
		{
			"an allow in its place", func(b *bench) error { return b.Prod.PutRolePolicy("Deploy", policyName, awsbench.MayAll) },
			Weakened,
		},
		{"another name", func(b *bench) error {
			there, _ := b.Prod.RolePolicy("Deploy", policyName)
			return errors.Join(b.Prod.PutRolePolicy("Deploy", "Other", there), b.Prod.DeleteRolePolicy("Deploy", policyName))
		}, Gone},
		{"role deleted", func(b *bench) error { return b.Prod.DeleteRole("Deploy") }, RoleGone},
		{"role made again", func(b *bench) error { _, err := b.Prod.RecreateRole("Deploy"); return err }, RoleReplaced},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				r := order(b.describe("prod/Deploy"))
				result, err := b.apply(r)
				if err != nil {
					t.Fatal(err)
				}
				r.Promised = result.book.all
				time.Sleep(15 * time.Second)
				if err := c.change(b); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				b.Server.Inject(standin.Fault{Delay: 100 * time.Millisecond, Times: -1})
				got, err := b.roles.Check(t.Context(), r)
				if err != nil || got.State != c.want {
					t.Errorf("got %+v, %v", got, err)
				}
				if got.Good() != (c.want == Held) {
					t.Errorf("good: %v", got.Good())
				}
				there, _ := b.Prod.RolePolicy("Deploy", policyName)
				if c.want != RoleGone && (!slices.Equal(got.There, []contain.Document{text(there)}) ||
					got.Now.Before(b.Server.Now())) {
					t.Errorf("shows %+v at %v, on the role is %s", got.There, got.Now, there)
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
		for code, kind := range map[string]error{
			"AccessDenied": aws.ErrAccessDenied, "Throttling": aws.ErrThrottled, "ServiceFailure": aws.ErrUnavailable,
		} {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				r := order(b.describe("prod/Deploy"))
				result, err := b.apply(r)
				if err != nil {
					t.Fatal(err)
				}
				r.Promised = result.book.all
				b.Server.Inject(standin.Fault{Action: action, Code: code, Times: -1})
				got, err := b.roles.Check(t.Context(), r)
				if !errors.Is(err, kind) || got.State != "" || got.There != nil || got.Good() {
					t.Errorf("%s %s: %+v, %v", action, code, got, err)
				}
			})
		}
	}
	onBench(t, nil, func(t *testing.T, b *bench) {
		if _, err := b.roles.Check(t.Context(), Order{
			Target: of("nobody", "", "", ""), Measure: contain.Revoke(),
			Promised: []contain.Change{{Slot: text("").Slot, After: consoleForm}},
		}); aws.Explain(err) == "" {
			t.Errorf("an account that is not configured: %v", err)
		}
	})
}

// A question without a promise is not answered with a pass by whatever is there.
func TestNoPromiseIsNoPass(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Policies: map[string]string{policyName: consoleForm}})
		if got, err := b.roles.Check(t.Context(), order(b.describe("prod/Deploy"))); err == nil || got.Good() {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	if (Check{}).Good() {
		t.Error("the zero value is a pass")
	}
}

func TestWritingAgainTakesAFreshCutoffAndNeverLessThanWasPromised(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		first, err := b.apply(r)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := b.Prod.DeleteRolePolicy("Deploy", policyName); err != nil {
			t.Fatal(err)
		}
		guarding := r
		guarding.Guard, guarding.Promised = true, first.book.all
		again, err := b.apply(guarding)
		if err != nil || again.AlreadyThere || again.Writes != 1 || !again.Change.Guard ||
			!again.Cutoff.Equal(first.Cutoff.Add(time.Minute)) {
			t.Errorf("got %+v, %v", again, err)
		}
		// Taken away, after another request has promised far more than what is fresh.
		if err := b.Prod.DeleteRolePolicy("Deploy", policyName); err != nil {
			t.Fatal(err)
		}
		most := again.Cutoff.Add(time.Hour)
		guarding.Promised, guarding.InForce = again.book.all, []contain.Document{text(denyAt(most))}
		third, err := b.apply(guarding)
		if err != nil || third.Writes != 1 || !third.Cutoff.Equal(most) {
			t.Errorf("got %+v, %v", third, err)
		}
	})
}

// What others have in force is the least that is written; it excuses nothing.
func TestWhatAnotherRequestHasPutThereIsWrittenAgain(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		first, err := b.apply(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Request, r.InForce = "req-3", []contain.Document{first.There}
		second, err := b.apply(r)
		if err != nil || second.AlreadyThere || second.Writes != 1 || len(second.book.plans) != 1 ||
			second.Change.Before != first.There.Text {
			t.Errorf("got %+v, %v", second, err)
		}
		// What this one has promised is not enough while another one has more in force.
		r.Promised, r.InForce = second.book.all, []contain.Document{text(denyAt(second.Cutoff.Add(time.Minute)))}
		third, err := b.apply(r)
		if err != nil || third.AlreadyThere || !third.Cutoff.Equal(second.Cutoff.Add(time.Minute)) {
			t.Errorf("got %+v, %v", third, err)
		}
	})
}

// The thief has a second identity and removes the deny twice a second. Each look finds that out,
// each second write is undone, CloudTrail names the thief, and a service control policy with our
// text ends it.
func TestTheThiefWhoKeepsRemovingTheDenyIsNamedEachTimeAndStoppedByTheGuardRail(t *testing.T) {
	onBench(t, func(in *standin.Config, _ *aws.Config) { in.Propagation = 4 * time.Second }, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Path: "/ops/"})
		eve := b.Prod.AddUser(standin.UserSpec{Name: "eve", Policies: map[string]string{"all": awsbench.MayAll}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		var removed atomic.Int64 // a write is removed once, or between two tries of one order, too
		go func() {
			defer close(done)
			client := b.AsUser(eve)
			for ctx.Err() == nil {
				if _, err := client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{
					RoleName: awssdk.String("Deploy"), PolicyName: awssdk.String(policyName),
				}); err == nil {
					removed.Add(1)
				}
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
		var last one
		for look := range 5 {
			if last.book != nil {
				r.Promised = last.book.all
			}
			result, err := b.apply(r)
			if err != nil || result.Cutoff.Before(last.Cutoff) {
				t.Fatalf("write %d: %+v, %v", look, result, err)
			}
			last = result
			time.Sleep(5 * time.Second)
			r.Promised = last.book.all
			got, err := b.roles.Check(t.Context(), r)
			if err != nil || got.State != Gone {
				t.Fatalf("look %d: %+v, %v", look, got, err)
			}
			changes, err := trail.New(b.Cloud).Tampering(t.Context(), trail.TamperQuery{
				AccountName: "prod", RoleName: "Deploy", Slots: []contain.Slot{text("").Slot}, Since: began,
			})
			if n := int(removed.Load()); err != nil || n <= look || len(changes) != n || changes[0].Who != "user eve" ||
				changes[0].AccessKeyID != eve.AccessKeyID {
				t.Fatalf("look %d: %+v, %v", look, changes, err)
			}
		}
		if err := b.works(old); err != nil {
			t.Errorf("the old session should still work: %v", err)
		}

		if err := b.Prod.SetSCP(GuardRailSCP(role.ARN, b.Cloud.OwnRoles("prod", contain.Role))); err != nil {
			t.Fatal(err)
		}
		last, err := b.apply(r)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		r.Promised = last.book.all
		got, err := b.roles.Check(t.Context(), r)
		if err != nil || got.State != Held {
			t.Errorf("behind the guard rail: %+v, %v", got, err)
		}
		if err := b.works(old); !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("the old session: %v", err)
		}
	})
}

package role

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestAWriteWhoseAnswerWasLostIsFoundAgain(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		b.Server.Inject(standin.Fault{Action: "PutRolePolicy", Hang: true, AfterDoing: true, Times: -1})
		lost, err := b.apply(r)
		if !errors.Is(err, aws.ErrTimeout) || aws.Final(err) || !strings.Contains(aws.Explain(err), "safe to try again") {
			t.Fatalf("got %v", err)
		}
		if lost.Err == nil || len(lost.book.plans) != 1 || lost.Writes != 0 {
			t.Errorf("got %+v", lost)
		}
		b.Server.ClearFaults()
		writes := len(b.Server.Calls("PutRolePolicy"))

		time.Sleep(time.Minute)
		r.Promised = lost.book.all
		r = promising(r, func(Plan) error { t.Error("planned again"); return nil })
		r.Confirm = func(ctx context.Context) error { return errors.New("nobody confirms") } // and none is needed
		got, err := b.apply(r)
		if err != nil || !got.AlreadyThere || !got.ReadBack || got.There.Text != lost.book.all[0].After || got.Writes != 0 ||
			got.Change.After != "" {
			t.Errorf("got %+v, %v", got, err)
		}
		if n := len(b.Server.Calls("PutRolePolicy")); n != writes {
			t.Errorf("written again")
		}
	})
}

func TestARetryNeverPromisesLessThanBefore(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		before := b.Server.Now().Add(10 * time.Minute).Truncate(time.Second)
		r.Promised = []contain.Change{{Slot: text("").Slot, After: denyAt(before)}}
		got, err := b.apply(r)
		if err != nil || got.AlreadyThere || !got.ReadBack || !got.Cutoff.Equal(before) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// meddle changes the policy as soon as it was written, the given number of times.
func meddle(b *bench, times int, change func()) (stop func()) {
	ctx, cancel := context.WithCancel(b.T.Context())
	calls := b.Server.Subscribe(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for call := range calls {
			if call.Action == "PutRolePolicy" && call.Code == "" && times > 0 {
				times--
				change()
			}
		}
	}()
	return func() { cancel(); <-done }
}

func TestADenyThatIsTakenAwayIsWrittenAgain(t *testing.T) {
	for name, c := range map[string]struct {
		put   string // what somebody writes over ours, "" deletes it
		times int
		gap   contain.Gap // in the end, "" when it holds
	}{
		"deleted once":      {"", 1, ""},
		"deleted twice":     {"", 2, ""},
		"deleted each time": {"", 9, contain.Gone},
		"moved back once":   {awsbench.DenyAt("2000-01-01T00:00:00Z"), 1, ""},
		"moved back always": {awsbench.DenyAt("2000-01-01T00:00:00Z"), 9, contain.Earlier},
		"made useless":      {awsbench.DenyAt("2000-01-01T00:00:00"), 1, ""},
		"another in its place": {
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, 1, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				r := order(b.describe("prod/Deploy"))
				b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Delay: time.Second, Times: -1}) // time to meddle
				stop := meddle(b, c.times, func() {
					var err error
					if c.put == "" {
						err = b.Prod.DeleteRolePolicy("Deploy", policyName)
					} else {
						err = b.Prod.PutRolePolicy("Deploy", policyName, c.put)
					}
					if err != nil {
						t.Error(err)
					}
				})
				got, err := b.apply(r)
				stop()
				if err != nil || got.ReadBack != (c.gap == "") || got.Gap != c.gap {
					t.Errorf("got %+v, %v", got, err)
				}
				if want := min(c.times+1, maxWrites); got.Writes != want || len(got.book.plans) != want {
					t.Errorf("%d writes, want %d; %d plans", got.Writes, want, len(got.book.plans))
				}
				if there, _ := b.Prod.RolePolicy("Deploy", got.There.Slot.Name); c.gap == "" && there != denyAt(got.Cutoff) {
					t.Errorf("on the role: %s", there)
				}
				for n, p := range got.book.plans[1:] {
					if before := got.book.plans[n]; cutoffOf(contain.Document{
						Text: p.After,
					}).Before(cutoffOf(contain.Document{Text: before.After})) {
						t.Errorf("the cutoff moved back: %+v, then %+v", before, p)
					}
				}
				if foreign := cutoffOf(text(c.put)).IsZero() && c.put != ""; foreign {
					if there, _ := b.Prod.RolePolicy("Deploy", policyName); there != c.put || got.There.Slot.Name != beside {
						t.Errorf("what somebody wrote is lost: %s", there)
					}
				}
			})
		})
	}
}

// Who presses the console's button right after the bot replaces the whole policy, and with a
// later cutoff.
func TestARaisedCutoffCountsAsReadBack(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Delay: time.Second, Times: -1})
		raised := denyAt(b.Server.Now().Add(time.Hour))
		stop := meddle(b, 1, func() {
			if err := b.Prod.PutRolePolicy("Deploy", policyName, raised); err != nil {
				t.Error(err)
			}
		})
		got, err := b.apply(r)
		stop()
		if err != nil || !got.ReadBack || got.Writes != 1 || got.There != text(raised) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// A date more than an hour ahead is a lock of sessions that do not exist yet: it is neither taken
// over nor written over.
func TestADateFarAheadIsNoRaisedCutoff(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Delay: time.Second, Times: -1})
		locked := awsbench.DenyAt("2100-01-01T00:00:00Z")
		stop := meddle(b, 1, func() {
			if err := b.Prod.PutRolePolicy("Deploy", policyName, locked); err != nil {
				t.Error(err)
			}
		})
		got, err := b.apply(r)
		stop()
		if err != nil || !got.ReadBack || got.Writes != 2 || got.There.Slot.Name != beside || got.Cutoff.Year() == 2100 {
			t.Errorf("got %+v, %v", got, err)
		}
		if there, _ := b.Prod.RolePolicy("Deploy", policyName); there != locked {
			t.Errorf("on the role: %s", there)
		}
	})
}

func TestAWriteThatCannotBeReadBackIsNoFailure(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		r = promising(r, func(Plan) error {
			b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Code: "AccessDenied", Times: -1})
			return nil
		})
		got, err := b.apply(r)
		if err != nil || got.ReadBack || got.Gap != "" || got.There.Text == "" ||
			!errors.Is(got.ReadBackError, aws.ErrAccessDenied) || got.At.IsZero() {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestEachFailureOfTheWriteHasItsKind(t *testing.T) {
	for code, c := range map[string]struct {
		kind  error
		final bool
		words string
	}{
		"AccessDenied":            {aws.ErrAccessDenied, true, "does not allow revokebot iam:PutRolePolicy in account prod"},
		"UnmodifiableEntity":      {aws.ErrUnmodifiable, true, "service control policy"},
		"LimitExceeded":           {aws.ErrLimitExceeded, true, "no room"},
		"MalformedPolicyDocument": {aws.ErrMalformedPolicy, true, "did not accept the policy"},
		"NoSuchEntity":            {aws.ErrNoSuchRole, true, "No such role"},
		"Throttling":              {aws.ErrThrottled, false, "in a moment"},
		"ServiceFailure":          {aws.ErrUnavailable, false, "Try again"},
		"ExpiredToken":            {aws.ErrCredentials, false, "credentials"},
	} {
		t.Run(code, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				r := order(b.describe("prod/Deploy"))
				b.Server.Inject(standin.Fault{Action: "PutRolePolicy", Code: code, Times: -1})
				_, err := b.apply(r)
				if !errors.Is(err, c.kind) || aws.Final(err) != c.final || !strings.Contains(aws.Explain(err), c.words) {
					t.Errorf("got %v, final %v: %q", err, aws.Final(err), aws.Explain(err))
				}
			})
		})
	}
}

func TestAFullRoleAnswersThatThereIsNoRoom(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		full := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::` +
			strings.Repeat("x", 10100) + `"}]}`
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		if err := b.Prod.PutRolePolicy("Deploy", "all", full); err != nil {
			t.Fatal(err)
		}
		_, err := b.apply(r)
		if !errors.Is(err, aws.ErrLimitExceeded) || !aws.Final(err) {
			t.Errorf("got %v", err)
		}
	})
}

// A try that writes again has to see where else it could write.
func TestWhatSomeonePutsInTheOtherPlaceBeforeARetryIsNotWrittenOver(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Delay: time.Second, Times: -1})
		stop := meddle(b, 1, func() {
			for _, place := range []string{policyName, beside} {
				if err := b.Prod.PutRolePolicy("Deploy", place, awsbench.MayAll); err != nil {
					t.Error(err)
				}
			}
		})
		got, err := b.apply(r)
		stop()
		refused, ok := errors.AsType[*contain.Refusal](err)
		if !ok || refused.NotOurs || got.Writes != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
		for _, place := range []string{policyName, beside} {
			if there, _ := b.Prod.RolePolicy("Deploy", place); there != awsbench.MayAll {
				t.Errorf("in %s: %s", place, there)
			}
		}
	})
}

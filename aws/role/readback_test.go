package role

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestAWriteWhoseAnswerWasLostIsFoundAgain(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		var promised time.Time
		r.Promise = func(_ context.Context, p Plan) error { promised = p.Cutoff; return nil }
		b.Server.Inject(standin.Fault{Action: "PutRolePolicy", Hang: true, AfterDoing: true, Times: -1})
		_, err := b.roles.Revoke(t.Context(), r)
		if !errors.Is(err, aws.ErrTimeout) || aws.Final(err) || !strings.Contains(aws.Explain(err), "safe to try again") {
			t.Fatalf("got %v", err)
		}
		b.Server.ClearFaults()
		writes := len(b.Server.Calls("PutRolePolicy"))

		time.Sleep(time.Minute)
		r.NotBefore = promised
		r.Promise = func(context.Context, Plan) error { t.Error("planned again"); return nil }
		got, err := b.roles.Revoke(t.Context(), r)
		if err != nil || !got.AlreadyThere || !got.ReadBack || !got.Cutoff.Equal(promised) || got.Writes != 0 {
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
		r.NotBefore = b.Server.Now().Add(10 * time.Minute)
		got, err := b.roles.Revoke(t.Context(), r)
		if err != nil || got.AlreadyThere || !got.ReadBack || !got.Cutoff.Equal(r.NotBefore) {
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
		put      string // what somebody writes over ours, "" deletes it
		times    int
		mismatch string // in the end, "" when it holds
	}{
		"deleted once":         {"", 1, ""},
		"deleted twice":        {"", 2, ""},
		"deleted each time":    {"", 9, "not there"},
		"moved back once":      {awsbench.DenyAt("2000-01-01T00:00:00Z"), 1, ""},
		"moved back always":    {awsbench.DenyAt("2000-01-01T00:00:00Z"), 9, "earlier cutoff 2000-01-01T00:00:00.000Z"},
		"made useless":         {awsbench.DenyAt("2000-01-01T00:00:00"), 9, "without a deny that works"},
		"another in its place": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				r := order(b.describe("prod/Deploy"))
				plans := 0
				r.Promise = func(context.Context, Plan) error { plans++; return nil }
				b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Delay: time.Second, Times: -1}) // time to meddle
				stop := meddle(b, c.times, func() {
					var err error
					if c.put == "" {
						err = b.Prod.DeleteRolePolicy("Deploy", PolicyName)
					} else {
						err = b.Prod.PutRolePolicy("Deploy", PolicyName, c.put)
					}
					if err != nil {
						t.Error(err)
					}
				})
				got, err := b.roles.Revoke(t.Context(), r)
				stop()
				if err != nil || got.ReadBack != (c.mismatch == "") || !strings.Contains(got.Mismatch, c.mismatch) {
					t.Errorf("got %+v, %v", got, err)
				}
				if want := min(c.times+1, maxWrites); got.Writes != want || plans != 1 {
					t.Errorf("%d writes, want %d; %d plans", got.Writes, want, plans)
				}
				there, _ := b.Prod.RolePolicy("Deploy", PolicyName)
				if p, _ := parsePolicy(there); c.mismatch == "" && !p.cutoff().Equal(got.Cutoff) {
					t.Errorf("on the role: %s", there)
				}
				if name == "another in its place" && !strings.Contains(there, `"Allow"`) {
					t.Errorf("the other statement is lost: %s", there)
				}
			})
		})
	}
}

// Who presses the console's button right after the bot replaces the whole policy, and with a later cutoff.
func TestAStatementThatIsLostAfterTheWriteIsWrittenAgainAndTheCutoffStays(t *testing.T) {
	const theirs = `{"Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}`
	for name, c := range map[string]struct{ put, cutoff string }{
		"deleted":           {"", ""},
		"replaced, earlier": {awsbench.DenyAt("2000-01-01T00:00:00Z"), ""},
		"replaced, later":   {awsbench.DenyAt("2090-01-01T00:00:00Z"), "2090-01-01T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				if err := b.Prod.PutRolePolicy("Deploy", PolicyName, `{"Version":"2008-10-17","Id":"x","Statement":[`+theirs+`]}`); err != nil {
					t.Fatal(err)
				}
				b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Delay: time.Second, Times: -1}) // time to meddle
				stop := meddle(b, 1, func() {
					err := b.Prod.PutRolePolicy("Deploy", PolicyName, c.put)
					if c.put == "" {
						err = b.Prod.DeleteRolePolicy("Deploy", PolicyName)
					}
					if err != nil {
						t.Error(err)
					}
				})
				got, err := b.roles.Revoke(t.Context(), order(b.describe("prod/Deploy")))
				stop()
				if err != nil || !got.ReadBack || got.Writes != 2 {
					t.Errorf("got %+v, %v", got, err)
				}
				there, _ := b.Prod.RolePolicy("Deploy", PolicyName)
				p, _ := parsePolicy(there)
				if !strings.Contains(there, theirs) || !p.cutoff().Equal(got.Cutoff) || got.Written != there {
					t.Errorf("on the role: %s, written %s", there, got.Written)
				}
				if c.put == "" && !strings.Contains(there, `"2008-10-17","Id":"x"`) {
					t.Errorf("the language's version, which gives statements their meaning, is lost: %s", there)
				}
				if c.cutoff != "" && got.Cutoff.Format(time.RFC3339) != c.cutoff {
					t.Errorf("the cutoff moved back to %s", got.Cutoff)
				}
			})
		})
	}
}

func TestARaisedCutoffCountsAsReadBack(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Delay: time.Second, Times: -1})
		raised := awsbench.DenyAt("2100-01-01T00:00:00Z")
		stop := meddle(b, 1, func() {
			if err := b.Prod.PutRolePolicy("Deploy", PolicyName, raised); err != nil {
				t.Error(err)
			}
		})
		got, err := b.roles.Revoke(t.Context(), r)
		stop()
		if err != nil || !got.ReadBack || got.Writes != 1 || got.Document != raised || got.Cutoff.Year() != 2100 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestAWriteThatCannotBeReadBackIsNoFailure(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		r.Promise = func(context.Context, Plan) error {
			b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Code: "AccessDenied", Times: -1})
			return nil
		}
		got, err := b.roles.Revoke(t.Context(), r)
		if err != nil || got.ReadBack || got.Mismatch == "" || !errors.Is(got.ReadBackError, aws.ErrAccessDenied) || got.AppliedAt.IsZero() {
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
		"LimitExceeded":           {aws.ErrLimitExceeded, true, "10,240"},
		"MalformedPolicyDocument": {aws.ErrMalformedPolicy, true, "AWSRevokeOlderSessions"},
		"NoSuchEntity":            {aws.ErrNoSuchRole, true, "no such role"},
		"Throttling":              {aws.ErrThrottled, false, "in a moment"},
		"ServiceFailure":          {aws.ErrUnavailable, false, "Try again"},
		"ExpiredToken":            {aws.ErrCredentials, false, "credentials"},
	} {
		t.Run(code, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				r := order(b.describe("prod/Deploy"))
				b.Server.Inject(standin.Fault{Action: "PutRolePolicy", Code: code, Times: -1})
				_, err := b.roles.Revoke(t.Context(), r)
				if !errors.Is(err, c.kind) || aws.Final(err) != c.final || !strings.Contains(aws.Explain(err), c.words) {
					t.Errorf("got %v, final %v: %q", err, aws.Final(err), aws.Explain(err))
				}
			})
		})
	}
}

func TestAFullRoleAnswersThatThereIsNoRoom(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		full := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::` + strings.Repeat("x", 10100) + `"}]}`
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		if err := b.Prod.PutRolePolicy("Deploy", "all", full); err != nil {
			t.Fatal(err)
		}
		_, err := b.roles.Revoke(t.Context(), r)
		if !errors.Is(err, aws.ErrLimitExceeded) || !aws.Final(err) {
			t.Errorf("got %v", err)
		}
	})
}

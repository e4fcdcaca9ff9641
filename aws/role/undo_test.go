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

// undoing is an approved request to take back what a revocation wrote.
func undoing(r Order, done Result) Order {
	return Order{
		Request: "req-2", Target: r.Target,
		Requester: "U0BOB", Approvers: []string{"U0ALICE"}, Written: done.Document, Previous: done.PreviousDocument,
	}
}

// revoked is a role on which the bot has just put the deny, over what was there before.
func (b *bench) revoked(before string) (Order, Result) {
	b.T.Helper()
	b.Role(standin.RoleSpec{Path: "/o*s/", MaxSession: 2 * time.Hour})
	if before != "" {
		if err := b.Prod.PutRolePolicy("Deploy", PolicyName, before); err != nil {
			b.T.Fatal(err)
		}
	}
	r := order(b.describe("prod/Deploy"))
	done, err := b.roles.Revoke(b.T.Context(), r)
	if err != nil {
		b.T.Fatal(err)
	}
	return r, done
}

func TestUndoTakesTheDenyAwayAndPutsBackWhatWasThere(t *testing.T) {
	for name, before := range map[string]string{
		"nothing":        "",
		"an older deny":  awsbench.DenyAt("1999-12-31T00:00:00.000Z"),
		"something else": `{"Version":"2012-10-17","Statement":[{"Sid":"Other","Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				r, done := b.revoked(before)
				old := b.Session("Deploy")
				if err := b.works(old); !errors.Is(err, aws.ErrAccessDenied) {
					t.Fatalf("before: %v", err)
				}
				request := undoing(r, done)
				var planned []Plan
				request.Promise = func(_ context.Context, p Plan) error {
					if there, _ := b.Prod.RolePolicy("Deploy", PolicyName); there != done.Document {
						t.Errorf("before the plan the role has %s", there)
					}
					planned = append(planned, p)
					return nil
				}
				got, err := b.roles.Undo(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				if there, _ := b.Prod.RolePolicy("Deploy", PolicyName); there != before {
					t.Errorf("on the role: %s", there)
				}
				if got.Removed != done.Document || got.Document != before || got.AlreadyDone || !got.ReadBack || got.Mismatch != "" || got.UndoneAt.IsZero() || got.ReadBackAt.Before(got.UndoneAt) || got.Unnamed {
					t.Errorf("got %+v", got)
				}
				restored, _ := parsePolicy(before)
				if len(planned) != 1 || planned[0].PreviousDocument != done.Document || planned[0].Document != before ||
					!planned[0].ExistingCutoff.Equal(done.Cutoff) || !planned[0].Cutoff.Equal(restored.cutoff()) || planned[0].ServerTime.IsZero() {
					t.Errorf("planned %+v", planned)
				}
				if err := b.works(old); err != nil {
					t.Errorf("the old session: %v", err)
				}
				calls := b.Server.Calls("AssumeRole")
				params := calls[len(calls)-1].Params
				if params["RoleSessionName"] != "req-2" || params["SourceIdentity"] != "U0BOB" || params["Tags.member.3.Value"] != "U0ALICE" || params["Policy"] != oneRolePolicy(toUndo, r.Target.ARN) {
					t.Errorf("the session: %v", params)
				}
				if want := "arn:aws:sts::111122223333:assumed-role/revokebot-spoke/req-2"; got.CallerARN != want {
					t.Errorf("done by %s", got.CallerARN)
				}

				request.Promise = func(context.Context, Plan) error { t.Error("planned what is done"); return nil }
				again, err := b.roles.Undo(t.Context(), request)
				if err != nil || !again.AlreadyDone || !again.ReadBack || again.Removed != "" || !again.UndoneAt.IsZero() {
					t.Errorf("again: %+v, %v", again, err)
				}
			})
		})
	}
}

func TestUndoTouchesNothingThatTheBotDidNotWrite(t *testing.T) {
	for name, change := range map[string]func(b *bench, done Result) error{
		"a later cutoff": func(b *bench, _ Result) error {
			return b.Prod.PutRolePolicy("Deploy", PolicyName, awsbench.DenyAt("2100-01-01T00:00:00Z"))
		},
		"an earlier one": func(b *bench, _ Result) error {
			return b.Prod.PutRolePolicy("Deploy", PolicyName, awsbench.DenyAt("1999-01-01T00:00:00Z"))
		},
		"one statement more": func(b *bench, done Result) error {
			return b.Prod.PutRolePolicy("Deploy", PolicyName, strings.Replace(done.Document, `"Statement":[`, `"Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"},`, 1))
		},
		"removed, and there was something before": func(b *bench, _ Result) error { return b.Prod.DeleteRolePolicy("Deploy", PolicyName) },
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				r, done := b.revoked(awsbench.DenyAt("1999-12-31T00:00:00.000Z"))
				if err := change(b, done); err != nil {
					t.Fatal(err)
				}
				there, _ := b.Prod.RolePolicy("Deploy", PolicyName)
				writes := len(b.Server.Calls("PutRolePolicy")) + len(b.Server.Calls("DeleteRolePolicy"))
				request := undoing(r, done)
				request.Promise = func(context.Context, Plan) error { t.Error("planned"); return nil }
				_, err := b.roles.Undo(t.Context(), request)
				if !errors.Is(err, aws.ErrNotOurs) || !aws.Final(err) || !strings.Contains(aws.Explain(err), "nothing was touched") {
					t.Errorf("got %v", err)
				}
				if now, _ := b.Prod.RolePolicy("Deploy", PolicyName); now != there {
					t.Errorf("on the role: %s", now)
				}
				if n := len(b.Server.Calls("PutRolePolicy")) + len(b.Server.Calls("DeleteRolePolicy")); n != writes {
					t.Errorf("%d writes", n-writes)
				}
			})
		})
	}
}

func TestWhatSomebodyWritesWhileThePlanIsKeptIsNotLost(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked("")
		request := undoing(r, done)
		later := awsbench.DenyAt("2100-01-01T00:00:00Z")
		request.Promise = func(context.Context, Plan) error { return b.Prod.PutRolePolicy("Deploy", PolicyName, later) }
		if _, err := b.roles.Undo(t.Context(), request); !errors.Is(err, aws.ErrNotOurs) {
			t.Errorf("got %v", err)
		}
		if there, _ := b.Prod.RolePolicy("Deploy", PolicyName); there != later {
			t.Errorf("on the role: %s", there)
		}
	})
}

func TestTheOrderOfMembersAndWhiteSpaceDoNotMakeADocumentAnothers(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked("")
		request := undoing(r, done)
		request.Written = "{\n" + strings.TrimSuffix(strings.TrimPrefix(done.Document, `{"Version":"2012-10-17",`), "}") + `, "Version" : "2012-10-17" }`
		if got, err := b.roles.Undo(t.Context(), request); err != nil || !got.ReadBack || got.Removed == "" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestAnUndoWhoseAnswerWasLostIsFoundAgain(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked("")
		request := undoing(r, done)
		b.Server.Inject(standin.Fault{Action: "DeleteRolePolicy", Hang: true, AfterDoing: true})
		_, err := b.roles.Undo(t.Context(), request)
		if !errors.Is(err, aws.ErrTimeout) || aws.Final(err) {
			t.Fatalf("got %v", err)
		}
		got, err := b.roles.Undo(t.Context(), request)
		if err != nil || !got.AlreadyDone {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// The SDK tries again after a lost answer, and IAM then says that there is no such policy.
func TestARemovalThatTheSDKTriesTwiceIsDone(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked("")
		b.Server.Inject(standin.Fault{Action: "DeleteRolePolicy", HangUp: true, AfterDoing: true})
		got, err := b.roles.Undo(t.Context(), undoing(r, done))
		if err != nil || !got.ReadBack || got.Mismatch != "" || got.Removed != done.Document || got.UndoneAt.IsZero() {
			t.Errorf("got %+v, %v", got, err)
		}
		if n := len(b.Server.Calls("DeleteRolePolicy")); n != 2 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestAnUndoThatCannotBeReadBackIsNoFailureAndSaysSo(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked("")
		b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Delay: time.Nanosecond, Times: 2})
		b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Code: "AccessDenied", Times: -1})
		got, err := b.roles.Undo(t.Context(), undoing(r, done))
		if err != nil || got.ReadBack || got.Mismatch == "" || !errors.Is(got.ReadBackError, aws.ErrAccessDenied) || got.UndoneAt.IsZero() {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestSomebodyWhoWritesRightAfterTheUndoIsNoticed(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked(awsbench.DenyAt("1999-12-31T00:00:00.000Z"))
		b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Delay: time.Second, Times: -1}) // time to meddle
		stop := meddle(b, 1, func() {
			if err := b.Prod.PutRolePolicy("Deploy", PolicyName, awsbench.MayAll); err != nil {
				t.Error(err)
			}
		})
		got, err := b.roles.Undo(t.Context(), undoing(r, done))
		stop()
		if err != nil || got.ReadBack || got.Mismatch == "" || got.Document != awsbench.MayAll {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestAnUndoIsVoidForAnotherRoleAndRefusedForAProtectedOne(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked("")
		request := undoing(r, done)
		config := b.Config
		config.ProtectedRoles = []string{"*:role/*Deploy"}
		guarded, err := aws.New(config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(guarded).Undo(t.Context(), request)
		if refused, ok := errors.AsType[*aws.RefusedError](err); !ok || refused.Reason != aws.RefusedProtected {
			t.Errorf("protected: %v", err)
		}
		lost := errors.New("not recorded")
		request.Promise = func(context.Context, Plan) error { return lost }
		if _, err := b.roles.Undo(t.Context(), request); !errors.Is(err, lost) {
			t.Errorf("a plan that is not kept: %v", err)
		}
		if _, err := b.Prod.RecreateRole("Deploy"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.roles.Undo(t.Context(), request); !errors.Is(err, aws.ErrRoleChanged) {
			t.Errorf("made again: %v", err)
		}
		if err := b.Prod.DeleteRole("Deploy"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.roles.Undo(t.Context(), request); !errors.Is(err, aws.ErrNoSuchRole) {
			t.Errorf("deleted: %v", err)
		}
		request.Target.Account = "nobody"
		if _, err := b.roles.Undo(t.Context(), request); aws.Explain(err) == "" {
			t.Errorf("an account that is not configured: %v", err)
		}
		if n := len(b.Server.Calls("DeleteRolePolicy")); n != 0 {
			t.Errorf("%d removals", n)
		}
	})
}

func TestOldSessionsReviveUntilTheLongestOfThemWouldHaveEnded(t *testing.T) {
	cutoff := time.Date(2026, 11, 22, 10, 1, 31, 0, time.UTC)
	for _, c := range []struct {
		max   time.Duration
		kinds []string
		want  time.Duration
	}{
		{time.Hour, []string{PrincipalUser, PrincipalRole, PrincipalSAML}, time.Hour},
		{4 * time.Hour, nil, 4 * time.Hour},
		{time.Hour, []string{PrincipalUser, PrincipalService}, 12 * time.Hour},
		{12 * time.Hour, []string{PrincipalOIDC}, 12 * time.Hour},
		{time.Hour, []string{PrincipalUnknown}, 12 * time.Hour},
		{time.Hour, []string{PrincipalEverybody}, 12 * time.Hour},
		{0, nil, 12 * time.Hour},
	} {
		role := Role{MaxSession: c.max}
		for _, kind := range c.kinds {
			role.Trust = append(role.Trust, Principal{Kind: kind})
		}
		if got := RevivesUntil(cutoff, role); !got.Equal(cutoff.Add(c.want)) {
			t.Errorf("%v %v: %v", c.max, c.kinds, got.Sub(cutoff))
		}
	}
}

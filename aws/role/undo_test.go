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

// revoked is a role on which the bot has just put the deny, over what was there before.
func (b *bench) revoked(before string) (Order, one) {
	b.T.Helper()
	b.Role(standin.RoleSpec{Path: "/o*s/", MaxSession: 2 * time.Hour})
	if before != "" {
		if err := b.Prod.PutRolePolicy("Deploy", policyName, before); err != nil {
			b.T.Fatal(err)
		}
	}
	r := order(b.describe("prod/Deploy"))
	got, err := b.apply(r)
	if err != nil {
		b.T.Fatal(err)
	}
	return r, got
}

func TestUndoTakesTheDenyAwayAndPutsBackWhatWasThere(t *testing.T) {
	for name, before := range map[string]string{
		"nothing":       "",
		"an older deny": awsbench.DenyAt("1999-12-31T00:00:00.000Z"),
		"in another form": ` {"Version":"2012-10-17", "Statement":{"Effect":"Deny","Action":"*","Resource":"*",` +
			`"Condition":{"DateLessThan":{"AWS:TokenIssueTime":"900000000"}}}}`,
		"something else": `{"Version":"2012-10-17","Statement":[{"Sid":"Other","Effect":"Deny","Action":"s3:DeleteBucket",` +
			`"Resource":"*"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				r, done := b.revoked(before)
				old := b.Session("Deploy")
				if err := b.works(old); !errors.Is(err, aws.ErrAccessDenied) {
					t.Fatalf("before: %v", err)
				}
				slot := done.There.Slot
				want := contain.Document{Slot: slot, Text: before}
				if slot.Name == beside {
					want.Text = ""
				}
				request := undo(r, done.book.all)
				got, err := b.apply(promising(request, func(Plan) error {
					if there, _ := b.Prod.RolePolicy("Deploy", slot.Name); there != done.There.Text {
						t.Errorf("before the plan the role has %s", there)
					}
					return nil
				}))
				if err != nil {
					t.Fatal(err)
				}
				if there, _ := b.Prod.RolePolicy("Deploy", policyName); there != before {
					t.Errorf("on the role: %s", there)
				}
				if _, still := b.Prod.RolePolicy("Deploy", beside); still {
					t.Error("ours is still beside it")
				}
				if got.There != want || got.AlreadyThere || !got.ReadBack || got.Gap != "" || got.At.IsZero() ||
					got.ReadBackAt.Before(got.At) || got.Unnamed || got.Writes != 1 {
					t.Errorf("got %+v", got)
				}
				if c := got.Change; c.Slot != slot || c.Before != done.There.Text || c.After != want.Text {
					t.Errorf("promised %+v", c)
				}
				if err := b.works(old); err != nil {
					t.Errorf("the old session: %v", err)
				}
				calls := b.Server.Calls("AssumeRole")
				params := calls[len(calls)-1].Params
				if params["RoleSessionName"] != "req-2" || params["SourceIdentity"] != "U0BOB" ||
					params["Tags.member.3.Value"] != "U0ALICE" || params["Policy"] != sessionOf(Undo, r.Principal.ARN) {
					t.Errorf("the session: %v", params)
				}
				if want := "arn:aws:sts::111122223333:assumed-role/revokebot-spoke/req-2"; got.CallerARN != want {
					t.Errorf("done by %s", got.CallerARN)
				}

				request = promising(request, func(Plan) error { t.Error("planned what is done"); return nil })
				again, err := b.apply(request)
				if err != nil || !again.AlreadyThere || !again.ReadBack || again.Writes != 0 || !again.At.IsZero() ||
					again.There != want {
					t.Errorf("again: %+v, %v", again, err)
				}
			})
		})
	}
}

func TestUndoTouchesNothingThatTheBotDidNotWrite(t *testing.T) {
	for name, change := range map[string]func(b *bench, done one) error{
		"a later cutoff": func(b *bench, _ one) error {
			return b.Prod.PutRolePolicy("Deploy", policyName, awsbench.DenyAt("2100-01-01T00:00:00Z"))
		},
		"an earlier one": func(b *bench, _ one) error {
			return b.Prod.PutRolePolicy("Deploy", policyName, awsbench.DenyAt("1999-01-01T00:00:00Z"))
		},
		"one statement more": func(b *bench, done one) error {
			return b.Prod.PutRolePolicy("Deploy", policyName, strings.Replace(done.There.Text, `"Statement":[`,
				`"Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"},`, 1))
		},
		"removed, and there was something before": func(b *bench, _ one) error {
			return b.Prod.DeleteRolePolicy("Deploy", policyName)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				r, done := b.revoked(awsbench.DenyAt("1999-12-31T00:00:00.000Z"))
				if err := change(b, done); err != nil {
					t.Fatal(err)
				}
				there, _ := b.Prod.RolePolicy("Deploy", policyName)
				writes := len(b.Server.Calls("PutRolePolicy")) + len(b.Server.Calls("DeleteRolePolicy"))
				request := promising(undo(r, done.book.all), func(Plan) error { t.Error("planned"); return nil })
				_, err := b.apply(request)
				if !errors.Is(err, contain.ErrNotOurs) || !aws.Final(err) ||
					!strings.Contains(aws.Explain(err), "It stays as it is") {
					t.Errorf("got %v", err)
				}
				if now, _ := b.Prod.RolePolicy("Deploy", policyName); now != there {
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
		later := awsbench.DenyAt("2100-01-01T00:00:00Z")
		request := promising(undo(r, done.book.all), func(Plan) error {
			return b.Prod.PutRolePolicy("Deploy", policyName, later)
		})
		if _, err := b.apply(request); !errors.Is(err, contain.ErrNotOurs) {
			t.Errorf("got %v", err)
		}
		if there, _ := b.Prod.RolePolicy("Deploy", policyName); there != later {
			t.Errorf("on the role: %s", there)
		}
	})
}

func TestTheOrderOfMembersAndWhiteSpaceDoNotMakeADocumentAnothers(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked("")
		other := "{\n" + strings.TrimSuffix(strings.TrimPrefix(done.There.Text, `{"Version":"2012-10-17",`), "}") +
			`, "Version" : "2012-10-17" }`
		if err := b.Prod.PutRolePolicy("Deploy", policyName, other); err != nil {
			t.Fatal(err)
		}
		if got, err := b.apply(undo(r, done.book.all)); err != nil || !got.ReadBack || got.Writes != 1 ||
			got.Change.Before != other {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestAnUndoWhoseAnswerWasLostIsFoundAgain(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked("")
		request := undo(r, done.book.all)
		b.Server.Inject(standin.Fault{Action: "DeleteRolePolicy", Hang: true, AfterDoing: true})
		_, err := b.apply(request)
		if !errors.Is(err, aws.ErrTimeout) || aws.Final(err) {
			t.Fatalf("got %v", err)
		}
		got, err := b.apply(request)
		if err != nil || !got.AlreadyThere {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// The SDK tries again after a lost answer, and IAM then says that there is no such policy.
func TestARemovalThatTheSDKTriesTwiceIsDone(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked("")
		b.Server.Inject(standin.Fault{Action: "DeleteRolePolicy", HangUp: true, AfterDoing: true})
		got, err := b.apply(undo(r, done.book.all))
		if err != nil || !got.ReadBack || got.Gap != "" || got.Writes != 1 || got.Change.Before != done.There.Text {
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
		got, err := b.apply(undo(r, done.book.all))
		if err != nil || got.ReadBack || got.Gap != "" || !errors.Is(got.ReadBackError, aws.ErrAccessDenied) ||
			got.At.IsZero() {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestSomebodyWhoWritesRightAfterTheUndoIsNoticed(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked(awsbench.DenyAt("1999-12-31T00:00:00.000Z"))
		b.Server.Inject(standin.Fault{Action: "GetRolePolicy", Delay: time.Second, Times: -1}) // time to meddle
		stop := meddle(b, 1, func() {
			if err := b.Prod.PutRolePolicy("Deploy", policyName, awsbench.MayAll); err != nil {
				t.Error(err)
			}
		})
		got, err := b.apply(undo(r, done.book.all))
		stop()
		if err != nil || got.ReadBack || got.Gap != contain.Changed || got.Writes != 1 || got.There != text(awsbench.MayAll) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestAnUndoIsVoidForAnotherRoleAndRefusedForAProtectedOne(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		r, done := b.revoked("")
		request := undo(r, done.book.all)
		config := b.Config
		config.ProtectedRoles = []string{"*:role/*Deploy"}
		guarded, err := aws.New(config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(guarded).Apply(t.Context(), nil, request)
		if !refusedFor(err, "is protected by the configuration") {
			t.Errorf("protected: %v", err)
		}
		lost := errors.New("not recorded")
		request.Promise = func(context.Context, Plan) ([]contain.Change, error) { return nil, lost }
		if _, err := b.apply(request); !errors.Is(err, lost) {
			t.Errorf("a plan that is not kept: %v", err)
		}
		if _, err := b.Prod.RecreateRole("Deploy"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.apply(request); !errors.Is(err, aws.ErrRoleChanged) {
			t.Errorf("made again: %v", err)
		}
		if err := b.Prod.DeleteRole("Deploy"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.apply(request); !errors.Is(err, aws.ErrNoSuchRole) {
			t.Errorf("deleted: %v", err)
		}
		request.Principal.AccountName = "nobody"
		if _, err := b.apply(request); aws.Explain(err) == "" {
			t.Errorf("an account that is not configured: %v", err)
		}
		if n := len(b.Server.Calls("DeleteRolePolicy")); n != 0 {
			t.Errorf("%d removals", n)
		}
	})
}

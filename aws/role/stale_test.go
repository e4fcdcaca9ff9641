package role

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// late are the places where an order can be held up between its survey and its write.
var late = map[string]func(Order, func()) Order{
	"in the confirmation": func(o Order, meanwhile func()) Order {
		o.Confirm = func(context.Context) error { time.Sleep(45 * time.Second); meanwhile(); return nil }
		return o
	},
	"in the promise": func(o Order, meanwhile func()) Order {
		return promising(o, func(Plan) error { time.Sleep(45 * time.Second); meanwhile(); return nil })
	},
}

// Rule 7.
func TestARoleThatWasMadeAgainWhileTheOrderWasHeldUpIsNotWrittenOn(t *testing.T) {
	for name, held := range late {
		for _, mode := range []Mode{Do, Undo} {
			t.Run(name, func(t *testing.T) {
				onBench(t, nil, func(t *testing.T, b *bench) {
					b.Role(standin.RoleSpec{})
					o := order(b.describe("prod/Deploy"))
					if mode == Undo {
						done, err := b.apply(o)
						if err != nil {
							t.Fatal(err)
						}
						o = undo(o, done.book.all)
					}
					before, once := writes(b), false
					o = held(o, func() {
						if once {
							return
						}
						once = true
						if _, err := b.Prod.RecreateRole("Deploy"); err != nil {
							t.Error(err)
						}
					})
					if _, err := b.apply(o); !errors.Is(err, aws.ErrRoleChanged) || writes(b) != before {
						t.Errorf("%d writes, %v", writes(b)-before, err)
					}
				})
			})
		}
	}
}

// Rule 10.
func TestWhatSomeonePutsInTheSlotWhileTheOrderIsHeldUpIsNotWrittenOver(t *testing.T) {
	for name, held := range late {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				o := held(order(b.describe("prod/Deploy")), func() {
					if err := b.Prod.PutRolePolicy("Deploy", policyName, awsbench.MayAll); err != nil {
						t.Error(err)
					}
				})
				got, err := b.apply(o)
				there, _ := b.Prod.RolePolicy("Deploy", policyName)
				if err != nil || there != awsbench.MayAll || got.There.Slot.Name != beside || !got.ReadBack {
					t.Errorf("got %+v, %v; there is %s", got, err, there)
				}
			})
		})
	}
}

// A survey of a few seconds is not asked for again: the write stays one step behind it.
func TestAFreshSurveyIsAskedForOnce(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		o := order(b.describe("prod/Deploy"))
		o.Confirm = func(context.Context) error { time.Sleep(preparedFor); return nil }
		before := len(b.Server.Calls("GetRole"))
		if _, err := b.apply(o); err != nil || len(b.Server.Calls("GetRole")) != before+2 { // and at the read back
			t.Errorf("%d looks, %v", len(b.Server.Calls("GetRole"))-before, err)
		}
	})
}

// AWS and the look-up may both be slower than what is believed: the write comes all the same.
func TestASlowAWSAndASlowLookUpDoNotKeepTheWriteAwayForEver(t *testing.T) {
	for _, slow := range []time.Duration{900 * time.Millisecond, 2 * time.Second, 4 * time.Second} {
		onBench(t, nil, func(t *testing.T, b *bench) {
			b.Role(standin.RoleSpec{})
			o := order(b.describe("prod/Deploy"))
			b.Server.Inject(standin.Fault{Delay: slow, Times: -1})
			var last time.Time // a look-up is kept for a minute
			o.Confirm = func(context.Context) error {
				if time.Since(last) > time.Minute {
					time.Sleep(45 * time.Second)
					last = time.Now()
				}
				return nil
			}
			if got, err := b.apply(o); err != nil || got.Writes != 1 {
				t.Errorf("%v: got %+v, %v", slow, got, err)
			}
		})
	}
}

func TestAnOrderWhoseStepsAreAllTooSlowIsNotThoughtOverForEver(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		var promises book
		o := promises.slowly(order(b.describe("prod/Deploy")), 2*preparedFor)
		b.Server.Inject(standin.Fault{Delay: preparedFor + time.Second, Times: -1})
		o.Confirm = func(context.Context) error { time.Sleep(preparedFor + time.Second); return nil }
		if _, err := b.apply(o); !errors.Is(err, ErrBusy) || aws.Final(err) || writes(b) != 0 {
			t.Errorf("%d writes, %v", writes(b), err)
		}
	})
}

// Undo puts back what the newest promise saw.
func TestWhatSomeonePutsThereWhileAPromiseTakesLongIsNotLostToTheUndo(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		later := denyAt(b.Server.Now().Add(30 * time.Minute).Truncate(time.Second))
		if err := b.Prod.PutRolePolicy("Deploy", policyName, later); err != nil {
			t.Fatal(err)
		}
		r := order(b.describe("prod/Deploy"))
		theirs := awsbench.DenyAt("1999-12-31T00:00:00.000Z")
		var promises book
		o := promises.slowly(r, 45*time.Second)
		once := sync.OnceFunc(func() {
			if err := b.Prod.PutRolePolicy("Deploy", policyName, theirs); err != nil {
				t.Error(err)
			}
		})
		keep := o.Promise
		o.Promise = func(ctx context.Context, p Plan) ([]contain.Change, error) { once(); return keep(ctx, p) }
		got, err := b.apply(o)
		if err != nil || got.Writes != 1 || got.Change.Before != theirs || got.There != text(later) {
			t.Errorf("got %+v, %v", got, err)
		}
		undone, err := b.apply(undo(r, promises.all))
		if there, _ := b.Prod.RolePolicy("Deploy", policyName); err != nil || there != theirs {
			t.Errorf("undone: %+v, %v; there is %s", undone, err, there)
		}
	})
}

// unapproved makes the role again between the survey and the write, as its attacker can.
func (b *bench) unapproved(o Order) Order {
	return promising(o, func(Plan) error {
		_, err := b.Prod.RecreateRole("Deploy")
		return err
	})
}

// What AWS took on a role without approval does not stay there, and is not called applied.
func TestARoleThatWasMadeAgainJustBeforeTheWriteKeepsNothingAndVoidsTheOrder(t *testing.T) {
	for name, approved := range map[string]func(*bench) Order{
		"revoke":        func(b *bench) Order { b.Role(standin.RoleSpec{}); return order(b.describe("prod/Deploy")) },
		"lock":          func(b *bench) Order { return b.lock(b.Role(standin.RoleSpec{})) },
		"two documents": (*bench).two,
	} {
		for _, guard := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				onBench(t, nil, func(t *testing.T, b *bench) {
					b.mayAll()
					o := approved(b)
					o.Guard = guard
					got, err := b.roles.Apply(t.Context(), nil, b.unapproved(o))
					_, left := b.Prod.RolePolicy("Deploy", policyName)
					if !errors.Is(err, aws.ErrRoleChanged) || got.Documents[0].ReadBack || left || b.attached() {
						t.Errorf("left: %v; %+v, %v", left, got.Documents[0], err)
					}
				})
			})
		}
	}
}

// Where the bot may not remove, it says that the document stands. What someone else put there
// meanwhile stays, and so does what is there after the answer of the removal was lost.
func TestWhatCannotBeTakenOffARoleThatWasMadeAgainIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		fault standin.Fault
		put   string
		gone  bool
	}{
		"not allowed":    {standin.Fault{Action: "DeleteRolePolicy", Times: -1, Code: "AccessDenied"}, "", false},
		"no session":     {standin.Fault{Action: "AssumeRole", Times: -1, Code: "AccessDenied"}, "", false},
		"gone meanwhile": {standin.Fault{Action: "DeleteRolePolicy", Times: -1, Code: "NoSuchEntity"}, "", false},
		"someone else's": {standin.Fault{Action: "none"}, awsbench.MayAll, false},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.mayAll()
				b.Role(standin.RoleSpec{})
				o := b.unapproved(order(b.describe("prod/Deploy")))
				p, err := b.roles.Prepare(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				b.Server.Inject(c.fault)
				stop := meddle(b, len(c.put), func() { _ = b.Prod.PutRolePolicy("Deploy", policyName, c.put) })
				got, err := b.roles.Apply(t.Context(), p, o)
				stop()
				there, _ := b.Prod.RolePolicy("Deploy", policyName)
				if !errors.Is(err, aws.ErrRoleChanged) || there == "" || got.Documents[0].There.Text != there ||
					got.Documents[0].Writes != 1 || c.put != "" && there != c.put {
					t.Errorf("%q is there: %+v, %v", there, got.Documents[0], err)
				}
			})
		})
	}
}

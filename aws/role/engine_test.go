package role

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestTheEngineKnowsNoMeasureByName(t *testing.T) {
	measures := []string{"Revoke", "Lock", "ConsolePolicy", "OwnPolicy"}
	named := regexp.MustCompile(`AWSRevokeOlderSessions|RevokebotOlderSessions`)
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "contain" && slices.Contains(measures, n.Sel.Name) {
					t.Errorf("%s: contain.%s", f.Name(), n.Sel.Name)
				}
			case *ast.Ident:
				if slices.Contains([]string{"revoke", "Revoke", "lock"}, n.Name) {
					t.Errorf("%s: %s", f.Name(), n.Name)
				}
			case *ast.BasicLit:
				if named.MatchString(n.Value) {
					t.Errorf("%s: %s", f.Name(), n.Value)
				}
			}
			return true
		})
	}
}

// both is a measure of two documents: it attaches a policy, then denies the older sessions.
type both struct{}

func (both) of(k contain.Kind) contain.Measure {
	if k == contain.RoleAttached {
		return contain.Lock()
	}
	return contain.Revoke()
}

func (both) Places(t contain.Target) [][]contain.Slot {
	return slices.Concat(contain.Lock().Places(t), contain.Revoke().Places(t))
}

func (both) Reads(contain.Target) []contain.Slot { return nil }

func (both) Want(s contain.State, promised []contain.Document) ([]contain.Document, error) {
	first, err := contain.Lock().Want(s, promised)
	if err != nil {
		return nil, err
	}
	second, err := contain.Revoke().Want(s, promised)
	if second == nil {
		return nil, err
	}
	return slices.Concat(first, second), err
}

func (m both) Gap(now time.Time, there, written contain.Document) contain.Gap {
	return m.of(written.Slot.Kind).Gap(now, there, written)
}

func (m both) Without(there contain.Document, w contain.Written) (contain.Document, error) {
	return m.of(w.Slot.Kind).Without(there, w)
}

// two is an order of two documents.
func (b *bench) two() Order {
	b.mayAll()
	o := b.lock(b.Role(standin.RoleSpec{}))
	o.Request, o.Measure = "req-1", both{}
	return o
}

// attached reports whether the lock is on the role.
func (b *bench) attached() bool {
	b.T.Helper()
	docs, err := attached.all(b.T.Context(), read(b.Conn("prod"), "Deploy"))
	if err != nil {
		b.T.Fatal(err)
	}
	return slices.ContainsFunc(docs, func(d contain.Document) bool { return d.Text == b.Prod.DenyAllARN() })
}

func TestTwoDocumentsAreWrittenInOrderAndUndoneTogether(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		o := b.two()
		var promises book
		out, err := b.roles.Apply(t.Context(), nil, promises.keeping(o))
		if err != nil || len(out.Documents) != 2 || !out.Documents[0].ReadBack || !out.Documents[1].ReadBack ||
			!b.attached() {
			t.Fatalf("got %+v, %v", out, err)
		}
		if p := promises.all; len(p) != 2 || p[0].Slot.Kind != contain.RoleAttached || p[1].Slot.Name != policyName {
			t.Errorf("promised %+v", p)
		}
		o.Promised = promises.all
		check, err := b.roles.Check(t.Context(), o)
		if err != nil || check.State != Held || !slices.Equal(check.Documents, []CheckState{Held, Held}) {
			t.Errorf("checked %+v, %v", check, err)
		}
		again, err := b.roles.Apply(t.Context(), nil, promises.keeping(o))
		if err != nil || !again.Documents[0].AlreadyThere || !again.Documents[1].AlreadyThere || len(promises.all) != 2 {
			t.Errorf("again %+v, %v", again, err)
		}
		if err := b.Prod.DetachRolePolicy("Deploy", b.Prod.DenyAllARN()); err != nil {
			t.Fatal(err)
		}
		check, err = b.roles.Check(t.Context(), o)
		if err != nil || check.State != Gone || !slices.Equal(check.Documents, []CheckState{Gone, Held}) {
			t.Errorf("detached: checked %+v, %v", check, err)
		}
		if err := b.Prod.AttachRolePolicy("Deploy", b.Prod.DenyAllARN()); err != nil {
			t.Fatal(err)
		}
		undone, err := b.roles.Apply(t.Context(), nil, undo(o, promises.all))
		_, still := b.Prod.RolePolicy("Deploy", policyName)
		if err != nil || still || b.attached() || !undone.Documents[0].ReadBack || !undone.Documents[1].ReadBack {
			t.Errorf("undone %+v, %v", undone, err)
		}
	})
}

// A try that dies leaves what it has promised. The next one goes on from there.
func TestACrashBetweenTwoDocumentsIsMadeGood(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		o := b.two()
		var promises book
		crash := errors.New("crash")
		dies := func(at int, before bool) Order {
			o := promises.keeping(o)
			keep := o.Promise
			o.Promise = func(ctx context.Context, p Plan) ([]contain.Change, error) {
				if len(promises.all) == at && before {
					return nil, crash
				}
				all, err := keep(ctx, p)
				if len(promises.all) == at+1 && !before {
					return nil, crash
				}
				return all, err
			}
			return o
		}
		// After the first write, before the second promise.
		out, err := b.roles.Apply(t.Context(), nil, dies(1, true))
		if !errors.Is(err, crash) || !out.Documents[0].ReadBack || out.Documents[1].Writes != 0 ||
			len(promises.all) != 1 || !b.attached() {
			t.Fatalf("got %+v, %v", out, err)
		}
		time.Sleep(time.Minute)
		// After the second promise, before its write.
		out, err = b.roles.Apply(t.Context(), nil, dies(1, false))
		if !errors.Is(err, crash) || !out.Documents[0].AlreadyThere || out.Documents[1].Writes != 0 ||
			len(promises.all) != 2 {
			t.Fatalf("got %+v, %v", out, err)
		}
		time.Sleep(time.Minute)
		began := b.Server.Now()
		out, err = b.roles.Apply(t.Context(), nil, promises.keeping(o))
		if err != nil || !out.Documents[0].AlreadyThere || !out.Documents[1].ReadBack || out.Documents[1].AlreadyThere {
			t.Fatalf("got %+v, %v", out, err)
		}
		if cutoff := cutoffOf(out.Documents[1].There); cutoff.Before(began.Add(30 * time.Second)) {
			t.Errorf("at %v the cutoff is %v", began, cutoff)
		}
		// The first was taken away: what was promised for the second before is stale.
		if err := b.Prod.DetachRolePolicy("Deploy", b.Prod.DenyAllARN()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		last := cutoffOf(out.Documents[1].There)
		out, err = b.roles.Apply(t.Context(), nil, promises.keeping(o))
		if err != nil || out.Documents[0].Writes != 1 || out.Documents[1].Writes != 1 ||
			!cutoffOf(out.Documents[1].There).After(last) {
			t.Errorf("got %+v, %v", out, err)
		}
	})
}

func TestADocumentThatIsRefusedStopsNoOther(t *testing.T) {
	for name, c := range map[string]struct {
		before func(b *bench)
		failed []bool
	}{
		"AWS refuses the first": {func(b *bench) {
			b.Server.Inject(standin.Fault{Action: "AttachRolePolicy", Code: "AccessDenied", Times: -1})
		}, []bool{true, false}},
		"the measure refuses the second": {func(b *bench) { b.taken() }, []bool{false, true}},
		"one is refused, and so is the other": {func(b *bench) {
			b.taken()
			b.Server.Inject(standin.Fault{Action: "AttachRolePolicy", Code: "LimitExceeded", Times: -1})
		}, []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				o := b.two()
				c.before(b)
				out, err := b.roles.Apply(t.Context(), nil, o)
				for i, failed := range c.failed {
					if d := out.Documents[i]; (d.Err != nil) != failed || d.ReadBack == failed {
						t.Errorf("document %d: %+v", i, d)
					}
				}
				all := !slices.Contains(c.failed, false)
				if (err != nil) != all || all && !errors.Is(err, aws.ErrLimitExceeded) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestTheEndOfTheContextStopsBetweenTwoDocuments(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		o := b.two()
		ctx, stop := context.WithCancel(t.Context())
		out, err := b.roles.Apply(ctx, nil, promising(o, func(Plan) error { stop(); return nil }))
		if !errors.Is(err, context.Canceled) || out.Documents[0].Writes != 1 || out.Documents[1].Writes != 0 ||
			!b.attached() {
			t.Errorf("got %+v, %v", out, err)
		}
	})
}

// What is still to be written is read along with what was written, so that it is wanted by what
// is there then.
func TestWhatSomeoneWritesWhileTheFirstDocumentIsWrittenIsNotLost(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		o := promising(b.two(), func(p Plan) error {
			if p.Slot.Kind == contain.RoleAttached {
				return b.Prod.PutRolePolicy("Deploy", policyName, awsbench.MayAll)
			}
			return nil
		})
		out, err := b.roles.Apply(t.Context(), nil, o)
		there, _ := b.Prod.RolePolicy("Deploy", policyName)
		if err != nil || there != awsbench.MayAll || out.Documents[1].There.Slot.Name != beside {
			t.Errorf("got %+v, %v", out, err)
		}
	})
}

func TestTwoMeasuresOnOneRoleAreUndoneInEitherOrder(t *testing.T) {
	for _, lockFirst := range []bool{true, false} {
		for _, undoLockFirst := range []bool{true, false} {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.mayAll()
				lock := b.lock(b.Role(standin.RoleSpec{}))
				revocation := order(b.describe("prod/Deploy"))
				promised := map[string][]contain.Change{}
				apply := func(o Order) {
					t.Helper()
					got, err := b.apply(o)
					if err != nil || !got.ReadBack || got.Writes != 1 {
						t.Fatalf("%+v, %v", got, err)
					}
					promised[o.Request] = got.book.all
				}
				orders := []Order{revocation, lock}
				if lockFirst {
					slices.Reverse(orders)
				}
				apply(orders[0])
				apply(orders[1])
				orders = []Order{revocation, lock}
				if undoLockFirst {
					slices.Reverse(orders)
				}
				for n, o := range orders {
					got, err := b.apply(undo(o, promised[o.Request]))
					if err != nil || !got.ReadBack || got.Writes != 1 {
						t.Fatalf("%+v, %v", got, err)
					}
					_, revoked := b.Prod.RolePolicy("Deploy", policyName)
					left := orders[1].Request
					locked := b.attached()
					if locked != (n == 0 && left == lock.Request) || revoked != (n == 0 && left == revocation.Request) {
						t.Errorf("after the undo of %s: locked %v, revoked %v", o.Request, locked, revoked)
					}
				}
			})
		}
	}
}

// Another worker of the same request has promised more: it may have been written, and is not
// undercut.
func TestALowerPromiseIsPromisedAgainBeforeAnythingIsWritten(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		o := order(b.describe("prod/Deploy"))
		theirs := b.Server.Now().Add(10 * time.Minute).Truncate(time.Second)
		var all []contain.Change
		plans := 0
		o.Promise = func(_ context.Context, p Plan) ([]contain.Change, error) {
			if n := writes(b); n != 0 {
				t.Errorf("%d writes", n)
			}
			if plans++; plans == 1 {
				all = append(all, contain.Change{Slot: p.Slot, After: denyAt(theirs)})
			}
			all = append(all, p.Change)
			return all, nil
		}
		got, err := b.apply(o)
		if err != nil || plans != 2 || got.Writes != 1 || !got.Cutoff.Equal(theirs) {
			t.Errorf("got %+v, %v, %d plans", got, err, plans)
		}
		o.Promise = func(_ context.Context, p Plan) ([]contain.Change, error) {
			theirs = theirs.Add(time.Minute)
			all = append(all, contain.Change{Slot: p.Slot, After: denyAt(theirs)}, p.Change)
			return all, nil
		}
		if got, err := b.apply(o); !errors.Is(err, ErrBusy) || aws.Final(err) || got.Writes != 0 || writes(b) != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// Rule 9. However long the step before the write took, the cutoff lies past the write by the
// margin.
func TestAPromiseThatTakesLongMovesTheCutoff(t *testing.T) {
	for _, took := range []time.Duration{900 * time.Millisecond, 3 * time.Second, 20 * time.Second} {
		onBench(t, nil, func(t *testing.T, b *bench) {
			b.Role(standin.RoleSpec{})
			plans := 0
			got, err := b.apply(promising(order(b.describe("prod/Deploy")), func(Plan) error {
				plans++
				time.Sleep(took)
				return nil
			}))
			put := b.Server.Calls("PutRolePolicy")[0]
			least := put.At.Add(b.Config.Margin)
			if err != nil || got.Cutoff.Before(least) || got.Cutoff.After(least.Add(4*time.Second)) {
				t.Errorf("written at %v: %+v, %v", put.At, got, err)
			}
			if want := 1 + min(1, int(took/time.Second)); plans != want {
				t.Errorf("%d plans, want %d", plans, want)
			}
		})
	}
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.mayAll()
		plans := 0
		got, err := b.apply(promising(b.lock(b.Role(standin.RoleSpec{})), func(Plan) error {
			plans++
			time.Sleep(5 * time.Second)
			return nil
		}))
		if err != nil || plans != 1 || !got.ReadBack {
			t.Errorf("what has no clock in it: %+v, %v, %d plans", got, err, plans)
		}
	})
}

func TestTheApproversAreConfirmedBesideTheSurveyAndBeforeEachPromise(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		o := b.two()
		b.describe("prod/Deploy") // the reading session
		b.Server.Inject(standin.Fault{Delay: time.Second, Times: -1})
		var told []string
		o.Confirm = func(context.Context) error {
			told = append(told, "confirmed")
			if len(told) == 1 {
				time.Sleep(time.Second)
			}
			return nil
		}
		began := time.Now()
		_, err := b.roles.Apply(t.Context(), nil, promising(o, func(Plan) error {
			if told = append(told, "promised"); len(told) == 2 && time.Since(began) != time.Second {
				t.Errorf("it took %v", time.Since(began))
			}
			return nil
		}))
		if want := []string{"confirmed", "promised", "confirmed", "promised"}; err != nil || !slices.Equal(told, want) {
			t.Errorf("got %v, %v", told, err)
		}
	})
}

func TestAnApproverWhoIsNotConfirmedStopsTheOrder(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		o := promising(b.two(), func(Plan) error { t.Error("promised"); return nil })
		no := errors.New("not an approver any more")
		o.Confirm = func(context.Context) error { return no }
		out, err := b.roles.Apply(t.Context(), nil, o)
		if !errors.Is(err, no) || out.Documents[0].Err != nil || writes(b) != 0 {
			t.Errorf("got %+v, %v", out, err)
		}
		// Where the order fails before, nobody is waited for.
		o.Confirm = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		o.Principal.ID = "AROAOTHER"
		if _, err := b.roles.Apply(t.Context(), nil, o); !errors.Is(err, aws.ErrRoleChanged) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhatWasAttachedBeforeIsAttachedUnderAPromiseAndStaysAfterTheUndo(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.mayAll()
		o := b.lock(b.Role(standin.RoleSpec{}))
		if err := b.Prod.AttachRolePolicy("Deploy", b.Prod.DenyAllARN()); err != nil {
			t.Fatal(err)
		}
		got, err := b.apply(o)
		if err != nil || got.AlreadyThere || got.Writes != 1 || got.Change.Before != b.Prod.DenyAllARN() {
			t.Errorf("got %+v, %v", got, err)
		}
		undone, err := b.apply(undo(o, got.book.all))
		if err != nil || !undone.AlreadyThere || !b.attached() {
			t.Errorf("undone: %+v, %v", undone, err)
		}
	})
}

// A document that was refused for a passing reason must be tried again: who is not told, does not.
func TestAPassingFailureOfOneDocumentIsNotHiddenByTheOther(t *testing.T) {
	for failing, action := range []string{"AttachRolePolicy", "PutRolePolicy"} {
		t.Run(action, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				o := b.two()
				var promises book
				b.Server.Inject(standin.Fault{Action: action, Code: "Throttling", Times: -1})
				out, err := b.roles.Apply(t.Context(), nil, promises.keeping(o))
				if !errors.Is(err, aws.ErrThrottled) || aws.Final(err) || out.Documents[failing].Err == nil ||
					!out.Documents[1-failing].ReadBack {
					t.Errorf("got %+v, %v", out, err)
				}
				b.Server.ClearFaults()
				out, err = b.roles.Apply(t.Context(), nil, promises.keeping(o))
				if err != nil || !out.Documents[0].ReadBack || !out.Documents[1].ReadBack ||
					out.Documents[0].AlreadyThere != (failing == 1) {
					t.Errorf("again: got %+v, %v", out, err)
				}
			})
		})
	}
}

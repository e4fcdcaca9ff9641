package role

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

// slowly makes an order's promises take their time, and keeps them.
func (l *book) slowly(o Order, took time.Duration) Order {
	o = l.keeping(o)
	keep := o.Promise
	o.Promise = func(ctx context.Context, p Plan) ([]contain.Change, error) {
		time.Sleep(took)
		return keep(ctx, p)
	}
	return o
}

// Rule 4. However long a promise took, the approvers were confirmed just before the write.
func TestNothingIsWrittenLongAfterTheApproversWereConfirmed(t *testing.T) {
	cases := map[string]func(b *bench) Order{
		"do": func(b *bench) Order { return order(b.describe("prod/Deploy")) },
		"do, with a cutoff that is there": func(b *bench) Order {
			later := denyAt(b.Server.Now().Add(time.Hour))
			if err := b.Prod.PutRolePolicy("Deploy", policyName, later); err != nil {
				b.T.Fatal(err)
			}
			return order(b.describe("prod/Deploy"))
		},
		"do, without a clock in it": func(b *bench) Order {
			b.mayAll()
			r, _ := b.Prod.Role("Deploy")
			return b.lock(r)
		},
		"undo": func(b *bench) Order {
			r := order(b.describe("prod/Deploy"))
			done, err := b.apply(r)
			if err != nil {
				b.T.Fatal(err)
			}
			return undo(r, done.book.all)
		},
	}
	for name, of := range cases {
		for _, took := range []time.Duration{2 * time.Second, 3 * time.Minute, 10 * time.Minute} {
			t.Run(name+" "+took.String(), func(t *testing.T) {
				onBench(t, nil, func(t *testing.T, b *bench) {
					b.Role(standin.RoleSpec{})
					var promises book
					o := promises.slowly(of(b), took)
					var confirmed time.Time
					o.Confirm = func(context.Context) error { confirmed = b.Server.Now(); return nil }
					got, err := b.apply(o)
					if err != nil || got.Writes != 1 || got.At.Sub(confirmed) > maxLate {
						t.Errorf("confirmed at %v: %+v, %v", confirmed, got, err)
					}
				})
			})
			t.Run(name+" "+took.String()+", not confirmed any more", func(t *testing.T) {
				onBench(t, nil, func(t *testing.T, b *bench) {
					b.Role(standin.RoleSpec{})
					var promises book
					o := promises.slowly(of(b), took)
					before, no := writes(b), errors.New("not an approver any more")
					o.Confirm = func(context.Context) error {
						if len(promises.all) > len(o.Promised) {
							return no
						}
						return nil
					}
					if _, err := b.apply(o); !errors.Is(err, no) || writes(b) != before {
						t.Errorf("%d writes, %v", writes(b)-before, err)
					}
				})
			})
		}
	}
}

// The first answer is as old as the survey it was given beside.
func TestAnOldConfirmationLetsNoPromisePass(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		o := order(b.describe("prod/Deploy"))
		b.Server.Inject(standin.Fault{Action: "AssumeRole", Delay: 5 * time.Second})
		var confirmed time.Time
		o.Confirm = func(context.Context) error { confirmed = time.Now(); return nil }
		got, err := b.apply(promising(o, func(Plan) error {
			if age := time.Since(confirmed); age > maxLate {
				t.Errorf("promised %v after the confirmation", age)
			}
			return nil
		}))
		if err != nil || got.Writes != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

package approvalstest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/revokebot/revokebot/approvals"
)

const crowd = 10

// all does something so many times at once, on the stores of two processes in turn, and returns
// what came of it.
func all[T any](b *bench, do func(i int, store approvals.Store) T) []T {
	out := make([]T, crowd)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range crowd {
		store := b.Store
		if i%2 == 1 {
			store = b.Another
		}
		wg.Go(func() {
			<-start
			out[i] = do(i, store)
		})
	}
	close(start)
	wg.Wait()
	return out
}

// oneOf fails the test unless exactly one error is nil and the others are among the losers.
func (b *bench) oneOf(errs []error, losers ...error) {
	b.Helper()
	won := 0
	for _, err := range errs {
		lost := false
		for _, loser := range losers {
			lost = lost || errors.Is(err, loser)
		}
		switch {
		case err == nil:
			won++
		case !lost:
			b.Errorf("somebody was told %v", err)
		}
	}
	if won != 1 {
		b.Errorf("%d won", won)
	}
}

var together = []sentence{
	{name: "of ten decisions on the same log one counts", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		errs := all(b, func(i int, store approvals.Store) error {
			return store.Commit(b.ctx, approvals.Transition{
				RequestID: "R1", Expect: 1, When: approvals.BeforeDeadline, Next: approvals.StateApproved,
				Events: []approvals.Event{
					{Type: approvals.EventApproved, By: fmt.Sprint("U", i), Source: fmt.Sprint("envelope ", i)},
				},
				Work: []approvals.Item{execute},
			})
		})
		b.oneOf(errs, approvals.ErrConflict)
		r, _ := b.load("R1")
		b.same("the log", []any{r.State, r.Seq, len(r.Votes)}, []any{approvals.StateApproved, int64(2), 1})
		b.same("what there is to do", kinds(b.drain()), []string{approvals.KindDeliver, execute.Kind})
	}},
	{name: "of an approval, a denial and a cancellation at once one counts", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		ends := []struct {
			event approvals.EventType
			next  approvals.State
		}{
			{approvals.EventApproved, approvals.StateApproved},
			{approvals.EventDenied, approvals.StateDenied},
			{approvals.EventCancelled, approvals.StateCancelled},
		}
		errs := all(b, func(i int, store approvals.Store) error {
			end := ends[i%len(ends)]
			return store.Commit(b.ctx, approvals.Transition{
				RequestID: "R1", Expect: 1, Next: end.next,
				Events: []approvals.Event{{Type: end.event, By: fmt.Sprint("U", i), Source: fmt.Sprint("envelope ", i)}},
			})
		})
		b.oneOf(errs, approvals.ErrConflict)
		r, events := b.load("R1")
		if len(events) != 2 || r.State == approvals.StateOpen {
			b.Errorf("it is %s with %v", r.State, types(events))
		}
	}},
	{name: "ten voters who decide again are all counted, each once", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		for _, err := range all(b, func(i int, store approvals.Store) error {
			for {
				r, _, err := store.Load(b.ctx, "R1")
				if err != nil {
					return err
				}
				err = store.Commit(b.ctx, approvals.Transition{
					RequestID: "R1", Expect: r.Seq, Next: approvals.StateOpen,
					Events: []approvals.Event{
						{Type: approvals.EventVoted, By: fmt.Sprint("U", i), Source: fmt.Sprint("envelope ", i)},
					},
				})
				if !errors.Is(err, approvals.ErrConflict) {
					return err
				}
			}
		}) {
			b.is(err, nil)
		}
		r, _ := b.load("R1")
		people := make(map[string]bool)
		for _, who := range r.Voters() {
			people[who] = true
		}
		if len(r.Voters()) != crowd || len(people) != crowd {
			b.Errorf("who voted: %v", r.Voters())
		}
	}},
	{name: "an envelope that ten replicas handle at once is in the log once", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		for _, err := range all(b, func(_ int, store approvals.Store) error {
			return store.Commit(b.ctx, approvals.Transition{
				RequestID: "R1", Expect: approvals.AppendOnly, Events: remark("envelope 1"),
			})
		}) {
			b.is(err, nil)
		}
		if r, _ := b.load("R1"); r.Seq != 2 {
			b.Errorf("the log has %d events", r.Seq)
		}
	}},
	{
		name: "of ten requests for one subject at once one is opened, and the others are pointed at it",
		test: func(b *bench) {
			answers := all(b, func(i int, store approvals.Store) string {
				other, err := store.Open(b.ctx, fmt.Sprint("R", i), alice, "", openingFor("role 1", never))
				if err != nil {
					return err.Error()
				}
				return other
			})
			winner, won := "", 0
			for i, other := range answers {
				if other == "" {
					winner, won = fmt.Sprint("R", i), won+1
				}
			}
			for _, other := range answers {
				if won != 1 || other != "" && other != winner {
					b.Fatalf("they were told %q", answers)
				}
			}
			b.promote()
			b.same("what there is to do", b.drain(), []approvals.Item{deliver(winner)})
		},
	},
	{name: "of ten redeliveries at once one is fresh", test: func(b *bench) {
		fresh := 0
		for _, ok := range all(b, func(_ int, store approvals.Store) bool {
			ok, err := store.Accept(b.ctx, envelope, "envelope 1", "trigger 1")
			return ok && err == nil
		}) {
			if ok {
				fresh++
			}
		}
		b.same("fresh", fresh, 1)
		b.same("what there is to do", len(b.drain()), 1)
	}},
	{name: "of ten workers at once each item is handed to one", test: func(b *bench) {
		b.numbered(crowd)
		var handed []approvals.Item
		for _, items := range all(b, func(i int, store approvals.Store) []approvals.Item {
			items, err := store.Take(b.ctx, fmt.Sprint("worker ", i), 3, 0)
			if err != nil {
				b.Errorf("take: %v", err)
			}
			return items
		}) {
			handed = append(handed, items...)
		}
		b.same("handed out", sources(handed), []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})
	}},
	{name: "of ten workers who claim at once one is handed the item", test: func(b *bench) {
		b.quickly(2, func(name string) func() {
			b.accept(approvals.Item{Kind: "click", Source: name})
			b.take(1)
			b.Advance(b.span)
			handed := 0
			for _, items := range all(b, func(i int, store approvals.Store) []approvals.Item {
				items, err := store.Claim(b.ctx, fmt.Sprint("worker ", i), b.span, 1)
				if err != nil {
					b.Errorf("claim: %v", err)
				}
				return items
			}) {
				handed += len(items)
				for _, item := range items {
					b.done(item)
				}
			}
			return func() { b.same("handed out", handed, 1) }
		})
	}},
	{name: "of ten who queue what has come due at once it is queued once", test: func(b *bench) {
		b.timed(approvals.Due{Item: followUp, After: b.span}, approvals.Due{Item: execute, After: b.span})
		b.Advance(b.span)
		for _, err := range all(b, func(_ int, store approvals.Store) error {
			_, err := store.Promote(b.ctx, crowd)
			return err
		}) {
			b.is(err, nil)
		}
		b.same("queued", kinds(b.drain()), []string{followUp.Kind, execute.Kind})
	}},
	{name: "of ten workers at once one tells", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		telling := 0
		for _, ok := range all(b, func(i int, store approvals.Store) bool {
			_, ok, err := store.BeginDelivery(b.ctx, "R1", fmt.Sprint("worker ", i), held)
			return ok && err == nil
		}) {
			if ok {
				telling++
			}
		}
		b.same("telling", telling, 1)
	}},
}

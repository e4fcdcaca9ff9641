package approvalstest

import (
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// timed sets timers, on a request of its own.
func (b *bench) timed(due ...approvals.Due) {
	b.Helper()
	b.opened("R1", "role 1", never)
	b.commit(approvals.Transition{RequestID: "R1", Expect: 1, Events: remark("envelope 1"), Due: due})
	b.drain()
}

var timing = []sentence{
	{name: "what has come due is queued", test: func(b *bench) {
		b.timed(approvals.Due{Item: followUp, After: b.span}, approvals.Due{Item: execute, After: never})
		b.Advance(b.span)
		b.promote()
		b.same("queued", b.drain(), []approvals.Item{followUp})
		b.promote()
		b.same("queued again", len(b.drain()), 0)
	}},
	{name: "what has not come due is not queued", test: func(b *bench) {
		b.timed(approvals.Due{Item: followUp, After: never})
		b.Advance(b.span)
		b.promote()
		b.same("queued", len(b.drain()), 0)
	}},
	{name: "a timer is exact to the millisecond", test: func(b *bench) {
		b.timed(approvals.Due{Item: followUp, After: 10 * b.span})
		b.Advance(10*b.span - time.Millisecond)
		b.same("the time until it", b.promote(), time.Millisecond)
		b.same("queued", len(b.drain()), 0)
		b.Advance(time.Millisecond)
		b.promote()
		b.same("queued", len(b.drain()), 1)
	}, exact: true},
	{name: "what is due at once, or was due already, needs no timer", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		b.commit(approvals.Transition{
			RequestID: "R1", Expect: 1, Events: remark("envelope 1"),
			Due: []approvals.Due{{Item: followUp}, {Item: execute, After: -time.Second}},
		})
		b.same("queued", kinds(b.drain()), []string{approvals.KindDeliver, followUp.Kind, execute.Kind})
	}},
	{name: "items that are equal are one, and the earliest time counts", equal: true, test: func(b *bench) {
		b.timed(approvals.Due{Item: followUp, After: b.span}, approvals.Due{Item: followUp, After: never},
			approvals.Due{Item: execute, After: never}, approvals.Due{Item: execute, After: b.span})
		b.Advance(b.span)
		b.promote()
		b.same("queued", kinds(b.drain()), []string{followUp.Kind, execute.Kind})
		if b.exact {
			b.Advance(2 * never)
			b.promote()
			b.same("queued later", kinds(b.drain()), []string{approvals.KindExpire})
		}
	}},
	{name: "what is postponed until later does not push an equal timer away", test: func(b *bench) {
		next := followUp
		next.Attempt++
		b.timed(approvals.Due{Item: next, After: b.span})
		b.commit(approvals.Transition{
			RequestID: "R1", Expect: approvals.AppendOnly, Events: []approvals.Event{{Type: approvals.EventRefused}},
			Work: []approvals.Item{followUp},
		})
		var item approvals.Item
		for _, taken := range b.take(100) {
			if taken.Kind == followUp.Kind {
				item = taken
			} else {
				b.done(taken)
			}
		}
		b.is(b.Store.Postpone(b.ctx, item, never), nil)
		b.Advance(b.span)
		b.promote()
		b.same("queued", b.drain(), []approvals.Item{next})
	}},
	{name: "as many are queued as are asked for", test: func(b *bench) {
		b.timed(approvals.Due{Item: followUp, After: b.span}, approvals.Due{Item: execute, After: b.span},
			approvals.Due{Item: envelope, After: b.span})
		b.Advance(b.span)
		var queued int
		for _, want := range []int{2, 3, 3} {
			next, err := b.Store.Promote(b.ctx, 2)
			if err != nil {
				b.Fatal(err)
			}
			queued += len(b.drain())
			if queued != want || want == 2 && next != 0 {
				b.Errorf("%d are queued, and the next comes in %v", queued, next)
			}
		}
	}},
	{name: "the time until the next timer is known, up to a minute", test: func(b *bench) {
		b.same("without a timer", b.promote(), time.Minute)
		b.timed(approvals.Due{Item: followUp, After: 30 * time.Second})
		next := b.promote()
		if next > 30*time.Second || next <= 0 || b.exact && next != 30*time.Second {
			b.Errorf("with a timer in half a minute: %v", next)
		}
	}},
	{name: "a timer further away than a minute does not make anybody sleep longer", test: func(b *bench) {
		b.timed(approvals.Due{Item: followUp, After: never})
		b.same("the time until it", b.promote(), time.Minute)
	}},
	{name: "another process queues it too", test: func(b *bench) {
		b.timed(approvals.Due{Item: followUp, After: b.span})
		b.Advance(b.span)
		if _, err := b.Another.Promote(b.ctx, 10); err != nil {
			b.Fatal(err)
		}
		b.promote()
		b.same("queued", b.drain(), []approvals.Item{followUp})
	}},
}

package approvalstest

import (
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// keeps is the retention of the stores in this chapter.
func (b *bench) keeps() time.Duration { return retentionSpans * b.span }

// gone fails the test unless nothing of a request is left.
func (b *bench) gone(id string) {
	b.Helper()
	_, _, err := b.Store.Load(b.ctx, id)
	b.is(err, approvals.ErrUnknownRequest)
	b.is(b.Store.Commit(b.ctx, approvals.Transition{
		RequestID: id, Expect: approvals.AppendOnly, Events: remark("too late"),
	}), approvals.ErrUnknownRequest)
	_, _, err = b.Store.BeginDelivery(b.ctx, id, worker, held)
	b.is(err, approvals.ErrUnknownRequest)
	d, err := b.Store.Delivered(b.ctx, id)
	if err != nil || !equal(d, approvals.Delivery{}) {
		b.Errorf("delivered %+v, %v", d, err)
	}
}

var retaining = []sentence{
	{name: "what has ended can be read until the retention is over", test: func(b *bench) {
		b.quickly(retentionSpans, func(name string) func() {
			b.opened(name, name, never)
			b.move(name, 1, approvals.EventDenied, approvals.StateDenied)
			b.Advance(b.keeps() / 2)
			r, _, err := b.Store.Load(b.ctx, name)
			return func() {
				if err != nil || r.State != approvals.StateDenied {
					b.Errorf("it is %s, %v", r.State, err)
				}
			}
		})
	}},
	{name: "what has ended goes after the retention, with all that belongs to it", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.begin("R1", worker, held)
		b.mark("R1", worker, held, upToDate(1))
		b.end("R1", worker, true)
		b.move("R1", 1, approvals.EventDenied, approvals.StateDenied)
		b.Advance(b.keeps() + b.span)
		b.gone("R1")
		b.opened("R2", "role 1", never)
	}},
	{name: "a delivery that began after the end goes too", test: func(b *bench) {
		var id string
		b.quickly(retentionSpans, func(name string) func() {
			id = name
			b.opened(id, id, never)
			b.move(id, 1, approvals.EventDenied, approvals.StateDenied)
			d, ok, err := b.Store.BeginDelivery(b.ctx, id, worker, held)
			marked := b.Store.MarkDelivery(b.ctx, id, worker, held, upToDate(2))
			return func() {
				if err != nil || !ok || marked != nil {
					b.Errorf("it does not begin: %v, %+v, %v; marked: %v", ok, d, err, marked)
				}
			}
		})
		b.Advance(b.keeps() + b.span)
		b.gone(id)
	}},
	{name: "what happens after the end starts the retention anew", test: func(b *bench) {
		b.quickly(retentionSpans*1.6, func(name string) func() {
			b.opened(name, name, never)
			b.move(name, 1, approvals.EventDenied, approvals.StateDenied)
			b.Advance(b.keeps() * 3 / 5)
			_ = b.Store.Commit(b.ctx, approvals.Transition{
				RequestID: name, Expect: approvals.AppendOnly, Events: remark("a late click"),
			})
			b.Advance(b.keeps() * 3 / 5)
			_, events, err := b.Store.Load(b.ctx, name)
			return func() {
				if err != nil || len(events) != 3 {
					b.Errorf("the log has %d events, %v", len(events), err)
				}
			}
		})
	}},
	{name: "what has not ended stays", test: func(b *bench) {
		b.opened("R1", "role 1", b.span)
		b.opened("R2", "role 2", never)
		b.move("R2", 1, approvals.EventApproved, approvals.StateApproved)
		b.opened("R3", "role 3", never)
		b.move("R3", 1, approvals.EventApproved, approvals.StateApproved)
		b.move("R3", 2, approvals.EventStarted, approvals.StateExecuting)
		b.begin("R3", worker, b.span)
		b.mark("R3", worker, b.span, upToDate(2))
		b.Advance(b.keeps() + b.span)
		for id, want := range map[string]approvals.State{
			"R1": approvals.StateOpen, "R2": approvals.StateApproved, "R3": approvals.StateExecuting,
		} {
			if r, _ := b.load(id); r.State != want {
				b.Errorf("%s is %s", id, r.State)
			}
		}
		b.same("under way", []string{b.underWay("role 1"), b.underWay("role 2"), b.underWay("role 3")},
			[]string{"R1", "R2", "R3"})
		if d, ok := b.begin("R3", rival, held); !ok || !equal(d, upToDate(2)) {
			b.Errorf("delivered %+v, %v", d, ok)
		}
	}},
}

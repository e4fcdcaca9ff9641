package approvalstest

import "github.com/revokebot/revokebot/approvals"

// Whatever was done and whose answer was lost is told again by a client that does not know better.
var again = []sentence{
	{name: "a decision that was committed is no error and changes nothing", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		b.commit(approval(1))
		b.promote()
		b.same("work and timers", len(b.drain()), 3)
		_, log := b.load("R1")
		b.is(b.Store.Commit(b.ctx, approval(1)), nil)
		b.is(b.Another.Commit(b.ctx, approval(1)), nil)
		_, after := b.load("R1")
		b.same("the log", after, log)
		b.promote()
		b.same("work and timers", len(b.drain()), 0)
	}},
	{name: "also when others have written since", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approval(1))
		b.commit(approvals.Transition{RequestID: "R1", Expect: 3, Events: remark("envelope 3")})
		b.is(b.Store.Commit(b.ctx, approval(1)), nil)
		if r, _ := b.load("R1"); r.Seq != 4 {
			b.Errorf("the log has %d events", r.Seq)
		}
	}},
	{name: "also after the deadline, and after the end", test: func(b *bench) {
		b.opened("R1", "role 1", b.span)
		denial := approvals.Transition{
			RequestID: "R1", Expect: 1, When: approvals.AfterDeadline, Next: approvals.StateExpired,
			Events: []approvals.Event{{Type: approvals.EventExpired, Source: "expire R1"}},
		}
		b.Advance(b.span)
		b.commit(denial)
		b.opened("R2", "role 1", never)
		b.is(b.Store.Commit(b.ctx, denial), nil)
		b.same("under way", b.underWay("role 1"), "R2")
		denial.When = approvals.BeforeDeadline
		b.is(b.Store.Commit(b.ctx, denial), nil)
		if r, _ := b.load("R1"); r.Seq != 2 {
			b.Errorf("the log has %d events", r.Seq)
		}
	}},
	{name: "what another said at the same place is a conflict", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approval(1))
		other := approval(1)
		other.Events[0].Type, other.Events[1].Type = approvals.EventRefused, approvals.EventRefused
		b.unchanged(approvals.ErrConflict, func() error { return b.Store.Commit(b.ctx, other) })
		other = approval(1)
		other.Events[0].Source, other.Events[1].Source = "envelope 8", "envelope 9"
		b.unchanged(approvals.ErrConflict, func() error { return b.Store.Commit(b.ctx, other) })
		other.Events[0].Source, other.Events[1].Source = "", ""
		b.unchanged(approvals.ErrConflict, func() error { return b.Store.Commit(b.ctx, other) })
	}},
	{name: "a remark is appended once for its source", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		t := approvals.Transition{
			RequestID: "R1", Expect: approvals.AppendOnly, Events: remark("envelope 3"), Work: []approvals.Item{execute},
		}
		b.commit(t)
		b.drain()
		b.commit(t)
		b.is(b.Another.Commit(b.ctx, t), nil)
		b.same("what there is to do", len(b.drain()), 0)
		b.commit(approvals.Transition{RequestID: "R1", Expect: approvals.AppendOnly, Events: remark("envelope 4")})
		if r, _ := b.load("R1"); r.Seq != 3 {
			b.Errorf("the log has %d events", r.Seq)
		}
	}},
	{name: "a remark from a source whose decision is in the log is not appended", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approval(1))
		b.drain()
		b.commit(approvals.Transition{RequestID: "R1", Expect: approvals.AppendOnly, Events: remark("envelope 2")})
		b.commit(approvals.Transition{
			RequestID: "R1", Expect: approvals.AppendOnly, Events: append(remark("envelope 7"), remark("command R1")...),
		})
		if r, _ := b.load("R1"); r.Seq != 3 {
			b.Errorf("the log has %d events", r.Seq)
		}
		b.same("what there is to do", len(b.drain()), 0)
	}},
	{name: "remarks without a source are each appended", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		for range 2 {
			b.commit(approvals.Transition{RequestID: "R1", Expect: approvals.AppendOnly, Events: remark("")})
		}
		if r, _ := b.load("R1"); r.Seq != 3 {
			b.Errorf("the log has %d events", r.Seq)
		}
	}},
	{name: "an item that is done, postponed or parked is so once", test: func(b *bench) {
		for _, finish := range []func(item approvals.Item) error{
			func(item approvals.Item) error { return b.Store.Done(b.ctx, item) },
			func(item approvals.Item) error { return b.Store.Postpone(b.ctx, item, 0) },
			func(item approvals.Item) error { return b.Store.Park(b.ctx, item, "it failed") },
		} {
			b.accept(envelope)
			item := b.take(1)[0]
			b.is(finish(item), nil)
			b.promote()
			first := len(b.drain())
			b.is(finish(item), nil)
			b.is(b.Store.Postpone(b.ctx, item, 0), nil)
			b.is(b.Store.Done(b.ctx, item), nil)
			b.promote()
			if second := len(b.drain()); first > 1 || second != 0 {
				b.Errorf("it came back %d times, and then %d times", first, second)
			}
		}
	}},
	{name: "a note is no error", test: func(b *bench) {
		for range 2 {
			b.is(b.Store.Note(b.ctx, approvals.Event{Type: approvals.EventRefused, By: bob, Source: "envelope 1"}), nil)
			b.is(b.Store.Note(b.ctx, approvals.Event{Type: approvals.EventRefused}), nil)
		}
	}},
}

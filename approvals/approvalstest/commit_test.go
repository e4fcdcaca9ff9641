package approvalstest

import (
	"encoding/json"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

var (
	execute  = approvals.Item{Kind: "execute", Request: "R1", Source: "execute R1"}
	followUp = approvals.Item{Kind: "evidence", Request: "R1", Source: "evidence 1"}
)

// approval is a transition of everything: two events, a move, work and timers.
func approval(expect int64) approvals.Transition {
	return approvals.Transition{
		RequestID: "R1", Expect: expect, Next: approvals.StateApproved,
		Events: []approvals.Event{
			{Type: approvals.EventVoted, By: bob, Source: "envelope 1", Detail: json.RawMessage(`{"n":1}`)},
			{Type: approvals.EventApproved, By: "U0CAROL", Source: "envelope 2"},
		},
		Work: []approvals.Item{execute},
		Due:  []approvals.Due{{Item: followUp}},
	}
}

// unchanged tries something that must fail, and fails the test unless the log, the state, the work,
// the timers and the subject of R1 are as they were. Timers of the failed transition would be due
// at once.
func (b *bench) unchanged(want error, try func() error) {
	b.Helper()
	b.drain()
	before, log := b.load("R1")
	err := try()
	switch {
	case err == nil:
		b.Error("it was committed")
	case want != nil:
		b.is(err, want)
	}
	after, events := b.load("R1")
	b.same("the log", events, log)
	b.same("the state", after.State, before.State)
	b.promote()
	b.same("what there is to do", b.drain(), []approvals.Item(nil))
	if !after.State.Ended() {
		b.same("under way", b.underWay("role 1"), "R1")
	}
}

var committing = []sentence{
	{name: "log, state, work, timers and delivery move together", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		before := b.now()
		b.commit(approval(1))
		after := b.now()
		r, events := b.load("R1")
		b.same("the state", r.State, approvals.StateApproved)
		b.same("the log", types(events), []approvals.EventType{
			approvals.EventRequested, approvals.EventVoted, approvals.EventApproved,
		})
		for i, e := range events[1:] {
			if e.Seq != int64(i)+2 || e.At.Before(before) || e.At.After(after) {
				b.Errorf("event %d has the number %d and the time %v, between %v and %v", i+2, e.Seq, e.At, before, after)
			}
			want := approval(1).Events[i]
			want.Seq, want.At, want.Seal = e.Seq, e.At, e.Seal
			b.same("the event", e, want)
		}
		b.promote()
		b.same("what there is to do", kinds(b.drain()), []string{approvals.KindDeliver, followUp.Kind, execute.Kind})
	}},
	{name: "what has to be done is queued as it was", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		item := approvals.Item{Kind: "k", Request: "R9", Source: "s", Attempt: 3, Body: json.RawMessage(`{"a":"b"}`)}
		b.commit(approvals.Transition{RequestID: "R1", Expect: 1, Events: remark("envelope 1"), Work: []approvals.Item{item}})
		for _, got := range b.drain() {
			if got.Kind != approvals.KindDeliver {
				b.same("the item", got, item)
			}
		}
	}},
	{name: "a decision on an older log, on one that is not there yet, or on none is a conflict", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approvals.Transition{RequestID: "R1", Expect: 1, Events: remark("envelope 0")})
		for _, expect := range []int64{1, 3, 0, -2} {
			b.unchanged(approvals.ErrConflict, func() error { return b.Store.Commit(b.ctx, approval(expect)) })
		}
		b.commit(approval(2))
	}},
	{name: "after the deadline it is too late", test: func(b *bench) {
		b.opened("R1", "role 1", b.span)
		b.Advance(b.span)
		b.promote()
		b.unchanged(approvals.ErrTooLate, func() error {
			t := approval(1)
			t.When = approvals.BeforeDeadline
			return b.Store.Commit(b.ctx, t)
		})
		expiry := approvals.Transition{
			RequestID: "R1", Expect: 1, When: approvals.AfterDeadline, Next: approvals.StateExpired,
			Events: []approvals.Event{{Type: approvals.EventExpired}},
		}
		b.commit(expiry)
		if r, _ := b.load("R1"); r.State != approvals.StateExpired {
			b.Errorf("it is %s", r.State)
		}
	}},
	{name: "before the deadline it is too early to expire", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.unchanged(approvals.ErrTooEarly, func() error {
			t := approval(1)
			t.When = approvals.AfterDeadline
			return b.Store.Commit(b.ctx, t)
		})
		t := approval(1)
		t.When = approvals.BeforeDeadline
		b.commit(t)
	}},
	{name: "the deadline is a moment, and that moment is too late", test: func(b *bench) {
		b.opened("R1", "role 1", time.Minute)
		b.Advance(time.Minute - time.Millisecond)
		b.unchanged(approvals.ErrTooEarly, func() error {
			t := approval(1)
			t.When = approvals.AfterDeadline
			return b.Store.Commit(b.ctx, t)
		})
		b.commit(approvals.Transition{RequestID: "R1", Expect: 1, When: approvals.BeforeDeadline, Events: remark("in time")})
		b.Advance(time.Millisecond)
		b.promote()
		b.unchanged(approvals.ErrTooLate, func() error {
			t := approval(2)
			t.When = approvals.BeforeDeadline
			return b.Store.Commit(b.ctx, t)
		})
		b.commit(approvals.Transition{RequestID: "R1", Expect: 2, When: approvals.AfterDeadline, Events: remark("after it")})
	}, exact: true},
	{name: "whoever cares about the deadline hears first that the log has changed", test: func(b *bench) {
		b.opened("R1", "role 1", b.span)
		b.commit(approvals.Transition{RequestID: "R1", Expect: 1, Events: remark("envelope 0")})
		b.Advance(b.span)
		b.promote()
		b.unchanged(approvals.ErrConflict, func() error {
			t := approval(1)
			t.When = approvals.BeforeDeadline
			return b.Store.Commit(b.ctx, t)
		})
	}},
	{name: "to a request that nobody opened nothing is committed", test: func(b *bench) {
		for _, expect := range []int64{0, 1, approvals.AppendOnly} {
			t := approval(expect)
			if expect == approvals.AppendOnly {
				t.Events, t.Next = remark("envelope 1"), approvals.StateUnknown
			}
			b.is(b.Store.Commit(b.ctx, t), approvals.ErrUnknownRequest)
		}
		b.promote()
		b.same("what there is to do", len(b.drain()), 0)
		_, _, err := b.Store.Load(b.ctx, "R1")
		b.is(err, approvals.ErrUnknownRequest)
	}},
	{name: "what moves nothing can be appended to whatever is there", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approval(1))
		b.drain()
		b.commit(approvals.Transition{RequestID: "R1", Expect: approvals.AppendOnly, Events: remark("envelope 3")})
		b.same("what there is to do", b.drain(), []approvals.Item{deliver("R1")})
		b.commit(approvals.Transition{
			RequestID: "R1", Expect: 4, Next: approvals.StateFailed, Events: []approvals.Event{{Type: approvals.EventFailed}},
		})
		b.commit(approvals.Transition{RequestID: "R1", Expect: approvals.AppendOnly, Events: remark("envelope 4")})
		r, events := b.load("R1")
		if r.State != approvals.StateFailed || len(events) != 6 || r.Refused != 2 {
			b.Errorf("it is %s with %v", r.State, types(events))
		}
	}},
	{name: "what moves something has to say what it was decided on", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.unchanged(nil, func() error { return b.Store.Commit(b.ctx, approval(approvals.AppendOnly)) })
		vote := approvals.Transition{RequestID: "R1", Expect: approvals.AppendOnly, Events: approval(1).Events[:1]}
		b.unchanged(nil, func() error { return b.Store.Commit(b.ctx, vote) })
		vote.Expect = 1
		b.commit(vote)
	}},
	{name: "what has ended does not move again, and does not end another", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.move("R1", 1, approvals.EventDenied, approvals.StateDenied)
		b.opened("R2", "role 1", never)
		for _, next := range approvals.States() {
			b.unchanged(approvals.ErrIllegal, func() error {
				t := approval(2)
				t.Next = next
				return b.Store.Commit(b.ctx, t)
			})
		}
		b.commit(approvals.Transition{RequestID: "R1", Expect: approvals.AppendOnly, Events: remark("envelope 9")})
		b.same("under way", b.underWay("role 1"), "R2")
	}},
	{name: "a transition that says nothing, or nonsense, is none", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		for _, spoil := range []func(t *approvals.Transition){
			func(t *approvals.Transition) { *t = approvals.Transition{RequestID: "R1"} },
			func(t *approvals.Transition) { t.Events = nil },
			func(t *approvals.Transition) { t.Next = "nonsense" },
			func(t *approvals.Transition) { t.Events[1].Type = "" },
			func(t *approvals.Transition) { t.Events[1].Detail = json.RawMessage(`{"half`) },
			func(t *approvals.Transition) { t.When = 99 },
			func(t *approvals.Transition) { t.Work[0].Body = json.RawMessage(`{"half`) },
			func(t *approvals.Transition) { t.Due[0].Item.Body = json.RawMessage(`{"half`) },
		} {
			b.unchanged(nil, func() error {
				t := approval(1)
				spoil(&t)
				return b.Store.Commit(b.ctx, t)
			})
		}
	}},
	{name: "another process sees it", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approval(1))
		b.is(b.Another.Commit(b.ctx, approvals.Transition{RequestID: "R1", Expect: 1, Events: remark("envelope 5")}),
			approvals.ErrConflict)
		b.is(b.Another.Commit(b.ctx, approvals.Transition{RequestID: "R1", Expect: 3, Events: remark("envelope 6")}), nil)
		if r, _ := b.load("R1"); r.Seq != 4 {
			b.Errorf("the log has %d events", r.Seq)
		}
	}},
}

// remark is an event that moves nothing.
func remark(source string) []approvals.Event {
	return []approvals.Event{
		{Type: approvals.EventRefused, By: bob, Source: source, Detail: json.RawMessage(`{"code":"taken"}`)},
	}
}

package approvalstest

import (
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// deliver is the item that a store queues after every change of a request.
func deliver(id string) approvals.Item {
	return approvals.Item{Kind: approvals.KindDeliver, Request: id}
}

var opening = []sentence{
	{name: "a request that is opened is open", test: func(b *bench) {
		before := b.now()
		b.opened("R1", "role 1", never)
		after := b.now()
		r, events := b.load("R1")
		o := openingFor("role 1", never)
		b.same("who asked for what", []any{r.ID, r.State, r.Seq, r.Requester, r.Subject, r.Place, r.Reason, r.Required},
			[]any{"R1", approvals.StateOpen, int64(1), alice, o.Subject, o.Place, o.Reason, o.Required})
		if r.Opened.Before(before) || r.Opened.After(after) {
			b.Errorf("opened at %v, between %v and %v", r.Opened, before, after)
		}
		b.same("the deadline", r.Deadline, r.Opened.Add(never))
		b.same("the log", types(events), []approvals.EventType{approvals.EventRequested})
		if events[0].Seq != 1 || events[0].By != alice || events[0].Source != "command R1" || !r.Has("command R1") {
			b.Errorf("the event is %+v", events[0])
		}
	}},
	{name: "its delivery is queued at once and its expiry at the deadline", test: func(b *bench) {
		b.opened("R1", "role 1", b.span)
		b.same("at once", b.drain(), []approvals.Item{deliver("R1")})
		b.Advance(b.span)
		b.promote()
		b.same("at the deadline", b.drain(), []approvals.Item{{Kind: approvals.KindExpire, Request: "R1"}})
	}},
	{name: "its expiry is not queued before the deadline", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		b.Advance(b.span)
		b.promote()
		b.same("what there is to do", len(b.drain()), 0)
	}},
	{name: "what else is due later is queued then, once", test: func(b *bench) {
		for range 2 {
			if other, err := b.Store.Open(b.ctx, "R1", alice, "command R1", openingFor("role 1", never),
				approvals.Due{Item: followUp, After: b.span}, approvals.Due{Item: execute, After: never}); err != nil ||
				other != "" {
				b.Errorf("%q, %v", other, err)
			}
			b.Advance(b.span)
			b.promote()
		}
		b.same("queued", b.drain(), []approvals.Item{deliver("R1"), followUp})
		if other, err := b.Store.Open(b.ctx, "R2", bob, "command R2", openingFor("role 1", never),
			approvals.Due{Item: followUp, After: b.span}); err != nil || other != "R1" {
			b.Errorf("%q, %v", other, err)
		}
		b.Advance(b.span)
		b.promote()
		b.same("queued for a request that was not opened", len(b.drain()), 0)
	}},
	{name: "a second request for the same subject is pointed at the first", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		for name, store := range map[string]approvals.Store{"this": b.Store, "another": b.Another} {
			other, err := store.Open(b.ctx, "R2", bob, "command R2", openingFor("role 1", b.span))
			if err != nil || other != "R1" {
				b.Errorf("%s process: %q, %v", name, other, err)
			}
		}
		_, _, err := b.Store.Load(b.ctx, "R2")
		b.is(err, approvals.ErrUnknownRequest)
		b.Advance(b.span)
		b.promote()
		b.same("what there is to do", len(b.drain()), 0)
	}},
	{name: "requests for different subjects stand side by side", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.opened("R2", "role 2", never)
		b.same("under way", []string{b.underWay("role 1"), b.underWay("role 2")}, []string{"R1", "R2"})
	}},
	{name: "the same id again changes nothing", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.drain()
		_, log := b.load("R1")
		for _, o := range []approvals.Opening{
			openingFor("role 1", never), openingFor("role 1", b.span), openingFor("role 2", b.span),
		} {
			if other, err := b.Store.Open(b.ctx, "R1", bob, "another command", o); err != nil || other != "" {
				b.Errorf("%q, %v", other, err)
			}
		}
		_, after := b.load("R1")
		b.same("the log", after, log)
		b.Advance(b.span)
		b.promote()
		b.same("what there is to do", len(b.drain()), 0)
		b.opened("R2", "role 2", never)
	}},
	{name: "the same id after its end stays ended and blocks nobody", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.move("R1", 1, approvals.EventDenied, approvals.StateDenied)
		if other, err := b.Store.Open(b.ctx, "R1", alice, "command R1", openingFor("role 1", never)); err != nil ||
			other != "" {
			b.Errorf("%q, %v", other, err)
		}
		if r, _ := b.load("R1"); r.State != approvals.StateDenied || r.Seq != 2 {
			b.Errorf("it is %s with %d events", r.State, r.Seq)
		}
		b.opened("R2", "role 1", never)
	}},
	{name: "a request stands in the way of another until it has ended", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		for n, step := range []struct {
			event approvals.EventType
			next  approvals.State
		}{
			{approvals.EventVoted, approvals.StateOpen},
			{approvals.EventApproved, approvals.StateApproved},
			{approvals.EventStarted, approvals.StateExecuting},
		} {
			b.move("R1", int64(n)+1, step.event, step.next)
			if got := b.underWay("role 1"); got != "R1" {
				b.Errorf("%s: under way is %q", step.next, got)
			}
		}
		b.move("R1", 4, approvals.EventApplied, approvals.StateApplied)
		b.opened("R2", "role 1", never)
		b.same("under way", b.underWay("role 1"), "R2")
	}},
	{name: "every end makes way", test: func(b *bench) {
		for i, end := range []struct {
			event approvals.EventType
			next  approvals.State
		}{
			{approvals.EventDenied, approvals.StateDenied},
			{approvals.EventCancelled, approvals.StateCancelled},
			{approvals.EventExpired, approvals.StateExpired},
			{approvals.EventFailed, approvals.StateFailed},
		} {
			id := fmt.Sprint("R", i)
			b.opened(id, "role 1", never)
			b.move(id, 1, end.event, end.next)
		}
		b.opened("R5", "role 1", never)
		b.move("R5", 1, approvals.EventApproved, approvals.StateApproved)
		b.move("R5", 2, approvals.EventVoided, approvals.StateVoid)
		b.opened("R6", "role 1", never)
	}},
	{name: "a request for another measure on the same subject is not blocked", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		lock := openingFor("role 1", never)
		for id, purpose := range map[string]approvals.Purpose{"R2": approvals.Lock.Do(), "R3": approvals.Lock.Undo()} {
			lock.Purpose = purpose
			other, err := b.Store.Open(b.ctx, id, bob, "command "+id, lock)
			if _, _, known := b.Store.Load(b.ctx, id); err != nil || (other == "") != (known == nil) || other == "R1" {
				b.Errorf("%s: %q, %v", id, other, err)
			}
		}
		history, err := b.Store.History(b.ctx, "role 1", 10)
		if err != nil || len(history) != 2 {
			b.Errorf("the subject's history: %v, %v", history, err)
		}
	}},
	{name: "the end of a drill makes way", test: func(b *bench) {
		drill := openingFor("drill/role 1", never)
		drill.Purpose = approvals.Revoke.Drill()
		for _, id := range []string{"R1", "R2"} {
			if other, err := b.Store.Open(b.ctx, id, alice, "command "+id, drill); err != nil || other != "" {
				b.Fatalf("%s: %q, %v", id, other, err)
			}
			b.move(id, 1, approvals.EventApproved, approvals.StateApproved)
			b.move(id, 2, approvals.EventRehearsed, approvals.StateRehearsed)
		}
		if r, _ := b.load("R2"); r.State != approvals.StateRehearsed || r.Purpose.Mode() != approvals.ModeDrill {
			b.Errorf("it is %s, for %s", r.State, r.Purpose)
		}
	}},
	{name: "another process sees it", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		r, events, err := b.Another.Load(b.ctx, "R1")
		if err != nil || r.State != approvals.StateOpen || len(events) != 1 {
			b.Errorf("it sees %s with %d events, %v", r.State, len(events), err)
		}
	}},
	{name: "a request without an id, a requester, a subject or a time to decide is none", test: func(b *bench) {
		purposeless := openingFor("role 1", never)
		purposeless.Purpose = approvals.PurposeUnknown
		for _, bad := range []struct {
			id, by string
			o      approvals.Opening
		}{
			{"", alice, openingFor("role 1", never)},
			{"R1", "", openingFor("role 1", never)},
			{"R1", alice, openingFor("", never)},
			{"R1", alice, openingFor("role 1", 0)},
			{"R1", alice, openingFor("role 1", -time.Second)},
			{"R1", alice, approvals.Opening{}},
			{"R1", alice, purposeless},
		} {
			if _, err := b.Store.Open(b.ctx, bad.id, bad.by, "", bad.o); err == nil {
				b.Errorf("opened: %+v", bad)
			}
		}
		b.same("what there is to do", len(b.drain()), 0)
		b.opened("R1", "role 1", never)
	}},
	{name: "a request that nobody opened is unknown", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		for _, id := range []string{"R2", ""} {
			_, _, err := b.Store.Load(b.ctx, id)
			b.is(err, approvals.ErrUnknownRequest)
		}
	}},
}

// move commits one event, by nobody or, where it counts as an approval, by one more person.
func (b *bench) move(id string, expect int64, event approvals.EventType, next approvals.State) {
	b.Helper()
	b.commit(approvals.Transition{
		RequestID: id, Expect: expect, Next: next,
		Events: []approvals.Event{{Type: event, By: fmt.Sprint("U0", expect), Source: fmt.Sprint("step ", expect)}},
	})
}

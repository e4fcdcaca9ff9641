package approvalstest

import (
	"encoding/json"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// condemnation keeps the first of three events of R1 and replaces the others.
func (b *bench) condemnation(at time.Time) approvals.Condemnation {
	b.Helper()
	_, log := b.load("R1")
	return approvals.Condemnation{
		RequestID: "R1", Entries: 3, Trusted: 1, Next: approvals.StateFailed,
		Subjects: []string{"role 1/revoke"},
		Events: []approvals.Event{
			log[0],
			{Seq: 2, Type: approvals.EventUntrusted, At: at},
			{Seq: 3, Type: approvals.EventUntrusted, At: at},
			{Seq: 4, Type: approvals.EventForged, Source: "forged R1", Detail: json.RawMessage(`{"event":2}`), Seal: "a seal"},
		},
	}
}

var condemning = []sentence{
	{name: "what is not to be trusted is replaced, the request ends, and its subject is free", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approval(1))
		b.drain()
		_, before := b.load("R1")
		if err := b.Store.Condemn(b.ctx, b.condemnation(before[1].At)); err != nil {
			b.Fatal(err)
		}
		r, events := b.load("R1")
		b.same("the state", r.State, approvals.StateFailed)
		b.same("the log", types(events), []approvals.EventType{
			approvals.EventRequested, approvals.EventUntrusted, approvals.EventUntrusted, approvals.EventForged,
		})
		b.same("what stays", events[0], before[0])
		b.same("the time of what was replaced", events[1].At, before[1].At)
		b.same("the seal is kept", events[3].Seal != "", true)
		b.same("the work", kinds(b.drain()), []string{approvals.KindDeliver})
		b.opened("R2", "role 1", never)
		b.is(b.Store.Commit(b.ctx, approval(3)), approvals.ErrConflict)
	}},
	{name: "a log that has changed since it was read is read again", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.unchanged(approvals.ErrConflict, func() error { return b.Store.Condemn(b.ctx, b.condemnation(time.Time{})) })
	}},
	{name: "a second time is a conflict", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approval(1))
		if err := b.Store.Condemn(b.ctx, b.condemnation(time.Time{})); err != nil {
			b.Fatal(err)
		}
		b.unchanged(approvals.ErrConflict, func() error { return b.Another.Condemn(b.ctx, b.condemnation(time.Time{})) })
	}},
	{name: "what happens afterwards goes on in the same log", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approval(1))
		if err := b.Store.Condemn(b.ctx, b.condemnation(time.Time{})); err != nil {
			b.Fatal(err)
		}
		b.commit(approvals.Transition{RequestID: "R1", Expect: approvals.AppendOnly, Events: []approvals.Event{
			{Type: approvals.EventShutOut, Source: "shut", Seal: "another seal"},
		}})
		_, events := b.load("R1")
		b.same("the last event", []any{events[4].Type, events[4].Seal != ""}, []any{approvals.EventShutOut, true})
	}},
	{name: "a log of which nothing else is known goes on as well", test: func(b *bench) {
		if err := b.Store.Condemn(b.ctx,
			approvals.Condemnation{RequestID: "R9", Next: approvals.StateFailed, Events: []approvals.Event{
				{Seq: 1, Type: approvals.EventForged, Source: "forged R9", Detail: json.RawMessage(`{"event":1}`)},
			}}); err != nil {
			b.Fatal(err)
		}
		b.commit(approvals.Transition{
			RequestID: "R9", Expect: approvals.AppendOnly, Events: []approvals.Event{
				{Type: approvals.EventShutOut, Source: "shut"},
			},
		})
		_, events := b.load("R9")
		b.same("the log", types(events), []approvals.EventType{approvals.EventForged, approvals.EventShutOut})
	}},
	{name: "the subject that the request was opened for is free, whatever its log says of it", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approval(1))
		c := b.condemnation(time.Time{})
		c.Subjects = []string{"role 2/revoke"}
		if err := b.Store.Condemn(b.ctx, c); err != nil {
			b.Fatal(err)
		}
		b.opened("R2", "role 1", never)
	}},
	{name: "what was replaced can be told again, and what stays cannot", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		b.commit(approval(1))
		if err := b.Store.Condemn(b.ctx, b.condemnation(time.Time{})); err != nil {
			b.Fatal(err)
		}
		for _, source := range []string{"command R1", "envelope 1", "envelope 2", "envelope 2"} {
			b.commit(approvals.Transition{
				RequestID: "R1", Expect: approvals.AppendOnly, Events: []approvals.Event{
					{Type: approvals.EventRefused, By: bob, Source: source},
				},
			})
		}
		_, events := b.load("R1")
		b.same("the log after what was condemned", types(events[4:]), []approvals.EventType{
			approvals.EventRefused, approvals.EventRefused,
		})
	}},
}

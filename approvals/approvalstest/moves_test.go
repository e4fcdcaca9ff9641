package approvalstest

import (
	"fmt"
	"slices"

	"github.com/revokebot/revokebot/approvals"
)

// leads is where each move leads.
var leads = map[approvals.EventType]approvals.State{
	approvals.EventRequested: approvals.StateOpen, approvals.EventVoted: approvals.StateOpen,
	approvals.EventApproved: approvals.StateApproved, approvals.EventDenied: approvals.StateDenied,
	approvals.EventCancelled: approvals.StateCancelled, approvals.EventExpired: approvals.StateExpired,
	approvals.EventStarted: approvals.StateExecuting, approvals.EventApplied: approvals.StateApplied,
	approvals.EventFailed: approvals.StateFailed, approvals.EventVoided: approvals.StateVoid,
	approvals.EventRehearsed: approvals.StateRehearsed, approvals.EventAlsoAsked: approvals.StateOpen,
	approvals.EventHandedOver: approvals.StateOpen,
}

// way is how a request comes into a state, and which moves it makes from there.
type way struct {
	path  []approvals.EventType
	moves []approvals.EventType
}

// ways says in plain words, once more, what docs/state_machine.md draws.
var ways = map[approvals.State]way{
	approvals.StateOpen: {moves: []approvals.EventType{
		approvals.EventVoted, approvals.EventApproved, approvals.EventDenied, approvals.EventCancelled,
		approvals.EventExpired, approvals.EventFailed, approvals.EventAlsoAsked, approvals.EventHandedOver,
	}},
	approvals.StateApproved: {
		path: []approvals.EventType{approvals.EventApproved},
		moves: []approvals.EventType{
			approvals.EventStarted, approvals.EventFailed, approvals.EventVoided, approvals.EventRehearsed,
		},
	},
	approvals.StateExecuting: {
		path: []approvals.EventType{approvals.EventApproved, approvals.EventStarted},
		moves: []approvals.EventType{
			approvals.EventStarted, approvals.EventApplied, approvals.EventFailed, approvals.EventVoided,
		},
	},
	approvals.StateApplied: {
		path: []approvals.EventType{approvals.EventApproved, approvals.EventStarted, approvals.EventApplied},
	},
	approvals.StateRehearsed: {path: []approvals.EventType{approvals.EventApproved, approvals.EventRehearsed}},
	approvals.StateFailed:    {path: []approvals.EventType{approvals.EventFailed}},
	approvals.StateDenied:    {path: []approvals.EventType{approvals.EventDenied}},
	approvals.StateCancelled: {path: []approvals.EventType{approvals.EventCancelled}},
	approvals.StateExpired:   {path: []approvals.EventType{approvals.EventExpired}},
	approvals.StateVoid:      {path: []approvals.EventType{approvals.EventApproved, approvals.EventVoided}},
}

// step is one move of a request whose log has seq events.
func step(id string, seq int64, event approvals.EventType) approvals.Transition {
	return approvals.Transition{
		RequestID: id, Expect: seq, Next: leads[event],
		Events: []approvals.Event{{Type: event, By: bob, Source: fmt.Sprintf("%s %d", id, seq)}},
	}
}

// brought opens a request and brings it into a state, and returns how many events its log has.
// toward is what comes next: only a drill is rehearsed.
func (b *bench) brought(id string, to approvals.State, toward ...approvals.EventType) (seq int64) {
	b.Helper()
	b.asked(id, to == approvals.StateRehearsed || slices.Contains(toward, approvals.EventRehearsed))
	seq = 1
	for _, event := range ways[to].path {
		b.commit(step(id, seq, event))
		seq++
	}
	if r, _ := b.load(id); r.State != to {
		b.Fatalf("on the way to %s it is %s", to, r.State)
	}
	return seq
}

// asked opens a request, or a drill.
func (b *bench) asked(id string, drill bool) {
	b.Helper()
	o := openingFor("role "+id, never)
	if drill {
		o.Purpose = approvals.Revoke.Drill()
	}
	if other, err := b.Store.Open(b.ctx, id, alice, "command "+id, o); err != nil || other != "" {
		b.Fatalf("open %s: %q, %v", id, other, err)
	}
}

var moving = []sentence{
	{name: "the moves of the drawing are taken", test: func(b *bench) {
		for from, way := range ways {
			for _, event := range way.moves {
				id := fmt.Sprint(from, " ", event)
				seq := b.brought(id, from, event)
				b.commit(step(id, seq, event))
				if r, _ := b.load(id); r.State != leads[event] {
					b.Errorf("%s, %s: it is %s", from, event, r.State)
				}
			}
		}
	}},
	{name: "a move that is not in the drawing is illegal, and nothing of it is written", test: func(b *bench) {
		for _, from := range approvals.States() {
			id := string(from)
			seq := b.brought(id, from)
			b.promote()
			b.drain()
			for event := range leads {
				if slices.Contains(ways[from].moves, event) {
					continue
				}
				t := step(id, seq, event)
				t.Work, t.Due = []approvals.Item{execute}, []approvals.Due{{Item: followUp}}
				if err := b.Store.Commit(b.ctx, t); err == nil {
					b.Errorf("%s, %s: it was committed", from, event)
				} else {
					b.is(err, approvals.ErrIllegal)
				}
			}
			if r, events := b.load(id); r.State != from || int64(len(events)) != seq {
				b.Fatalf("%s: it is %s with %v", from, r.State, types(events))
			}
			b.promote()
			b.same("what there is to do", b.drain(), []approvals.Item(nil))
			if !from.Ended() {
				b.same("under way", b.underWay("role "+id), id)
			}
		}
	}},
	{name: "the events have to lead to the state that is said", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		for _, spoil := range []func(t *approvals.Transition){
			func(t *approvals.Transition) { t.Next = approvals.StateDenied },
			func(t *approvals.Transition) { t.Next = approvals.StateUnknown },
			func(t *approvals.Transition) { t.Expect, t.Next = approvals.AppendOnly, approvals.StateUnknown },
			func(t *approvals.Transition) { t.Events = remark("envelope 1") },
			func(t *approvals.Transition) { t.Events[0], t.Events[1] = t.Events[1], t.Events[0] },
			func(t *approvals.Transition) { t.Events[1].Type = approvals.EventRequested },
			func(t *approvals.Transition) {
				t.Events[1].Type, t.Next = approvals.EventApplied, approvals.StateApplied
			},
		} {
			b.unchanged(approvals.ErrIllegal, func() error {
				t := approval(1)
				spoil(&t)
				return b.Store.Commit(b.ctx, t)
			})
		}
	}},
	{name: "several moves in one step are taken as they follow one another", test: func(b *bench) {
		seq := b.brought("R1", approvals.StateApproved)
		t := step("R1", seq, approvals.EventStarted)
		t.Events = append(t.Events, approvals.Event{Type: approvals.EventDelayed},
			approvals.Event{Type: approvals.EventFailed})
		t.Next = approvals.StateFailed
		b.commit(t)
		if r, _ := b.load("R1"); r.State != approvals.StateFailed {
			b.Errorf("it is %s", r.State)
		}
	}},
	{name: "whoever was overtaken has a conflict, and whoever tells it again is told nothing new", test: func(b *bench) {
		b.opened("R1", "role 1", never)
		denial, cancellation := step("R1", 1, approvals.EventDenied), step("R1", 1, approvals.EventCancelled)
		cancellation.Events[0].Source = "another"
		b.commit(denial)
		b.unchanged(approvals.ErrConflict, func() error { return b.Store.Commit(b.ctx, cancellation) })
		b.is(b.Another.Commit(b.ctx, denial), nil)
		cancellation.Expect = 2
		b.unchanged(approvals.ErrIllegal, func() error { return b.Another.Commit(b.ctx, cancellation) })
	}},
}

package approvals_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/revokebot/revokebot/approvals"
)

func TestZeroValueStateIsNotAPass(t *testing.T) {
	var s approvals.State
	if s.Ended() || s == approvals.StateOpen || s.String() != "unknown" {
		t.Errorf("the unknown state is %v", s)
	}
	for _, next := range append(approvals.States(), approvals.StateUnknown) {
		if s.CanBecome(next) != (next == approvals.StateOpen) {
			t.Errorf("unknown can become %s: %v", next, s.CanBecome(next))
		}
		if next.CanBecome(approvals.StateUnknown) || next.CanBecome(next) {
			t.Errorf("%s can become unknown or itself", next)
		}
	}
}

func TestWhatHasEndedStaysAsItIs(t *testing.T) {
	for _, s := range approvals.States() {
		leaves := false
		for _, next := range approvals.States() {
			leaves = leaves || s.CanBecome(next)
		}
		if s.Ended() == leaves {
			t.Errorf("%s has ended: %v, and can become something: %v", s, s.Ended(), leaves)
		}
	}
}

func TestOnlyAnOpenRequestCanBeApproved(t *testing.T) {
	for _, s := range append(approvals.States(), approvals.StateUnknown, "nonsense") {
		if s.CanBecome(approvals.StateApproved) != (s == approvals.StateOpen) {
			t.Errorf("%s can become approved: %v", s, s.CanBecome(approvals.StateApproved))
		}
	}
}

func TestAStateThatDoesNotExistIsNothing(t *testing.T) {
	s := approvals.State("nonsense")
	if s.Ended() || s.String() != "nonsense" {
		t.Errorf("it is %v", s)
	}
	for _, next := range approvals.States() {
		if s.CanBecome(next) || next.CanBecome(s) {
			t.Errorf("nonsense and %s", next)
		}
	}
}

// What a store asks before it writes and what Fold makes of what it reads are one answer.
func TestATransitionComesFromTheStatesInWhichFoldTakesItsEvents(t *testing.T) {
	logs := func(purpose approvals.Purpose) map[approvals.State]log {
		open := askedFor(t, purpose, 5)
		approved := open.by(carol, approvals.EventApproved)
		out := map[approvals.State]log{
			approvals.StateOpen:      open,
			approvals.StateApproved:  approved,
			approvals.StateFailed:    open.then(approvals.EventFailed),
			approvals.StateDenied:    open.by(carol, approvals.EventDenied),
			approvals.StateCancelled: open.by(alice, approvals.EventCancelled),
			approvals.StateExpired:   open.then(approvals.EventExpired),
			approvals.StateVoid:      approved.then(approvals.EventVoided),
		}
		if purpose == approvals.Revoke.Drill() {
			out[approvals.StateRehearsed] = approved.then(approvals.EventRehearsed)
			return out
		}
		out[approvals.StateExecuting] = approved.then(approvals.EventStarted)
		out[approvals.StateApplied] = approved.then(approvals.EventStarted, approvals.EventApplied)
		return out
	}
	revocations, drills := logs(approvals.Revoke.Do()), logs(approvals.Revoke.Drill())
	events := append(slices.Collect(maps.Keys(approvals.Moves())), approvals.EventRefused)
	pairs := make([][]approvals.EventType, 0, len(events)*(len(events)+1))
	for _, first := range events {
		pairs = append(pairs, []approvals.EventType{first})
		for _, second := range events {
			pairs = append(pairs, []approvals.EventType{first, second})
		}
	}
	for _, pair := range pairs {
		for _, next := range append(approvals.States(), approvals.StateUnknown, "nonsense") {
			tr := approvals.Transition{Next: next}
			for _, event := range pair {
				tr.Events = append(tr.Events, approvals.Event{Type: event})
			}
			from := tr.From()
			of := revocations
			if slices.Contains(pair, approvals.EventRehearsed) {
				of = drills
			}
			for state, before := range of {
				after := before
				for _, event := range pair {
					after = after.by(bob, event)
					if event == approvals.EventRequested {
						after[len(after)-1].Detail = before[0].Detail
					}
				}
				r, err := approvals.Fold("R1", after)
				want := err == nil && (r.State == next || next == approvals.StateUnknown && r.State == state)
				if slices.Contains(from, state) != want {
					t.Errorf("%v to %q: from %s is %v, and the log comes to %s, %v", pair, next, state, !want, r.State, err)
				}
			}
		}
	}
}

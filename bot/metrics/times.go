package metrics

import (
	"context"
	"encoding/json"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// readWithin bounds the reading of a log whose times are taken. What is not read in time is not measured.
const readWithin = time.Second

// Proofs that a deny works, as the thread has them: stored, effective on paper, enforced.
const (
	proofReadBack   = "read_back"
	proofSimulated  = "simulated"
	proofSeenDenied = "seen_denied"
)

// time measures how long a revocation took, from its log, after a step that may have completed something.
func (s *store) time(ctx context.Context, t approvals.Transition) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	r, events, err := s.Store.Load(ctx, t.RequestID)
	if err != nil || r.Purpose != approvals.PurposeRevoke {
		return
	}
	// What was committed just now is at the end, unless others were quick; whatever it was, it is told by its type.
	committed := make(map[approvals.EventType]bool)
	for _, e := range t.Events {
		committed[e.Type] = true
	}
	approved, ok := first(events, func(e approvals.Event) bool { return e.Type == approvals.EventApproved })
	if !ok {
		return
	}
	if applied, ok := first(events, isApplied); ok && committed[approvals.EventApplied] {
		s.m.clickToDeny.WithLabelValues().Observe(seconds(clicked(ctx, approved), applied.At))
	}
	for proof, holds := range proofs {
		e, ok := first(events, holds)
		if ok && committed[e.Type] && (e.Source == "" || said(t, e.Source)) {
			s.m.proof.WithLabelValues(proof).Observe(seconds(approved.At, e.At))
		}
	}
}

// proofs tells the event that is each proof.
var proofs = map[string]func(approvals.Event) bool{
	proofReadBack: func(e approvals.Event) bool {
		var d record.ReadBack
		return e.Type == approvals.EventReadBack && json.Unmarshal(e.Detail, &d) == nil && d.Equal
	},
	proofSimulated: func(e approvals.Event) bool {
		var d record.Simulated
		return e.Type == approvals.EventSimulated && json.Unmarshal(e.Detail, &d) == nil && d.Before == record.DeniedByOurs
	},
	proofSeenDenied: func(e approvals.Event) bool {
		var d record.Enforcement
		return e.Type == approvals.EventSeenDenied && json.Unmarshal(e.Detail, &d) == nil && d.State == record.SeenDenied
	},
}

func isApplied(e approvals.Event) bool { return e.Type == approvals.EventApplied }

// first is the first event of which something holds.
func first(events []approvals.Event, holds func(approvals.Event) bool) (approvals.Event, bool) {
	for _, e := range events {
		if holds(e) {
			return e, true
		}
	}
	return approvals.Event{}, false
}

// said reports whether a transition has an event of that source.
func said(t approvals.Transition, source string) bool {
	for _, e := range t.Events {
		if e.Source == source {
			return true
		}
	}
	return false
}

// clicked is when the store had the click that completed an approval, if it is the item in hand. Where another item
// carried the revocation out, and where the click was put off in between, it is when the approval was recorded.
func clicked(ctx context.Context, approved approvals.Event) time.Time {
	item, ok := ctx.Value(inHand{}).(approvals.Item)
	if !ok || item.Source != approved.Source || item.Attempt > 0 || item.Queued.IsZero() || item.Queued.After(approved.At) {
		return approved.At
	}
	return item.Queued
}

func seconds(from, to time.Time) float64 { return max(0, to.Sub(from).Seconds()) }

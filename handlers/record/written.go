package record

import (
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/internal/times"
)

// Written is what a request has put on a principal, by its log.
type Written struct {
	// Changes are what was promised, oldest first. AWS may have taken each, although no answer came.
	Changes []contain.Change
	Cutoff  time.Time // the highest that AWS took; zero if it took none
	Planned time.Time // the highest that was planned or written; zero before there was a plan
	// Stands are the documents as AWS took them last.
	Stands []contain.Document
}

// Cutoff is the highest cutoff that AWS took for a request. It is zero when nothing was applied.
func Cutoff(events []approvals.Event) time.Time { return WrittenBy(events).Cutoff }

// WrittenBy folds the log of one request. An event that cannot be read changes nothing.
func WrittenBy(events []approvals.Event) Written {
	var w Written
	for _, e := range events {
		switch e.Type {
		case approvals.EventStarted:
			if d, err := Detail[Started](e); err == nil {
				w.Changes, w.Planned = append(w.Changes, d.Changes...), times.Later(w.Planned, d.Cutoff)
			}
		case approvals.EventTampered:
			if d, err := Detail[Tampered](e); err == nil {
				w.Changes = append(w.Changes, d.Changes...)
				w.Planned = times.Later(w.Planned, times.Later(d.Cutoff, d.Promise))
			}
		case approvals.EventApplied, approvals.EventRewritten:
			if d, err := Detail[Applied](e); err == nil { // whose members Rewritten has, too
				w.Cutoff, w.Planned = times.Later(w.Cutoff, d.Cutoff), times.Later(w.Planned, d.Cutoff)
				w.Stands = d.There
			}
		}
	}
	return w
}

// Documents are what was promised.
func (w Written) Documents() []contain.Document {
	docs := make([]contain.Document, len(w.Changes))
	for i, c := range w.Changes {
		docs[i] = contain.Document{Slot: c.Slot, Text: c.After}
	}
	return docs
}

// Last is the document of each kind of slot that was promised last: where a document that moved
// stands now.
func (w Written) Last() []contain.Document {
	var last []contain.Document
	for _, d := range slices.Backward(w.Documents()) {
		if !slices.ContainsFunc(last, func(l contain.Document) bool { return l.Slot.Kind == d.Slot.Kind }) {
			last = append(last, d)
		}
	}
	return last
}

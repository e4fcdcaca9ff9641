package record

import (
	"encoding/json"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/internal/times"
)

// Written is what a request has put on a principal, by its log.
type Written struct {
	// Document is the policy that was written last. One that was only planned counts: AWS may have
	// taken it although no answer came.
	Document string
	Previous string    // what was there before the first write, "" for nothing; never an earlier write of the same request
	Cutoff   time.Time // the highest that AWS took; zero if it took none
	Planned  time.Time // the highest that was planned or written; zero before there was a plan
}

// Cutoff is the highest cutoff that AWS took for a request. It is zero when nothing was applied.
func Cutoff(events []approvals.Event) time.Time { return WrittenBy(events).Cutoff }

// WrittenBy folds the log of one request. An event that cannot be read changes nothing.
func WrittenBy(events []approvals.Event) Written {
	var w Written
	before := make(map[string]string) // what was there before each document
	for _, e := range events {
		switch e.Type {
		case approvals.EventStarted, approvals.EventApplied, approvals.EventTampered, approvals.EventRewritten:
		default:
			continue
		}
		var d struct {
			Document string    `json:"document"`
			Previous string    `json:"previous"`
			Cutoff   time.Time `json:"cutoff"`
			Promise  time.Time `json:"promise"`
		}
		if json.Unmarshal(e.Detail, &d) != nil {
			continue
		}
		w.Planned = times.Later(w.Planned, times.Later(d.Cutoff, d.Promise))
		if e.Type == approvals.EventApplied || e.Type == approvals.EventRewritten {
			w.Cutoff = times.Later(w.Cutoff, d.Cutoff)
		}
		if d.Document == "" {
			continue
		}
		w.Document = d.Document
		if e.Type != approvals.EventStarted {
			continue // whoever works against the policy put there what this replaced
		}
		w.Previous = d.Previous
		if earlier, own := before[d.Previous]; own {
			w.Previous = earlier // an earlier try wrote it
		}
		before[d.Document] = w.Previous
	}
	return w
}

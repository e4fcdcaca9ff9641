package approvals_test

import (
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// BenchmarkDecide decides a click that counts, of an open request: the approval that it needs.
func BenchmarkDecide(b *testing.B) {
	r, err := approvals.Fold("R1", asked(b, 1))
	if err != nil {
		b.Fatal(err)
	}
	attempt, now := click(approvals.ActionApprove, carol), opened.Add(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		if d := approvals.Decide(r, card, attempt, policy, now); d.Event.Type != approvals.EventApproved {
			b.Fatal(d.Refusal)
		}
	}
}

// BenchmarkFold folds the log of a revocation that was looked at for half an hour.
func BenchmarkFold(b *testing.B) {
	events := asked(b, 1).by(bob, approvals.EventApproved).then(approvals.EventStarted, approvals.EventApplied)
	for range 30 {
		events = events.then(approvals.EventEvidence)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := approvals.Fold("R1", events); err != nil {
			b.Fatal(err)
		}
	}
}

package metrics

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// readWithin bounds the reading of a log whose times are taken. What is not read in time is not
// measured.
const readWithin = time.Second

// Proofs that a policy works, as the thread has them: verified, simulated, seen blocked.
const (
	proofReadBack   = "read_back"
	proofSimulated  = "simulated"
	proofSeenDenied = "seen_denied"
)

// timeDeny measures how long a revocation took to its deny, and to the read-back that is recorded
// with it.
func (s *store) timeDeny(ctx context.Context, t approvals.Transition) {
	if t.Of.Purpose.Mode() != approvals.ModeDo || len(t.Of.Votes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	applied, err := s.Store.Now(ctx)
	if err != nil {
		return
	}
	s.m.observe("click_to_deny_seconds", seconds(clicked(ctx, t.Of), applied))
	if slices.ContainsFunc(t.Events, isReadBack) {
		s.m.observe("time_to_proof_seconds", seconds(approvedAt(t.Of), applied), proofReadBack)
	}
}

// timeApproval measures how long people took to approve.
func (s *store) timeApproval(ctx context.Context, t approvals.Transition) {
	if t.Of.Purpose.Mode() == approvals.ModeDrill {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	if approved, err := s.Store.Now(ctx); err == nil {
		s.m.observe("request_to_approval_seconds", seconds(t.Of.Asked, approved))
	}
}

// verdict counts a verdict, unless the one before it had the same word.
func (s *store) verdict(ctx context.Context, id string, e approvals.Event) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	_, events, err := s.Store.Load(ctx, id)
	if err != nil {
		return
	}
	var before, now record.Conclusion
	for _, one := range events {
		if one.Type == approvals.EventVerdict && one.Source != e.Source {
			before = record.Conclusion{}
			_ = json.Unmarshal(one.Detail, &before) // what cannot be read is no verdict
		}
	}
	if json.Unmarshal(e.Detail, &now) == nil && now.Word != before.Word {
		s.m.counter("verdicts_total", s.m.word(now.Word)).Inc()
	}
}

// word is a verdict as a label.
func (m *Metrics) word(w record.Word) string {
	return m.words.of("verdict", strings.ReplaceAll(string(w), " ", "_"))
}

// timeProof measures how long a proof took that came after the policy. Each counts once, so the log
// says whether it is new.
func (s *store) timeProof(ctx context.Context, id string, proven approvals.Event) {
	proof, holds := proofSimulated, isSimulated
	if proven.Type == approvals.EventSeenDenied {
		proof, holds = proofSeenDenied, isSeenDenied
	}
	if !holds(proven) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	r, events, err := s.Store.Load(ctx, id)
	if err != nil || r.Purpose.Mode() != approvals.ModeDo || len(r.Votes) == 0 {
		return
	}
	if i := slices.IndexFunc(events, holds); i >= 0 && events[i].Source == proven.Source {
		s.m.observe("time_to_proof_seconds", seconds(approvedAt(r), events[i].At), proof)
	}
}

func isReadBack(e approvals.Event) bool {
	var d record.ReadBack
	return e.Type == approvals.EventReadBack && json.Unmarshal(e.Detail, &d) == nil && d.Equal
}

func isSimulated(e approvals.Event) bool {
	var d record.Simulated
	return e.Type == approvals.EventSimulated && json.Unmarshal(e.Detail, &d) == nil && d.Blocks()
}

func isSeenDenied(e approvals.Event) bool {
	var d record.Enforcement
	return e.Type == approvals.EventSeenDenied && json.Unmarshal(e.Detail, &d) == nil && d.State == record.SeenDenied
}

// approvedAt is when the approval was recorded that was still missing.
func approvedAt(r approvals.Request) time.Time { return r.Votes[len(r.Votes)-1].At }

// clicked is when the store had the click that completed the approval of a request, if it is the
// item in hand. Where another item carried the revocation out, and where the click was put off in
// between, it is when the approval was recorded.
func clicked(ctx context.Context, r approvals.Request) time.Time {
	approved := approvedAt(r)
	item, ok := ctx.Value(inHand{}).(approvals.Item)
	if !ok || !r.Has(item.Source) || item.Attempt > 0 || item.Queued.IsZero() || item.Queued.After(approved) {
		return approved
	}
	return item.Queued
}

func seconds(from, to time.Time) float64 { return max(0, to.Sub(from).Seconds()) }

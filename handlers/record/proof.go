package record

import (
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// Proof is what the log has of each fact. What was seen before the policy was written again does
// not speak for it any more.
type Proof struct {
	Cutoff    time.Time // zero of what has none
	Since     time.Time // as in Holding
	ReadBack  *ReadBack
	Lost      *Tampered // what a check found instead of the policy, until it is written again
	Rewrites  int
	Simulated *Simulated
	Seen      *Enforcement
	Held      *Held
	UndoneAt  time.Time
}

// Proven folds a log. An event that cannot be read proves nothing.
func Proven(events []approvals.Event) Proof {
	var p Proof
	for _, e := range events {
		switch e.Type {
		case approvals.EventApplied:
			if a := Known[Applied](e); a != nil {
				p.Cutoff, p.Since = a.Cutoff, since(a.Cutoff, a.At, e)
				if len(a.Refused) > 0 {
					p.ReadBack = &ReadBack{Error: "AWS refused a part of it, which is not there."}
				}
			}
		case approvals.EventReadBack:
			if p.ReadBack == nil || p.ReadBack.Equal { // of several documents, the worst counts
				p.ReadBack = Known[ReadBack](e)
			}
		case approvals.EventTampered:
			if t := Known[Tampered](e); t != nil {
				p.Lost, p.Held = t, nil
			}
		case approvals.EventRewritten:
			if w := Known[Rewritten](e); w != nil {
				p = Proof{
					Cutoff: w.Cutoff, Since: since(w.Cutoff, w.At, e), Rewrites: p.Rewrites + 1, ReadBack: &w.Back,
				}
			}
		case approvals.EventSimulated:
			if s := Known[Simulated](e); s != nil && s.Cutoff.Equal(p.Cutoff) {
				p.Simulated = s
			}
		case approvals.EventSeenDenied:
			p.Seen = Known[Enforcement](e)
		case approvals.EventHeld:
			if p.Held = Known[Held](e); p.Held != nil {
				p.Lost = nil
			}
		case approvals.EventUndone:
			p.UndoneAt = e.At
		}
	}
	return p
}

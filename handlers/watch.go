package handlers

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
)

// Kinds of items that follow an applied revocation.
const (
	KindSimulate = "simulate" // ask the policy simulator
	KindGuard    = "guard"    // look whether the deny is still there
	KindCulprit  = "culprit"  // ask CloudTrail who changed it
)

// look is the body of a guard item.
type look struct {
	After time.Duration `json:"after"`          // since the deny was applied, or since it was written again
	Last  bool          `json:"last,omitempty"` // of all
}

// notYet puts off what is said to be the last of some looks until their plan is over, counted from when the deny was applied:
// an item is not signed, and the last look says what all of them came to. nil: it is time.
func notYet(r approvals.Request, now time.Time, plan []time.Duration) error {
	if len(plan) == 0 {
		return nil
	}
	if left := slices.Max(plan) - now.Sub(r.Ended); left > 0 {
		return &Again{After: left, Busy: true}
	}
	return nil
}

// soon is when the deny is looked at after it had to be written again: who removed it once comes back within a second.
var soon = []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second}

// watch queues what follows when a deny was applied: the simulation, and the looks of the guard. seen says that the deny
// was read back as written; if not, the first look comes soon.
func (h *Handlers) watch(t *approvals.Transition, request string, seen bool) {
	t.Work = append(t.Work, approvals.Item{Kind: KindSimulate, Request: request, Source: "simulate 0"})
	for i, after := range h.Guard {
		t.Due = append(t.Due, lookDue(request, fmt.Sprintf("guard %d", i+1), look{After: after, Last: i == len(h.Guard)-1}))
	}
	if !seen && len(h.Guard) > 0 {
		looksSoon(t, request, 0, false)
	}
}

// looksSoon queues the looks after a rewrite; last says that the final one of them is the last of all.
func looksSoon(t *approvals.Transition, request string, rewrite int, last bool) {
	for i, after := range soon {
		l := look{After: after, Last: last && i == len(soon)-1}
		t.Due = append(t.Due, lookDue(request, fmt.Sprintf("guard %d.%d", rewrite, i+1), l))
	}
}

func lookDue(request, source string, l look) approvals.Due {
	return approvals.Due{After: l.After, Item: approvals.Item{Kind: KindGuard, Request: request, Source: source, Body: body(l)}}
}

// explained is what an error means to people.
func explained(err error) string {
	return cmp.Or(aws.Explain(err), "The log has the reason.")
}

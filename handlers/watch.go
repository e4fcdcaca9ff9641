package handlers

import (
	"context"
	"encoding/json"
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

// early puts off what is said to be the last of some looks until their plan is over, counted from when the deny was applied:
// an item is not signed, and the last look says what all of them came to. nil: it is time.
func early(r approvals.Request, now time.Time, plan []time.Duration) error {
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
func (h *Handlers) watch(t *approvals.Transition, r approvals.Request, seen bool) error {
	t.RequestID = r.ID
	t.Work = append(t.Work, approvals.Item{Kind: KindSimulate, Request: r.ID, Source: "simulate 0"})
	for i, after := range h.Guard {
		due, err := lookDue(t.RequestID, fmt.Sprintf("guard %d", i+1), look{After: after, Last: i == len(h.Guard)-1})
		if err != nil {
			return err
		}
		t.Due = append(t.Due, due)
	}
	if seen || len(h.Guard) == 0 {
		return nil
	}
	return looksSoon(t, 0, false)
}

// looksSoon queues the looks after a rewrite; last says that the final one of them is the last of all.
func looksSoon(t *approvals.Transition, rewrite int, last bool) error {
	for i, after := range soon {
		due, err := lookDue(t.RequestID, fmt.Sprintf("guard %d.%d", rewrite, i+1), look{After: after, Last: last && i == len(soon)-1})
		if err != nil {
			return err
		}
		t.Due = append(t.Due, due)
	}
	return nil
}

func lookDue(request, source string, l look) (approvals.Due, error) {
	body, err := json.Marshal(l)
	if err != nil {
		return approvals.Due{}, fmt.Errorf("plan a look: %w", err)
	}
	return approvals.Due{After: l.After, Item: approvals.Item{Kind: KindGuard, Request: request, Source: source, Body: body}}, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// remark appends an event that moves nothing. What came from the same source before is there already.
func (h *Handlers) remark(ctx context.Context, id string, typ approvals.EventType, source string, detail any) error {
	t := approvals.Transition{RequestID: id, Expect: approvals.AppendOnly}
	if err := add(&t, typ, source, detail); err != nil {
		return err
	}
	return h.Store.Commit(ctx, t)
}

// add puts an event into a transition.
func add(t *approvals.Transition, typ approvals.EventType, source string, detail any) error {
	raw, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("record %s: %w", typ, err)
	}
	t.Events = append(t.Events, approvals.Event{Type: typ, Source: source, Detail: raw})
	return nil
}

// explained is what an error means to people.
func explained(err error) string {
	if text := aws.Explain(err); text != "" {
		return text
	}
	return "The log has the reason."
}

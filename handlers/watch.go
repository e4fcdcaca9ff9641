package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/record"
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

// duty says whether the deny of a request is to be kept on the role.
type duty struct {
	ended bool // it was not applied, or is undone, itself or with a later one that had written over it
	later bool // a later revocation of the role looks after it
	busy  bool // another request is about to write, or to undo; that can still fail
	// floor is the highest cutoff that a revocation of this role has promised and nobody has undone: no lower one is
	// ever to be written.
	floor time.Time
}

// off reports whether this request's looks have nothing to do any more.
func (d duty) off() bool { return d.ended || d.later }

// knownRequests is how many requests for a role are looked at; the store keeps as many.
const knownRequests = 50

// onDuty reads what other requests for the same role came to.
func (h *Handlers) onDuty(ctx context.Context, r approvals.Request, events []approvals.Event) (duty, error) {
	d := duty{ended: r.Purpose != approvals.PurposeRevoke || r.State != approvals.StateApplied, floor: promisedBy(events)}
	for _, e := range events {
		d.ended = d.ended || e.Type == approvals.EventUndone
	}
	ids, err := h.Store.History(ctx, r.Subject.Key, knownRequests)
	if err != nil || d.ended {
		return d, err
	}
	type other struct {
		request approvals.Request
		events  []approvals.Event
	}
	var others []other
	undone := make(map[string]bool)
	own := d.floor
	for _, id := range ids {
		if id == r.ID {
			continue
		}
		o, log, err := h.Store.Load(ctx, id)
		if errors.Is(err, approvals.ErrUnknownRequest) {
			continue
		}
		if err != nil {
			return duty{}, err
		}
		if o.Purpose == approvals.PurposeUndo && o.State == approvals.StateApplied {
			undone[o.About] = true
			d.ended = d.ended || o.About == r.ID || o.Ended.After(r.Ended) && h.leaves(o).Before(own)
		}
		d.busy = d.busy || o.State == approvals.StateApproved || o.State == approvals.StateExecuting
		others = append(others, other{o, log})
	}
	for _, o := range others {
		if o.request.Purpose != approvals.PurposeRevoke || undone[o.request.ID] {
			continue
		}
		switch o.request.State {
		case approvals.StateApplied:
			d.later = d.later || o.request.Ended.After(r.Ended)
			d.floor = latest(d.floor, promisedBy(o.events))
		case approvals.StateExecuting:
			d.floor = latest(d.floor, promisedBy(o.events))
		}
	}
	return d, nil
}

// leaves is the cutoff of the deny that a request to undo leaves on the role, zero for none.
func (h *Handlers) leaves(undo approvals.Request) time.Time {
	c, err := h.context(undo)
	if err != nil || c.Undo == nil {
		return time.Time{}
	}
	return c.Undo.RestoreCutoff
}

// promisedBy is the highest cutoff in a request's log, promised or written.
func promisedBy(events []approvals.Event) time.Time {
	cutoff := record.Cutoff(events)
	for _, e := range events {
		var promise struct {
			Cutoff  time.Time `json:"cutoff"`
			Promise time.Time `json:"promise"`
		}
		if e.Type != approvals.EventStarted && e.Type != approvals.EventTampered || json.Unmarshal(e.Detail, &promise) != nil {
			continue
		}
		cutoff = latest(cutoff, latest(promise.Cutoff, promise.Promise))
	}
	return cutoff
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

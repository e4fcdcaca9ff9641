package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
)

// maxDecisions is how often a change is decided while others change the same request at the same
// time.
const maxDecisions = 25

// view is a request as it is decided on.
type view struct {
	request approvals.Request
	events  []approvals.Event
	card    string    // the message that is its card, "" when it is not known yet
	now     time.Time // the store's clock, before the rest was read
}

// view reads a request, where its card is, and the time, side by side.
func (h *Handlers) view(ctx context.Context, id string) (v view, err error) {
	var reads errgroup.Group
	reads.Go(func() (err error) { v.request, v.events, err = h.Store.Load(ctx, id); return err })
	reads.Go(func() (err error) { v.now, err = h.Store.Now(ctx); return err })
	var delivered approvals.Delivery
	reads.Go(func() (err error) { delivered, err = h.Store.Delivered(ctx, id); return err })
	err = reads.Wait()
	v.card = delivered.Card
	return v, err
}

// change reads a request, decides what to do with it, and commits that. decide is called again with
// the request as it is then when others changed it in between, or its deadline passed: it changes
// nothing but what its caller keeps of the last call.
//
// A transition without events is none. Whose it is, what it was decided on and, unless it only
// appends, what it expects are set here.
func (h *Handlers) change(ctx context.Context, id string, decide func(view) (approvals.Transition, error)) error {
	v, err := h.view(ctx, id)
	if err != nil {
		return err
	}
	return h.changeFrom(ctx, v, decide)
}

// changeFrom is change for a request that was read before.
func (h *Handlers) changeFrom(ctx context.Context, v view, decide func(view) (approvals.Transition, error)) error {
	id := v.request.ID
	for range maxDecisions {
		t, err := decide(v)
		if err != nil || len(t.Events) == 0 {
			return err
		}
		t.RequestID, t.Of = id, v.request
		if t.Expect != approvals.AppendOnly {
			t.Expect = v.request.Seq
		}
		if err = h.Store.Commit(ctx, t); !errors.Is(err, approvals.ErrConflict) && !errors.Is(err, approvals.ErrTooLate) {
			return err
		}
		if v, err = h.view(ctx, id); err != nil {
			return err
		}
	}
	h.log.WarnContext(ctx, "a request changes faster than it is decided on", "request", id)
	return &Again{After: time.Second}
}

// remark appends an event that moves nothing. What came from the same source before is there
// already.
func (h *Handlers) remark(ctx context.Context, id string, typ approvals.EventType, source string, detail any) error {
	t := appending(id)
	if err := add(&t, typ, source, detail); err != nil {
		return err
	}
	return h.Store.Commit(ctx, t)
}

// note records something that belongs to no request.
func (h *Handlers) note(ctx context.Context, typ approvals.EventType, by, source string, detail any) error {
	var t approvals.Transition
	if err := addBy(&t, typ, by, source, detail); err != nil {
		return err
	}
	return h.Store.Note(ctx, t.Events[0])
}

// appending is a transition that is appended to whatever is there.
func appending(id string) approvals.Transition {
	return approvals.Transition{RequestID: id, Expect: approvals.AppendOnly}
}

// add puts an event into a transition.
func add(t *approvals.Transition, typ approvals.EventType, source string, detail any) error {
	return addBy(t, typ, "", source, detail)
}

// addBy puts an event into a transition that is somebody's act.
func addBy(t *approvals.Transition, typ approvals.EventType, by, source string, detail any) error {
	raw, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("record %s: %w", typ, err)
	}
	t.Events = append(t.Events, approvals.Event{Type: typ, By: by, Source: source, Detail: raw})
	return nil
}

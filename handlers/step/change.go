package step

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// maxDecisions is how often a change is decided while others change the same request at the same
// time.
const maxDecisions = 25

// View reads a request, where its card is, and the time, side by side.
func (s Requests) View(ctx context.Context, id string) (v record.View, err error) {
	var reads errgroup.Group
	reads.Go(func() (err error) { v, err = s.Read(ctx, id); return err })
	var delivered approvals.Delivery
	reads.Go(func() (err error) { delivered, err = s.Store.Delivered(ctx, id); return err })
	err = reads.Wait()
	v.Card = delivered.Card
	return v, err
}

// Read is View without the card.
func (s Requests) Read(ctx context.Context, id string) (v record.View, err error) {
	var reads errgroup.Group
	reads.Go(func() (err error) { v.Request, v.Events, err = s.Store.Load(ctx, id); return err })
	reads.Go(func() (err error) { v.Now, err = s.Store.Now(ctx); return err })
	err = reads.Wait()
	return v, err
}

// UnderWay reports whether a request is approved and has not ended.
func UnderWay(v record.View) bool {
	return v.Request.State == approvals.StateApproved || v.Request.State == approvals.StateExecuting
}

// Opened reports whether a request waits to be decided.
func Opened(v record.View) bool { return v.Request.State == approvals.StateOpen }

// Change reads a request, decides what to do with it, and commits that. decide is called again with
// the request as it is then when others changed it in between, or its deadline passed: it changes
// nothing but what its caller keeps of the last call.
//
// What decide is given at first has no card. A transition without events is none. Whose it is, what
// it was decided on and, unless it only appends, what it expects are set here.
func (s Requests) Change(ctx context.Context, id string, decide func(record.View) (approvals.Transition, error)) error {
	v, err := s.Read(ctx, id)
	if err != nil {
		return err
	}
	return s.ChangeFrom(ctx, v, decide)
}

// ChangeFrom is Change for a request that was read before.
func (s Requests) ChangeFrom(
	ctx context.Context, v record.View, decide func(record.View) (approvals.Transition, error),
) error {
	id := v.Request.ID
	for range maxDecisions {
		t, err := decide(v)
		if err != nil || len(t.Events) == 0 {
			return err
		}
		t.RequestID, t.Of = id, v.Request
		if t.Expect != approvals.AppendOnly {
			t.Expect = v.Request.Seq
		}
		if err = s.Store.Commit(ctx, t); !errors.Is(err, approvals.ErrConflict) && !errors.Is(err, approvals.ErrTooLate) {
			return err
		}
		if v, err = s.View(ctx, id); err != nil {
			return err
		}
	}
	s.Log.WarnContext(ctx, "a request changes faster than it is decided on", "request", id)
	return &Again{After: time.Second}
}

// Remark appends an event that moves nothing. What came from the same source before is there
// already.
func (s Requests) Remark(ctx context.Context, id string, typ approvals.EventType, source string, detail any) error {
	t := Appending(id)
	Add(&t, typ, source, detail)
	return s.Store.Commit(ctx, t)
}

// Note records something that belongs to no request.
func (s Requests) Note(ctx context.Context, typ approvals.EventType, by, source string, detail any) error {
	return s.Store.Note(ctx, approvals.Event{Type: typ, By: by, Source: source, Detail: record.Encode(detail)})
}

// Appending is a transition that is appended to whatever is there.
func Appending(id string) approvals.Transition {
	return approvals.Transition{RequestID: id, Expect: approvals.AppendOnly}
}

// Add puts an event into a transition.
func Add(t *approvals.Transition, typ approvals.EventType, source string, detail any) {
	AddBy(t, typ, "", source, detail)
}

// AddBy adds an event with its actor, a person, to a transition.
func AddBy(t *approvals.Transition, typ approvals.EventType, by, source string, detail any) {
	t.Events = append(t.Events, approvals.Event{Type: typ, By: by, Source: source, Detail: record.Encode(detail)})
}

// CountOf is how many events of a type a log has.
func CountOf(events []approvals.Event, kind approvals.EventType) (n int) {
	for _, e := range events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

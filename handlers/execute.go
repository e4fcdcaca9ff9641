package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// maxDelays is how often a request that AWS does not take for a passing reason is tried again:
// about five minutes in all, with the delays of step.RetryAfter.
const maxDelays = 9

// execute takes up an approved request that was not carried out where it was approved, or not to
// its end: from what the log says was promised. It does nothing if the request has moved on.
func (h *Handlers) execute(ctx context.Context, item approvals.Item) error {
	r, events, err := h.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	return h.carryOut(ctx, item, step.View{Request: r, Events: events}, nil)
}

// Resume carries out what a click has completed the approval of before the replica that had it
// died. It decides nothing, and reports false for an item that has not been decided to that end.
func (h *Handlers) Resume(ctx context.Context, item approvals.Item) (mine bool, err error) {
	err = h.withAlarm(ctx, func(ctx context.Context) (err error) {
		mine, err = h.resume(ctx, item)
		return err
	})
	return mine, err
}

func (h *Handlers) resume(ctx context.Context, item approvals.Item) (bool, error) {
	if item.Kind != KindClick {
		return false, nil
	}
	c, err := step.BodyOf[Click](item)
	if err != nil {
		return false, err
	}
	v, err := h.View(ctx, c.Value)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return false, nil
	}
	if err != nil || !approvedBy(v, item.Source) {
		return false, err
	}
	return true, h.carryOut(ctx, item, v, nil)
}

// execution carries one approved request out: it applies its measure, takes away what an earlier
// request has applied, or rehearses it.
type execution struct {
	h       *Handlers
	request approvals.Request
	about   messages.Context
	step.Tried
	changes []contain.Change // that the request has promised, in this try and in others
	own     int64            // the event by which this try promised last; 0 before
}

// carryOut does an approved request, with what is prepared for it; nil is nothing. item is that of
// the click that completed the approval, or that of the queue.
//
// What is about to be written is in the log before it is written. A try that takes over reads the
// role, and finds it done or not.
func (h *Handlers) carryOut(ctx context.Context, item approvals.Item, v step.View, ready *preparation) error {
	if !step.UnderWay(v) {
		return nil
	}
	r := v.Request
	if r.Purpose.Mode() == "" {
		return h.unknownPurpose(ctx, r)
	}
	c, err := h.Context(r)
	if err != nil {
		return err
	}
	e := &execution{
		h: h, request: r, about: c, changes: record.WrittenBy(v.Events).Changes,
		Tried: step.Tried{
			Order: h.Order(r, c), Measure: h.Measures.On()[r.Purpose.Measure()], Undo: c.Undo, Earlier: r.Promise != nil,
		},
	}
	began := time.Now()
	var out role.Outcome
	if r.Purpose.Writes() {
		if out, err = e.apply(ctx, ready); err == nil {
			err = e.half(out)
		}
		if err == nil {
			err = e.applied(ctx, out)
		}
	} else {
		err = e.rehearse(ctx)
	}
	if err != nil {
		return e.failed(ctx, item, out, err)
	}
	h.Log.InfoContext(ctx, "a request was carried out", "request", r.ID, "purpose", string(r.Purpose), "role", c.Role.ARN,
		"took", time.Since(began).String())
	return nil
}

// apply has AWS do it. The approvers are looked up again while the role is read. What AWS refused
// while it was prepared, it refused.
func (e *execution) apply(ctx context.Context, ready *preparation) (role.Outcome, error) {
	if ready == nil {
		ready = e.h.unprepared(ctx, e.request)
	}
	<-ready.asked
	if ready.err != nil {
		return role.Outcome{}, ready.err
	}
	if err := e.upToDate(ctx); err != nil {
		<-ready.confirmation.done
		return role.Outcome{}, err
	}
	o := e.Order
	o.Promised, o.InForce = e.changes, ready.minimum
	o.Confirm = func(ctx context.Context) error { return ready.confirmation.outcome(ctx, e.request) }
	o.Promise = func(ctx context.Context, p role.Plan) ([]contain.Change, error) {
		if err := o.Confirm(ctx); err != nil { // an approver's minute can be over since
			return nil, err
		}
		return e.promise(ctx, p)
	}
	defer func() { <-ready.confirmation.done }()
	return e.h.Roles.Apply(ctx, ready.ready, o)
}

// half is why an undo is not done that AWS has taken in part: our document still stands in a slot.
// Someone else's document is not waited for.
func (e *execution) half(out role.Outcome) error {
	if e.Order.Mode != role.Undo {
		return nil
	}
	for _, d := range out.Documents {
		if d.Err != nil && !errors.Is(d.Err, contain.ErrNotOurs) {
			return d.Err
		}
	}
	return nil
}

// upToDate stops an undo that does not know all that its revocation has written: the approvers were
// shown less.
func (e *execution) upToDate(ctx context.Context) error {
	if e.Order.Mode != role.Undo {
		return nil
	}
	_, events, err := e.h.Store.Load(ctx, e.request.About)
	if err != nil && !errors.Is(err, approvals.ErrUnknownRequest) {
		return err
	}
	known := record.Written{Changes: e.about.Undo.Changes}.Documents()
	for _, d := range record.WrittenBy(events).Documents() {
		if !slices.Contains(known, d) {
			return step.ErrMore
		}
	}
	return e.keepsOut(ctx)
}

// keepsOut stops an undo that was admitted without the words because another policy denies the same
// sessions, if that policy does not any more.
func (e *execution) keepsOut(ctx context.Context) error {
	u := e.about.Undo
	if u.Words != "" || u.RestoreCutoff.Before(u.Cutoff) {
		return nil
	}
	target, err := e.h.Cloud.Parse(e.about.Role.ARN)
	if err != nil {
		return err
	}
	held := record.Holding{
		Measure: e.request.Purpose.Measure(), Written: record.Written{Changes: u.Changes, Planned: u.Cutoff},
	}
	look, err := e.h.Roles.Look(ctx, target, e.h.Restoring(held))
	if err == nil && e.h.Undoing(held, look).Revives {
		err = step.ErrRevives
	}
	return err
}

// promise makes a change durable before it is made.
func (e *execution) promise(ctx context.Context, p role.Plan) ([]contain.Change, error) {
	if e.Order.Mode == role.Undo {
		if err := e.upToDate(ctx); err != nil {
			return nil, err
		}
		force, err := e.h.InForce(ctx, e.request.Subject.Key)
		if err != nil {
			return nil, err
		}
		if _, newer := force.Above(e.request.About, e.about.Undo.Changes); newer {
			return nil, step.ErrNewer
		}
	}
	t := approvals.Transition{Next: approvals.StateExecuting}
	err := step.Add(&t, approvals.EventStarted, "", record.Started{
		Changes: []contain.Change{p.Change}, ServerTime: p.At,
		Cutoff: step.CutoffOf(e.Order.Measure, p.Now, contain.Document{Slot: p.Slot, Text: p.After}),
	})
	if err != nil {
		return nil, err
	}
	if err := e.commit(ctx, t, nil); err != nil {
		return nil, err
	}
	e.changes, e.own, e.Now = append(e.changes, p.Change), e.request.Seq, p.Now
	return e.changes, nil
}

// commit moves the request while it is approved or executing, whatever harmless events came in
// between. may is asked about what was promised since it was read last; nil allows everything.
func (e *execution) commit(ctx context.Context, t approvals.Transition, may func([]contain.Change) error) error {
	var r approvals.Request
	changes := e.changes
	err := e.h.ChangeFrom(ctx, step.View{Request: e.request}, func(v step.View) (approvals.Transition, error) {
		if r = v.Request; !step.UnderWay(v) {
			return t, step.ErrTaken
		}
		if v.Events != nil {
			changes = record.WrittenBy(v.Events).Changes
		}
		if may != nil {
			return t, may(changes)
		}
		return t, nil
	})
	if err == nil {
		e.request, e.request.State, e.request.Seq, e.changes = r, t.Next, r.Seq+int64(len(t.Events)), changes
	}
	return err
}

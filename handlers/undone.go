package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/guard"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// undoneBy is the Body of an item of KindUndone: the request that undid the policy.
type undoneBy struct {
	Request string `json:"request"`
}

// undoneItem tells the request that an undo is about.
func undoneItem(by approvals.Request) approvals.Item {
	return approvals.Item{
		Kind: KindUndone, Request: by.About, Source: "undone by " + by.ID, Body: step.Body(undoneBy{by.ID}),
	}
}

// undone tells the request that put a policy on a role that another one undid it, so that
// its card and its thread say so. Where that brings an earlier deny of the bot's back, it is looked
// at whether that has expired. The guard checks once what an earlier request has in force.
func (h *Handlers) undone(ctx context.Context, item approvals.Item) error {
	by, err := step.BodyOf[undoneBy](item)
	if err != nil {
		return err
	}
	r, _, err := h.Store.Load(ctx, by.Request)
	if err != nil {
		return err
	}
	if r.Purpose.Mode() != approvals.ModeUndo || r.State != approvals.StateApplied || r.About != item.Request {
		// By the log no deny of this request was taken away.
		h.Log.WarnContext(ctx, "an undo that is not of this request is not shown", "request", item.Request, "by", by.Request)
		return nil
	}
	c, err := h.Context(r)
	if err != nil {
		return err
	}
	var a record.Applied
	if err := json.Unmarshal(r.Closing.Detail, &a); err != nil {
		return fmt.Errorf("outcome of request %s: %w", r.ID, err)
	}
	link, err := h.Sender.CardLink(ctx, r)
	if err != nil {
		return err
	}
	told := c.Undo.Undone(a)
	told.Request, told.Card, told.Requester, told.Approvers = r.ID, link, r.Requester, r.Voters()
	if told.At.IsZero() {
		told.At = r.Ended
	}
	t := step.Appending(item.Request)
	step.AddBy(&t, approvals.EventUndone, r.Requester, item.Source, told)
	force, err := h.InForce(ctx, r.Subject.Key)
	if err != nil {
		return err
	}
	for _, held := range force.Holdings {
		if held.Dropped && !held.Undone && held.Request.ID != item.Request {
			if err := h.Remark(ctx, held.Request.ID, approvals.EventFinding, "dropped", record.Finding{
				Sentence: messages.Dropped(h.Measures.Words(held.Request.Purpose)), Urgent: true,
			}); err != nil {
				return err
			}
		}
	}
	if newest, found := force.Newest(r); found {
		if a.Slots.Restores() && slices.ContainsFunc(a.Slots, func(left record.Stand) bool {
			return slices.Contains(contain.Documents(newest.Changes), left.Document)
		}) {
			t.Work = append(t.Work, guard.ExpiredItem(newest.Request.ID))
		}
		if len(h.Guard) > 0 { // its document may be gone since another one stood in for it
			t.Work = append(t.Work, guard.AfterUndoItem(newest.Request.ID, item.Source, told.At))
		}
	}
	return h.Store.Commit(ctx, t)
}

// half is why an undo is not done that AWS has taken in part: our document still stands in a slot.
// Someone else's document is not waited for.
func (e *execution) half(out role.Outcome) error {
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
	_, events, err := e.h.Store.Load(ctx, e.request.About)
	if err != nil && !errors.Is(err, approvals.ErrUnknownRequest) {
		return err
	}
	known := contain.Documents(e.about.Undo.Changes)
	for _, d := range contain.Documents(record.WrittenBy(events).Changes) {
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
	target.Exact = true
	held := record.Holding{Measure: e.request.Purpose.Measure(), Changes: u.Changes, Planned: u.Cutoff}
	look, err := e.h.Roles.Look(ctx, target, e.h.Restoring(held))
	if err == nil && e.h.Undoing(held, look).Revives {
		err = step.ErrRevives
	}
	return err
}

// newest stops an undo that is out of date, or of which a later request has written into the same
// slot.
func (e *execution) newest(ctx context.Context) error {
	if err := e.upToDate(ctx); err != nil {
		return err
	}
	force, err := e.h.InForce(ctx, e.request.Subject.Key)
	if _, newer := force.Above(e.request.About, e.about.Undo.Changes); err == nil && newer {
		err = step.ErrNewer
	}
	return err
}

// undoneInPart adds to why an undo failed which policies are gone and which stay, if some are gone.
func (e *execution) undoneInPart(out role.Outcome, why string) string {
	var done, stays []string
	for i, w := range contain.Fold(e.about.Undo.Changes) {
		switch {
		case i >= len(out.Documents), w.Slot.Kind == contain.KeyStatus: // which an undo leaves alone
		case out.Documents[i].Err == nil && (out.Documents[i].AlreadyThere || out.Documents[i].Writes > 0):
			done = append(done, w.Slot.Label())
		default:
			stays = append(stays, w.Slot.Label())
		}
	}
	if len(done) == 0 || len(stays) == 0 {
		return why
	}
	return why + " " + messages.UndoneInPart(e.about.Words, done, stays)
}

// isWrite reports whether it was the write itself that AWS refused.
func (e *execution) isWrite(err error) bool {
	call, ok := errors.AsType[*aws.CallError](err)
	return ok && slices.ContainsFunc(e.about.Undo.Changes, func(c contain.Change) bool {
		f := c.Slot.Kind.Facts()
		return call.Operation == f.Put || call.Operation == f.Remove
	})
}

package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/guard"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// undoneBy is the Body of an item of KindUndone: the request that took the deny away.
type undoneBy struct {
	Request string `json:"request"`
}

// undoneItem tells the request that an undo is about.
func undoneItem(by approvals.Request) approvals.Item {
	return approvals.Item{
		Kind: KindUndone, Request: by.About, Source: "undone by " + by.ID, Body: step.Body(undoneBy{by.ID}),
	}
}

// undone tells the request that put a deny on a role that another one has taken it away, so that
// its card and its thread say so. Where that brings an earlier deny of the bot's back, it is looked
// at whether that is inert. The guard checks once what an earlier request has in force.
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
		// The item is not signed; the log is. By that no deny of this request was taken away.
		h.Log.WarnContext(ctx, "an undo is not told that is none of this request", "request", item.Request, "by", by.Request)
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
	told := record.Undone{
		Request: r.ID, Card: link, Requester: r.Requester, Approvers: r.Voters(), At: a.At, Cutoff: c.Undo.Cutoff,
		Restored: a.Slots.Restores(), Slots: a.Slots, Found: a.AlreadyThere && !a.Promised, Revives: a.Revives,
		RevivesUntil: c.Undo.RevivesUntil, Seen: a.Seen,
	}
	if told.At.IsZero() {
		told.At = r.Ended
	}
	t := step.Appending(item.Request)
	if err := step.AddBy(&t, approvals.EventUndone, r.Requester, item.Source, told); err != nil {
		return err
	}
	force, err := h.InForce(ctx, r.Subject.Key)
	if err != nil {
		return err
	}
	for _, held := range force.Holdings {
		if held.Dropped && !held.Undone && held.Request.ID != item.Request {
			if err := h.Remark(ctx, held.Request.ID, approvals.EventFinding, "dropped", record.Finding{
				Sentence: messages.Dropped, Urgent: true,
			}); err != nil {
				return err
			}
		}
	}
	if newest, found := force.Newest(r.Purpose.Measure()); found {
		if a.Slots.Restores() && slices.ContainsFunc(a.Slots, func(left record.Stand) bool {
			return slices.Contains(newest.Documents(), left.Document)
		}) {
			t.Work = append(t.Work, guard.InertItem(newest.Request.ID))
		}
		if len(h.Guard) > 0 { // its document may be gone since another one stood in for it
			t.Work = append(t.Work, guard.AfterUndoItem(newest.Request.ID, item.Source))
		}
	}
	return h.Store.Commit(ctx, t)
}

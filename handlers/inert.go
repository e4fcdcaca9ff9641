package handlers

import (
	"context"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/record"
)

// inertWait is how long a clean-up waits to be offered while another request for the role is under way.
const inertWait = 5 * time.Minute

// inert offers the clean-up of a deny, once, when no session that it keeps out can be alive any more: by AWS's clock, by
// the role as it is now, and only if the role still has what the bot wrote. Where there is nothing to clean up, or nothing
// of the bot's, nothing is said.
func (h *Handlers) inert(ctx context.Context, item approvals.Item) error {
	r, _, err := h.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	if r.Purpose.Mode() != approvals.ModeDo || r.State != approvals.StateApplied || r.Undone != nil || r.Has(item.Source) {
		return nil
	}
	force, err := h.inForce(ctx, r.Subject.Key)
	newest, found := force.Newest(r.Purpose.Measure())
	switch {
	case err != nil:
		return err
	case len(force.Open) > 0:
		return &Again{After: inertWait, Busy: true}
	case !found || newest.Request.ID != r.ID:
		return nil // a later revocation has written over it, or it was undone
	}
	c, err := h.context(r)
	if err != nil {
		return err
	}
	target, err := h.Cloud.Parse(c.Role.ARN)
	if err != nil {
		return err
	}
	look, err := h.lookToUndo(ctx, target, newest)
	switch {
	case err != nil && aws.Explain(err) == "":
		return err
	case err != nil && aws.Final(err):
		h.log.InfoContext(ctx, "a deny is not offered for clean-up", "request", r.ID, "error", err)
		return nil
	case err != nil:
		return &Again{After: retryAfter(err, item.Attempt)}
	case look.Role.ID != c.Role.ID:
		return nil // the deny went with the role
	}
	undoing := h.undoing(newest, look)
	if undoing.Gone || !undoable(look) {
		h.log.InfoContext(ctx, "a deny is not offered for clean-up: it is not on the role as it was written", "request", r.ID)
		return nil
	}
	now := look.Role.ServerTime
	if now.IsZero() {
		return &Again{After: time.Minute}
	}
	if left := undoing.RevivesUntil.Sub(now); left > 0 {
		return &Again{After: left + inertSlack, Busy: true} // it was written again, or the role's longest session was raised
	}
	return h.remark(ctx, r.ID, approvals.EventInert, item.Source, record.Inert{
		Cutoff: undoing.Cutoff, Since: undoing.RevivesUntil, Restores: undoing.Restores(),
	})
}

// inertItem looks whether the deny of a request has become inert.
func inertItem(request string) approvals.Item {
	return approvals.Item{Kind: KindInert, Request: request, Source: "inert " + request}
}

// inertSlack is how much later than the moment itself a deny is looked at for being inert: clocks differ by a little.
const inertSlack = time.Second

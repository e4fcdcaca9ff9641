package guard

import (
	"context"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// inertWait is how long a clean-up waits to be offered while another request for the role is under
// way.
const inertWait = 5 * time.Minute

// Expired offers the clean-up of a policy, once, when no session that it keeps out can be alive any
// more: by AWS's clock, by the role as it is now, and only if the role still has what the bot
// wrote. Where there is nothing to clean up, or nothing of the bot's, nothing is said.
func (g *Guard) Expired(ctx context.Context, item approvals.Item) error {
	r, _, err := g.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	if r.Purpose.Mode() != approvals.ModeDo || r.State != approvals.StateApplied || r.Undone != nil || r.Has(item.Source) {
		return nil
	}
	force, err := g.InForce(ctx, r.Subject.Key)
	newest, found := force.Newest(r)
	switch {
	case err != nil:
		return err
	case len(force.Open) > 0:
		return &step.Again{After: inertWait, Busy: true}
	case !found || newest.Request.ID != r.ID:
		return nil // a later revocation has written over it, or it was undone
	}
	c, err := g.Context(r)
	if err != nil {
		return err
	}
	target, err := g.Roles.Cloud().Parse(c.Role.ARN)
	if err != nil {
		return err
	}
	target.Exact = true
	look, err := g.Roles.Look(ctx, target, g.Restoring(newest))
	switch {
	case err != nil && aws.Explain(err) == "":
		return err
	case err != nil && aws.Final(err):
		g.Log.InfoContext(ctx, "a measure is not offered for clean-up", "request", r.ID, "error", err)
		return nil
	case err != nil:
		return &step.Again{After: step.RetryAfter(item.Attempt)}
	case look.Role.ID != c.Role.ID:
		return nil // the policy went with the role
	}
	undoing := g.Undoing(newest, look)
	if undoing.Gone || !step.Undoable(look) {
		g.Log.InfoContext(ctx, "a measure is not offered for clean-up: it is not on the role as it was written",
			"request", r.ID)
		return nil
	}
	now := look.Role.ServerTime
	if now.IsZero() {
		return &step.Again{After: time.Minute}
	}
	switch left := undoing.RevivesUntil.Sub(now); {
	case undoing.RevivesUntil.IsZero():
		return nil // it never expires
	case left > 0:
		// it was written again, or the role's longest session was raised
		return &step.Again{After: expiredAfter(left), Busy: true}
	}
	return g.Remark(ctx, r.ID, approvals.EventPolicyExpired, item.Source, record.Expired{
		Cutoff: undoing.Cutoff, Since: undoing.RevivesUntil, Restores: undoing.Slots.Restores(),
	})
}

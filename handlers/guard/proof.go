package guard

import (
	"context"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

const (
	// maxSimulations is how often the simulator is asked when it does not answer: about two minutes,
	// with the delays of step.RetryAfter.
	maxSimulations = 7
)

// Simulate asks the policy simulator what the policy does, and records the answer.
func (g *Guard) Simulate(ctx context.Context, item approvals.Item) error {
	r, events, err := g.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	w := record.WrittenBy(events)
	if r.State != approvals.StateApplied || r.Purpose.Mode() != approvals.ModeDo || r.Has(item.Source) ||
		len(w.Stands) == 0 {
		return nil
	}
	d, err := g.GuardStatus(ctx, r, events)
	if err != nil || d.Off() {
		return err // what was taken away on purpose has nothing to prove
	}
	if d.Busy {
		return &step.Again{After: time.Second, Busy: true} // what is being taken away has not lost its effect by itself
	}
	c, err := g.Context(r)
	if err != nil {
		return err
	}
	answer, err := g.Roles.Simulate(ctx, g.Order(r, c), w.Stands)
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil && item.Attempt < maxSimulations:
		g.Log.WarnContext(ctx, "the policy simulator could not be asked", "request", r.ID, "error", err)
		return &step.Again{After: step.RetryAfter(item.Attempt)}
	case err != nil:
		g.Log.WarnContext(ctx, "the policy simulator was not asked", "request", r.ID, "error", err)
		answer = role.Simulation{Unavailable: "It was tried several times. " + step.Explained(err)}
	case answer.Unavailable == "" && answer.Before != role.DeniedByOurs && item.Attempt < step.MaxDoubts:
		return &step.Again{After: time.Second << item.Attempt}
	}
	return g.Remark(ctx, r.ID, approvals.EventSimulated, item.Source, record.Simulated{
		Cutoff: w.Cutoff, Simulation: answer,
	})
}

package handlers

import (
	"context"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
)

const (
	// maxSimulations is how often the simulator is asked when it does not answer: about two minutes, with the delays of
	// retryAfter.
	maxSimulations = 7
	// maxDoubts is how often it is asked when it does not see the deny: IAM's reads can be seconds behind its writes.
	maxDoubts = 4
)

// simulate asks the policy simulator what the deny does on paper, and records the answer.
func (h *Handlers) simulate(ctx context.Context, item approvals.Item) error {
	r, events, err := h.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	w := record.WrittenBy(events)
	if r.State != approvals.StateApplied || r.Purpose.Mode() != approvals.ModeDo || r.Has(item.Source) || len(w.Stands) == 0 {
		return nil
	}
	d, err := h.guardStatus(ctx, r, events)
	if err != nil || d.off() {
		return err // what was taken away on purpose has nothing to prove
	}
	if d.busy {
		return &Again{After: time.Second, Busy: true} // what is being taken away has not lost its effect by itself
	}
	c, err := h.context(r)
	if err != nil {
		return err
	}
	answer, err := h.Roles.Simulate(ctx, h.order(r, c), w.Stands)
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil && item.Attempt < maxSimulations:
		h.log.WarnContext(ctx, "the policy simulator could not be asked", "request", r.ID, "error", err)
		return &Again{After: retryAfter(err, item.Attempt)}
	case err != nil:
		h.log.WarnContext(ctx, "the policy simulator was not asked", "request", r.ID, "error", err)
		answer = role.Simulation{Unavailable: "It was tried several times. " + explained(err)}
	case answer.Unavailable == "" && answer.Before != role.DeniedByOurs && item.Attempt < maxDoubts:
		return &Again{After: time.Second << item.Attempt}
	}
	return h.remark(ctx, r.ID, approvals.EventSimulated, item.Source, record.Simulated{
		Cutoff: w.Cutoff, At: answer.At, Unavailable: answer.Unavailable,
		Before: record.Verdict(answer.Before), After: record.Verdict(answer.After),
	})
}

package handlers

import (
	"context"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// planAgain is how long one plan stands for all: it holds much of the log.
const planAgain = 5 * time.Minute

// plan reads the role of a request and records what a person needs to recreate it; the delivery
// makes the file. Nothing of it is ever carried out. Those who may request may ask.
func (h *Handlers) plan(ctx context.Context, a act) error {
	v, err := h.thread(ctx, &a)
	if err != nil || v.Request.Has(a.item.Source) {
		return err
	}
	c, err := h.Context(v.Request)
	if err != nil {
		return err
	}
	if v.Request.State != approvals.StateApplied || v.Request.Purpose.Mode() != approvals.ModeDo || c.Role.Key != "" ||
		!slices.Contains(h.Channels, a.Channel) {
		return h.noSuchRequest(ctx, a)
	}
	if allowed, standing := h.mayRequest(ctx, a.User); !allowed {
		return h.refuse(ctx, a, "requester", messages.NotEntitled(standing))
	}
	now, err := h.Store.Now(ctx)
	if err != nil {
		return err
	}
	recent := func(events []approvals.Event) bool {
		return slices.ContainsFunc(events, func(e approvals.Event) bool {
			return e.Type == approvals.EventPlan && now.Sub(e.At) < planAgain
		})
	}
	if recent(v.Events) {
		return h.answer(ctx, a, messages.PlanThere())
	}
	portrait, err := h.Roles.Portrait(ctx, c.Role.Principal)
	if err != nil {
		return h.refuseRole(ctx, a, err)
	}
	plan := record.Plan{Portrait: portrait, At: portrait.ServerTime}
	for _, k := range h.Measures.For(contain.Role) {
		for _, slot := range slices.Concat(k.On.Places(contain.Target{Principal: portrait.Principal})...) {
			if slot.Name != "" { // a trust policy is made again as it was read
				plan.Ours = append(plan.Ours, slot.Name)
			}
		}
	}
	plan.Fit()
	err = h.ChangeFrom(ctx, v, func(v record.View) (t approvals.Transition, err error) {
		if !recent(v.Events) {
			step.AddBy(&t, approvals.EventPlan, a.User, a.item.Source, plan)
		}
		return t, nil
	})
	if err != nil {
		return err
	}
	return h.answer(ctx, a, messages.PlanComing())
}

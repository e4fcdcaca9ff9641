package handlers

import (
	"context"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// vouch takes a person's word that a caller is theirs, and has the verdict given anew. Those who
// may request may say so. The value of the button says which caller; everything else comes from the
// log.
func (h *Handlers) vouch(ctx context.Context, a act) error {
	v, err := h.thread(ctx, &a)
	if err != nil {
		return err
	}
	r := v.Request
	s, found := record.Gather(v.Events).Doubted(a.mark)
	if !found || r.State != approvals.StateApplied || r.Undone != nil || !slices.Contains(h.Channels, a.Channel) {
		return h.noSuchRequest(ctx, a)
	}
	if allowed, standing := h.mayRequest(ctx, a.User); !allowed {
		return h.refuse(ctx, a, "requester", messages.NotEntitled(standing))
	}
	var said record.Vouched
	err = h.ChangeFrom(ctx, v, func(v record.View) (t approvals.Transition, err error) {
		if said = record.Gather(v.Events).Vouched[s.CallerIdentity()]; said.By != "" {
			return t, nil
		}
		said = record.Vouched{CallerID: s.CallerIdentity(), Caller: s.Caller, By: a.User, At: v.Now}
		step.AddBy(&t, approvals.EventVouched, a.User, a.item.Source, said)
		if item, ok := investigate.Again(v.Events); ok {
			item.Request = r.ID
			t.Work = []approvals.Item{item}
		}
		return t, nil
	})
	if err != nil {
		return err
	}
	return h.answer(ctx, a, messages.Vouched(said))
}

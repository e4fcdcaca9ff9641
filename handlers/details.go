package handlers

import (
	"context"
	"errors"

	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
)

// details shows what a card has no room for to a person who can press its button: that is in the
// channel. It looks nothing up but the request, because Slack lets a form be opened for three
// seconds only.
func (h *Handlers) details(ctx context.Context, a act) error {
	v, err := h.thread(ctx, &a)
	if err != nil {
		return err
	}
	if v.Request.Forged != nil {
		return h.noSuchRequest(ctx, a)
	}
	c, err := h.Context(v.Request)
	if err != nil {
		return err
	}
	err = h.Slack.OpenForm(ctx, a.Trigger, c.LeavingForm(messages.Details(v.Request, v.Events, c)))
	if _, refused := errors.AsType[*deliver.SlackError](err); refused {
		h.Log.WarnContext(ctx, "the details of a request may not have opened", "request", v.Request.ID, "error", err)
		return h.answer(ctx, a, messages.DetailsLost())
	}
	return err
}

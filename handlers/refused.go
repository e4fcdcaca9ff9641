package handlers

import (
	"context"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// loggedRefusals is how many refused clicks of one person a request's log keeps. The notes have the
// rest: every step reads the whole log, and no person must be able to make it long.
const loggedRefusals = 20

// noteRefusal keeps a note of a click that is refused like many before it, and tells the sender
// why.
func (h *Handlers) noteRefusal(
	ctx context.Context, r approvals.Request, a approvals.Attempt, refusal approvals.Refusal, to Listener,
) error {
	c, err := h.Context(r)
	if err != nil {
		return err
	}
	return h.refuseClick(ctx, approvals.Item{Source: a.Source}, to, string(refusal.Code), a.Card, r.ID,
		messages.Refused(r, refusal, c))
}

// tellRefused tells somebody why their click does not count. The log has it already.
func (h *Handlers) tellRefused(ctx context.Context, r approvals.Request, refusal approvals.Refusal, to Listener) error {
	c, err := h.Context(r)
	if err != nil {
		return err
	}
	h.whisper(ctx, to, messages.Refused(r, refusal, c))
	return nil
}

// noSuchRequest answers a click whose button leads nowhere, and keeps a note of it.
func (h *Handlers) noSuchRequest(ctx context.Context, item approvals.Item, to Listener, message, value string) error {
	return h.refuseClick(ctx, item, to, "unknown_request", message, value, messages.UnknownRequest())
}

// refuseClick answers a click that goes into no request's log, and keeps a note of it.
func (h *Handlers) refuseClick(
	ctx context.Context, item approvals.Item, to Listener, why, message, value string, m *messages.Message,
) error {
	refused := struct {
		Why     string `json:"why"`
		Channel string `json:"channel"`
		Message string `json:"message"`
		Value   string `json:"value"`
	}{why, to.Channel, message, cutRunes(value, 64)}
	if err := h.Note(ctx, approvals.EventRefused, to.User, item.Source, refused); err != nil {
		return err
	}
	h.Log.InfoContext(ctx, "a click was refused", "user", to.User, "channel", to.Channel, "why", why)
	h.whisper(ctx, to, m)
	return nil
}

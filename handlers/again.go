package handlers

import (
	"context"
	"errors"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// again does what the buttons in the threads ask for: anew for what a request was for that ended without it, or for the
// deny of a revocation to be taken away. It is a command of whoever pressed the button, with everything that is asked of a
// command; only what to ask for is taken from the stored request.
func (h *Handlers) again(ctx context.Context, item approvals.Item, c Click, to Listener) error {
	r, _, err := h.Store.Load(ctx, c.Value)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	}
	if err != nil {
		return err
	}
	if h.place(c.Team, c.App, c.Channel) != r.Place {
		return h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	}
	to.Drill = r.Purpose.Mode() == approvals.ModeDrill
	if r.Purpose.Mode() == approvals.ModeUndo || c.ActionID != messages.ActionAgain {
		return h.offerUndo(ctx, item, r, c, to)
	}
	about, err := h.context(r)
	if err != nil {
		return err
	}
	text := about.Role.Account + "/" + about.Role.Name + " " + r.Reason
	if r.Purpose.Mode() == approvals.ModeDrill {
		text = wordDrill + " " + text
	}
	return h.request(ctx, item, Command{
		RequestID: c.RequestID, Team: c.Team, Enterprise: r.Place.Enterprise, App: c.App, Channel: c.Channel, User: c.User, ResponseURL: c.ResponseURL,
		Text: text,
	}, to)
}

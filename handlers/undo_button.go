package handlers

import (
	"context"
	"errors"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// offerUndo does what an Undo, a Clean up, or an Ask again of a request to undo, asks for. r is the
// request in whose thread the button is. While words or a reason have to be typed it opens the form
// for them, before anything slow, because Slack lets a form be opened for three seconds only; who
// may ask, and what is on the role, is looked up when the form is sent.
func (h *Handlers) offerUndo(
	ctx context.Context, item approvals.Item, r approvals.Request, c Click, to Listener,
) error {
	about, events, err := h.revocationOf(ctx, r)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	}
	if err != nil {
		return err
	}
	if about.Purpose.Mode() != approvals.ModeDo || about.State != approvals.StateApplied {
		return h.refuseClick(ctx, item, to, "nothing_to_undo", c.Message, c.Value, messages.NotApplied())
	}
	shown, err := h.Context(about)
	if err != nil {
		return err
	}
	if about.Undone != nil {
		return h.refuseClick(ctx, item, to, "undone_already", c.Message, c.Value,
			messages.UndoneAlready(shown.Words, shown.Role))
	}
	now, err := h.Store.Now(ctx)
	if err != nil {
		return err
	}
	until := record.RevivesUntil(events)
	_, expires := h.Measures.On()[about.Purpose.Measure()].(contain.Expirer)
	words := expires && (until.IsZero() || now.Before(until))
	if !words && !h.RequireReason {
		return h.request(ctx, item, c.command(r.Place, undoText(shown.Role, "", ""), about.ID), to)
	}
	form, err := messages.UndoForm(shown, messages.FormOrigin{Request: r.ID, Channel: c.Channel, Message: c.Message},
		words, until, h.RequireReason)
	if err != nil {
		return err
	}
	err = h.Slack.OpenForm(ctx, c.Trigger, form)
	if _, refused := errors.AsType[*deliver.SlackError](err); refused {
		h.Log.WarnContext(ctx, "the form for an undo may not have opened", "request", about.ID, "error", err)
		h.whisper(ctx, to, messages.UndoByCommand(shown.Words, shown.Role))
		return nil
	}
	return err
}

// submitUndo asks for what the form says, as a command does.
func (h *Handlers) submitUndo(
	ctx context.Context, item approvals.Item, s Submission, to Listener, reason string,
) error {
	r, _, err := h.Store.Load(ctx, s.Origin.Request)
	if err != nil && !errors.Is(err, approvals.ErrUnknownRequest) {
		return err
	}
	if err != nil || h.place(s.Team, s.App, s.Origin.Channel) != r.Place {
		return h.noSuchRequest(ctx, item, to, s.Origin.Message, s.Origin.Request)
	}
	about, _, err := h.revocationOf(ctx, r)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return h.noSuchRequest(ctx, item, to, s.Origin.Message, s.Origin.Request)
	}
	if err != nil {
		return err
	}
	shown, err := h.Context(about)
	if err != nil {
		return err
	}
	words := ""
	if messages.SaysRevive(s.Words) { // if not, the answer says which words are missing
		words = messages.ReviveWords
	}
	return h.request(ctx, item, Command{
		RequestID: s.RequestID, Team: s.Team, Enterprise: r.Place.Enterprise, App: s.App, Channel: s.Origin.Channel,
		User: s.User,
		Text: undoText(shown.Role, words, reason), About: about.ID,
	}, to)
}

// revocationOf is the revocation that a thread is about: its own request's, or that which the
// request is to undo.
func (h *Handlers) revocationOf(
	ctx context.Context, r approvals.Request,
) (approvals.Request, []approvals.Event, error) {
	id := r.ID
	if r.Purpose.Mode() == approvals.ModeUndo {
		id = r.About
	}
	return h.Store.Load(ctx, id)
}

// undoText is what somebody would type after the command's name.
func undoText(role record.Role, words, reason string) string {
	text := "undo " + role.Account + "/" + role.Name
	for _, more := range []string{words, reason} {
		if more != "" {
			text += " " + more
		}
	}
	return text
}

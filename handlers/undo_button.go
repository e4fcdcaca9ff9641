package handlers

import (
	"context"
	"errors"
	"strings"

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
func (h *Handlers) offerUndo(ctx context.Context, a act, r approvals.Request) error {
	about, events, shown, err := h.revocationOf(ctx, a, r)
	if err != nil {
		return err
	}
	if about.Purpose.Mode() != approvals.ModeDo || about.State != approvals.StateApplied {
		return h.noSuchRequest(ctx, a)
	}
	if about.Undone != nil {
		return h.refuse(ctx, a, "undone_already", messages.NothingToUndo(shown.Role, messages.UndoneAlready))
	}
	now, err := h.Store.Now(ctx)
	if err != nil {
		return err
	}
	until := record.RevivesUntil(events)
	_, expires := h.Measures.On()[about.Purpose.Measure()].(contain.Expirer)
	words := expires && (until.IsZero() || now.Before(until))
	if !words && !h.RequireReason {
		return h.undoOf(ctx, a, about, shown, "", "")
	}
	form := messages.UndoForm(shown, messages.FormOrigin{Request: r.ID, Channel: a.Channel, Message: a.message},
		words, until, h.RequireReason)
	err = h.Slack.OpenForm(ctx, a.Trigger, form)
	if _, refused := errors.AsType[*deliver.SlackError](err); refused {
		h.Log.WarnContext(ctx, "the form for an undo may not have opened", "request", about.ID, "error", err)
		return h.answer(ctx, a, messages.UndoByCommand(shown.Words, shown.Role))
	}
	return err
}

// submitUndo asks for what the form says, as a command does.
func (h *Handlers) submitUndo(ctx context.Context, a act, words, reason string) error {
	v, err := h.thread(ctx, &a)
	if err != nil {
		return err
	}
	about, _, shown, err := h.revocationOf(ctx, a, v.Request)
	if err != nil {
		return err
	}
	if messages.SaysRevive(words) {
		words = messages.ReviveWords
	} else {
		words = "" // the answer says which words are missing
	}
	return h.undoOf(ctx, a, about, shown, words, reason)
}

// undoOf requests an undo as a command does.
func (h *Handlers) undoOf(
	ctx context.Context, a act, about approvals.Request, shown messages.Context, words, reason string,
) error {
	a.About = about.ID
	name := shown.Role.Ref()
	if shown.Role.Key != "" {
		name = shown.Role.ARN // IAM does not find the user of a key that was deleted since
	}
	a.Text = strings.Join([]string{"undo", name, words, reason}, " ")
	return h.command(ctx, a)
}

// revocationOf is the revocation that a thread is about, with its log and what people are shown of
// it: its own request's, or that which the request is to undo.
func (h *Handlers) revocationOf(
	ctx context.Context, a act, r approvals.Request,
) (about approvals.Request, events []approvals.Event, shown messages.Context, err error) {
	id := r.ID
	if r.Purpose.Mode() == approvals.ModeUndo {
		id = r.About
	}
	about, events, err = h.Store.Load(ctx, id)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return about, nil, shown, h.noSuchRequest(ctx, a)
	}
	if err == nil {
		shown, err = h.Context(about)
	}
	return about, events, shown, err
}

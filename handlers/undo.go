package handlers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// undo asks for the latest deny of a role to be taken away, if everything about it is in order.
// text is what followed the word undo. Nobody is asked to approve before the role was seen to have
// what the bot wrote, and nothing else.
func (h *Handlers) undo(ctx context.Context, item approvals.Item, c Command, to Listener, text string) error {
	c.Text = text // a note of a refusal names the role
	name, rest := splitCommand(text)
	if name == "" {
		h.whisper(ctx, to, messages.UndoUsage())
		return nil
	}
	words, reason := splitWords(rest)
	if n := utf8.RuneCountInString(reason); n > messages.MaxReason {
		return h.refuse(ctx, item, c, to, "reason_too_long", messages.ReasonTooLong(n))
	}
	if h.RequireReason && reason == "" {
		return h.refuse(ctx, item, c, to, "reason_missing", messages.ReasonMissing())
	}
	target, err := h.Cloud.Parse(name)
	if err != nil {
		return h.refuse(ctx, item, c, to, "role", messages.Plain(aws.Explain(err)))
	}
	found, ok, err := h.admit(ctx, item, c, to, target, messages.NoQuorumToUndo,
		func(ctx context.Context) (role.Role, error) {
			look, err := h.Roles.Look(ctx, target, nil)
			return look.Role, err
		})
	if !ok || err != nil {
		return err
	}
	force, err := h.InForce(ctx, subjectKey(found))
	if err != nil {
		return err
	}
	role := roleFacts(found)
	held, m, err := h.toUndo(ctx, c.About, force, subjectKey(found), role)
	if err != nil {
		return err
	}
	if m != nil {
		return h.refuse(ctx, item, c, to, "nothing_to_undo", m)
	}
	look, err := h.Roles.Look(ctx, target, h.Restoring(held))
	if err != nil {
		return h.refuseRole(ctx, item, c, to, err)
	}
	undoing := h.Undoing(held, look)
	switch {
	case undoing.Gone && !h.mayWriteAgain(held.Request):
		return h.refuse(ctx, item, c, to, "deny_gone", messages.DenyAlreadyGone(role))
	case !undoing.Gone && !step.Undoable(look):
		there := slices.ContainsFunc(look.There, func(d contain.Document) bool { return d.Text != "" })
		return h.refuse(ctx, item, c, to, "deny_changed", messages.DenyChanged(role, undoing.Policy, there))
	}
	if undoing.Card, err = h.Sender.CardLink(ctx, held.Request); err != nil {
		return err
	}
	if undoing.Revives {
		if words == "" {
			return h.refuse(ctx, item, c, to, "words_missing", messages.WordsNeeded(h.Measures.Words(held.Measure.Undo()), role,
				undoing))
		}
		undoing.Words = words
	}
	return h.open(ctx, item, c, to, role, record.Facts{Role: role, Undo: &undoing}, approvals.Opening{
		Purpose: held.Measure.Undo(), About: held.Request.ID,
		Subject: approvals.Subject{Key: subjectKey(found), Group: found.AccountName},
		Reason:  reason,
	})
}

// mayWriteAgain reports whether the guard of an applied revocation has not ended with a deny that
// held. Then somebody who took the deny away on purpose can say so, and a second person agrees,
// although nothing is left to do on the role: the deny is not written again, and the record has it.
func (h *Handlers) mayWriteAgain(r approvals.Request) bool {
	return len(h.Guard) > 0 && r.Watched.Type != approvals.EventHeld
}

// toUndo is what is to be taken away: the newest revocation that is in force or, of a button, what
// its request has applied. If there is nothing, or a later request has to be undone before, it says
// so.
func (h *Handlers) toUndo(
	ctx context.Context, about string, force record.Force, key string, role record.Role,
) (held record.Holding, why *messages.Message, err error) {
	held, found := force.Newest(approvals.Revoke)
	if about != "" {
		held, found = force.Of(about)
		pressed, _, err := h.Store.Load(ctx, about)
		switch {
		case errors.Is(err, approvals.ErrUnknownRequest):
			return held, messages.NothingToUndo(role), nil
		case err != nil:
			return held, nil, err
		case pressed.Subject.Key != key:
			return held, messages.DenyOfAnotherRole(role), nil
		case held.Undone || pressed.Undone != nil:
			return held, messages.UndoneAlready(role), nil
		}
	}
	newer, covered := force.Above(held.Request.ID, held.Changes)
	switch {
	case covered:
		link, err := h.Sender.CardLink(ctx, newer.Request)
		return held, messages.NewerDeny(newer.Request, role, link), err
	case !found || !held.InForce():
		return held, messages.NothingToUndo(role), nil
	default:
		return held, nil, nil
	}
}

// splitWords takes the words that revive old sessions off the beginning of a text, as they were
// typed.
func splitWords(text string) (words, rest string) {
	rest = text
	var typed []string
	for range len(strings.Fields(messages.ReviveWords)) {
		var word string
		word, rest = splitCommand(rest)
		typed = append(typed, word)
	}
	if words = strings.Join(typed, " "); messages.SaysRevive(words) {
		return words, rest
	}
	return "", text
}

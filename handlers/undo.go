package handlers

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/oldrole"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// undo asks for the latest deny of a role to be taken away, if everything about it is in order. text is what followed the
// word undo. Nobody is asked to approve before the role was seen to have what the bot wrote, and nothing else.
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
	var look role.UndoLook
	found, ok, err := h.admit(ctx, item, c, to, target, messages.NoQuorumToUndo, func(ctx context.Context) (role role.Role, err error) {
		look, err = h.Roles.LookToUndo(ctx, target)
		return look.Role, err
	})
	if !ok || err != nil {
		return err
	}
	force, err := h.inForce(ctx, subjectKey(found))
	if err != nil {
		return err
	}
	role := roleFacts(found)
	if m, err := h.notThis(ctx, c.About, force, subjectKey(found), role); m != nil || err != nil {
		if err != nil {
			return err
		}
		return h.refuse(ctx, item, c, to, "nothing_to_undo", m)
	}
	newest, _ := force.Newest(approvals.Revoke)
	plan, done, err := look.Plan(newest.Document, newest.Previous)
	switch {
	case done && !h.mayWriteAgain(newest.Request):
		return h.refuse(ctx, item, c, to, "deny_gone", messages.DenyAlreadyGone(role))
	case err != nil:
		return h.refuse(ctx, item, c, to, "deny_changed", messages.DenyChanged(role, look.Document != ""))
	}
	link, err := h.cardLink(ctx, newest.Request)
	if err != nil {
		return err
	}
	undoing := record.Undoing{
		Card: link, Requester: newest.Request.Requester, Approvers: newest.Request.Voters(), Applied: newest.Request.Ended,
		Document: newest.Document, Restores: newest.Previous, Cutoff: plan.Cutoff, RestoreCutoff: plan.RestoreCutoff,
		RevivesUntil: plan.RevivesUntil, Revives: plan.Revives(), Gone: done,
	}
	if undoing.Revives {
		if words == "" {
			return h.refuse(ctx, item, c, to, "words_missing", messages.WordsNeeded(role, undoing))
		}
		undoing.Words = words
	}
	return h.open(ctx, item, c, to, role, record.Facts{Role: role, Undo: &undoing}, approvals.Opening{
		Purpose: approvals.Revoke.Undo(), About: newest.Request.ID,
		Subject: approvals.Subject{Key: subjectKey(found), Group: found.AccountName},
		Reason:  reason,
	})
}

// mayWriteAgain reports whether the guard of an applied revocation has not ended with a deny that held. Then somebody who
// took the deny away on purpose can say so, and a second person agrees, although nothing is left to do on the role: the
// deny is not written again, and the record has it.
func (h *Handlers) mayWriteAgain(r approvals.Request) bool {
	return len(h.Guard) > 0 && r.Watched.Type != approvals.EventHeld
}

// notThis says why there is no deny to take away, or why it is not that of the request whose button was pressed; nil when
// there is nothing in the way. about is empty for a command, which means whichever is the latest.
func (h *Handlers) notThis(ctx context.Context, about string, force record.Force, key string, role record.Role) (*messages.Message, error) {
	newest, found := force.Newest(approvals.Revoke)
	if about == "" || found && about == newest.Request.ID {
		if !found {
			return messages.NothingToUndo(role), nil
		}
		return nil, nil
	}
	undone, _ := force.Of(about)
	pressed, _, err := h.Store.Load(ctx, about)
	switch {
	case errors.Is(err, approvals.ErrUnknownRequest):
		return messages.NothingToUndo(role), nil
	case err != nil:
		return nil, err
	case pressed.Subject.Key != key:
		return messages.DenyOfAnotherRole(role), nil
	case undone.Undone || pressed.Undone != nil:
		return messages.UndoneAlready(role), nil
	case !found:
		return messages.NothingToUndo(role), nil
	}
	link, err := h.cardLink(ctx, newest.Request)
	if err != nil {
		return nil, err
	}
	return messages.NewerDeny(newest.Request, role, link), nil
}

// cardLink is the address of a request's card, empty while it is not known.
func (h *Handlers) cardLink(ctx context.Context, r approvals.Request) (string, error) {
	d, err := h.Store.Delivered(ctx, r.ID)
	if err != nil || d.Card == "" {
		return "", err
	}
	return h.Slack.Link(r.Place.Channel, d.Card), nil
}

// splitWords takes the words that revive old sessions off the beginning of a text, as they were typed.
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

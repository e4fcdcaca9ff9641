package handlers

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// undo asks for a measure in force on a role to be taken away, if everything about it is in order.
// text is what followed the word undo: a measure, or the role alone if one measure is in force.
// Approvers are called only after the role was seen to have what the bot wrote, and nothing else.
func (h *Handlers) undo(ctx context.Context, a act, text string) error {
	k, named, text := h.measure(text)
	a.about(text)
	name, rest := splitCommand(text)
	if name == "" {
		return h.answer(ctx, a, messages.Usage("undo ", messages.ExampleReason, h.accountNames()))
	}
	words, reason := splitWords(rest)
	target, err := h.meant(ctx, a, name, reason)
	if err != nil {
		return err
	}
	found, err := h.admit(ctx, a, target, approvals.ModeUndo, k, func(ctx context.Context) (role.Role, error) {
		look, err := h.Roles.Look(ctx, target, nil)
		return look.Role, err
	})
	if err != nil {
		return err
	}
	subject := subjectOf(found, target.UserKey)
	force, err := h.InForce(ctx, subject.Key)
	if err != nil {
		return err
	}
	role := roleFacts(found)
	role.Key = target.UserKey
	var of approvals.Measure
	if named {
		of = k.Name
	}
	held, m, err := h.toUndo(ctx, a.About, of, force, subject, role)
	if err != nil {
		return err
	}
	if m != nil {
		return h.refuse(ctx, a, "nothing_to_undo", m)
	}
	subject.Part, role.Key = held.Request.Subject.Part, held.Request.Subject.Part
	look, err := h.Roles.Look(ctx, target, h.Restoring(held))
	if err != nil {
		return h.refuseRole(ctx, a, err)
	}
	undoing, w := h.Undoing(held, look), h.Measures.Words(held.Measure.Undo())
	// As long as the guard may restore the measure, a person who removed it on purpose can say so, and
	// a second person agrees, although nothing is left to do on the role: the record has it.
	guarded := len(h.Guard) > 0 && held.Request.Watched.Type != approvals.EventHeld
	switch {
	case undoing.Stays() && force.Below(held.Request.ID, held.Changes): // which is undone after it
	case undoing.Gone && !guarded && len(held.Others) == 0:
		why := messages.UndoneByOthers(w)
		if undoing.Stays() {
			why = messages.UndoStays
		}
		return h.refuse(ctx, a, "deny_gone", messages.NothingToUndo(role, why))
	case !undoing.Gone && !step.Undoable(look) && !errors.Is(look.Refused, contain.ErrNotOurs):
		return h.refuseRole(ctx, a, look.Refused)
	case !undoing.Gone && !step.Undoable(look):
		there := slices.ContainsFunc(look.There, func(d contain.Document) bool { return d.Text != "" })
		return h.refuse(ctx, a, "deny_changed", messages.DenyChanged(w, role, undoing.Policy, there))
	}
	if undoing.Card, err = h.Sender.CardLink(ctx, held.Request); err != nil {
		return err
	}
	if undoing.Revives {
		if words == "" {
			return h.refuse(ctx, a, "words_missing", messages.WordsNeeded(w, role, undoing))
		}
		undoing.Words = words
	}
	if role.InForce, err = h.others(ctx, force, held.Request.ID); err != nil {
		return err
	}
	return h.open(ctx, a, role, record.Facts{Role: role, Undo: &undoing}, approvals.Opening{
		Purpose: held.Measure.Undo(), About: held.Request.ID,
		Subject: subject, Reason: reason, Witness: found.ServerTime,
	})
}

// toUndo is what is to be taken away: of a button what its request has applied, else the newest
// request for a measure that is in force; without a measure, the only one. If there is nothing, if
// several are meant, or if a later request has to be undone before, it says so.
func (h *Handlers) toUndo(
	ctx context.Context, about string, of approvals.Measure, force record.Force, on approvals.Subject,
	role record.Role,
) (held record.Holding, why *messages.Message, err error) {
	noun, all := "measure", force.Each()
	if of != "" {
		noun = h.Measures.Words(of.Undo()).Noun
		all = slices.DeleteFunc(all, func(h record.Holding) bool { return h.Measure != of })
	}
	if on.Part != "" {
		all = slices.DeleteFunc(all, func(h record.Holding) bool { return h.Request.Subject.Part != on.Part })
	}
	found := len(all) > 0
	switch {
	case about != "":
		held, found = force.Of(about)
		pressed, _, err := h.Store.Load(ctx, about)
		switch {
		case errors.Is(err, approvals.ErrUnknownRequest):
			return held, messages.NothingToUndo(role, messages.NotOnRecord(noun)), nil
		case err != nil:
			return held, nil, err
		case pressed.Subject.Key != on.Key:
			return held, messages.NothingToUndo(role, messages.UndoneByRole), nil
		case held.Undone || pressed.Undone != nil:
			return held, messages.NothingToUndo(role, messages.UndoneAlready), nil
		}
	case len(all) > 1:
		var list []messages.Listed
		for _, held := range all {
			list = append(list, messages.Listed{
				Request: held.Request, Context: messages.Context{Words: h.Measures.Words(held.Request.Purpose)},
			})
		}
		return held, messages.UndoWhich(list, role), nil
	case found:
		held = all[0]
	}
	newer, covered := force.Above(held.Request.ID, held.Changes)
	switch {
	case covered:
		link, err := h.Sender.CardLink(ctx, newer.Request)
		return held, messages.NewerDeny(h.Measures.Words(newer.Request.Purpose), newer.Request, role, link), err
	case !found || !held.InForce():
		return held, messages.NothingToUndo(role, messages.NotOnRecord(noun)), nil
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

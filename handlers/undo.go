package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
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
	var look aws.UndoLook
	found, ok, err := h.admit(ctx, item, c, to, target, messages.NoQuorumToUndo, func(ctx context.Context) (role aws.Role, err error) {
		look, err = h.Cloud.LookToUndo(ctx, target)
		return look.Role, err
	})
	if !ok || err != nil {
		return err
	}
	past, err := h.denies(ctx, subjectKey(found))
	if err != nil {
		return err
	}
	role := roleFacts(found)
	if m, err := h.notThis(ctx, c.About, past, subjectKey(found), role); m != nil || err != nil {
		if err != nil {
			return err
		}
		return h.refuse(ctx, item, c, to, "nothing_to_undo", m)
	}
	latest := past.latest
	plan, done, err := look.Plan(latest.document, latest.previous)
	switch {
	case done && !h.mayWriteAgain(latest.request):
		return h.refuse(ctx, item, c, to, "deny_gone", messages.DenyAlreadyGone(role))
	case err != nil:
		return h.refuse(ctx, item, c, to, "deny_changed", messages.DenyChanged(role, look.Document != ""))
	}
	link, err := h.cardLink(ctx, latest.request)
	if err != nil {
		return err
	}
	undoing := record.Undoing{
		Card: link, Requester: latest.request.Requester, Approvers: latest.request.Voters(), Applied: latest.request.Ended,
		Document: latest.document, Restores: latest.previous, Cutoff: plan.Cutoff, RestoreCutoff: plan.RestoreCutoff,
		RevivesUntil: plan.RevivesUntil, Revives: plan.Revives(), Gone: done,
	}
	if undoing.Revives {
		if words == "" {
			return h.refuse(ctx, item, c, to, "words_missing", messages.WordsNeeded(role, undoing))
		}
		undoing.Words = words
	}
	facts, err := json.Marshal(record.Facts{Role: role, Undo: &undoing})
	if err != nil {
		return fmt.Errorf("facts of an undo: %w", err)
	}
	return h.open(ctx, item, c, to, role, approvals.Opening{
		Purpose: approvals.PurposeUndo, About: latest.request.ID,
		Subject: approvals.Subject{Key: subjectKey(found), Group: found.AccountName, Facts: facts},
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
func (h *Handlers) notThis(ctx context.Context, about string, past denies, key string, role record.Role) (*messages.Message, error) {
	if about == "" || past.found && about == past.latest.request.ID {
		if !past.found {
			return messages.NothingToUndo(role), nil
		}
		return nil, nil
	}
	pressed, _, err := h.Store.Load(ctx, about)
	switch {
	case errors.Is(err, approvals.ErrUnknownRequest):
		return messages.NothingToUndo(role), nil
	case err != nil:
		return nil, err
	case pressed.Subject.Key != key:
		return messages.DenyOfAnotherRole(role), nil
	case past.undone[about] || pressed.Undone != nil:
		return messages.UndoneAlready(role), nil
	case !past.found:
		return messages.NothingToUndo(role), nil
	}
	link, err := h.cardLink(ctx, past.latest.request)
	if err != nil {
		return nil, err
	}
	return messages.NewerDeny(past.latest.request, role, link), nil
}

// cardLink is the address of a request's card, empty while it is not known.
func (h *Handlers) cardLink(ctx context.Context, r approvals.Request) (string, error) {
	d, err := h.Store.Delivered(ctx, r.ID)
	if err != nil || d.Card == "" {
		return "", err
	}
	return h.Slack.Link(r.Place.Channel, d.Card), nil
}

// deny is an applied revocation, and what the bot has put on the role for it.
type deny struct {
	request  approvals.Request
	document string    // the policy that was written last
	previous string    // what was on the role before the first of its writes, "" none
	cutoff   time.Time // of document
}

// denies is what a role's requests come to.
type denies struct {
	latest   deny // the latest revocation that was applied and not undone
	found    bool // there is one
	undone   map[string]bool
	underWay bool // a request for the role has not ended
}

// historyDepth is how many requests of a role are looked through; a store keeps that many.
const historyDepth = 50

// denies looks through the requests of a role, the newest first. A deny that an applied request has undone is undone, also
// while its own log does not say so yet.
func (h *Handlers) denies(ctx context.Context, key string) (denies, error) {
	past := denies{undone: make(map[string]bool)}
	ids, err := h.Store.History(ctx, key, historyDepth)
	if err != nil {
		return denies{}, err
	}
	for _, id := range ids {
		r, events, err := h.Store.Load(ctx, id)
		if errors.Is(err, approvals.ErrUnknownRequest) {
			continue
		}
		if err != nil {
			return denies{}, err
		}
		switch {
		case !r.State.Ended():
			past.underWay = true
		case r.State != approvals.StateApplied:
		case r.Purpose == approvals.PurposeUndo:
			past.undone[r.About] = true
		case past.undone[id] || r.Undone != nil:
			past.undone[id] = true
		default:
			past.latest, past.found = denyOf(r, events), true
			return past, nil
		}
	}
	return past, nil
}

// denyOf reads what a revocation has written from its log. What was promised last counts as written until more is known:
// AWS may have taken it although no answer came.
func denyOf(r approvals.Request, events []approvals.Event) deny {
	d := deny{request: r}
	before := make(map[string]string) // what was on the role before each document that was written
	for _, e := range events {
		switch e.Type {
		case approvals.EventStarted, approvals.EventApplied, approvals.EventTampered, approvals.EventRewritten:
		default:
			continue
		}
		var w struct {
			Document string    `json:"document"`
			Cutoff   time.Time `json:"cutoff"`
			Promise  time.Time `json:"promise"`
			Previous string    `json:"previous"`
		}
		if json.Unmarshal(e.Detail, &w) != nil || w.Document == "" {
			continue
		}
		d.document, d.cutoff = w.Document, latest(w.Cutoff, w.Promise)
		if e.Type != approvals.EventStarted {
			continue // what it replaced was put there by whoever worked against the deny
		}
		d.previous = w.Previous
		if earlier, own := before[w.Previous]; own {
			d.previous = earlier // an earlier try had written it
		}
		before[w.Document] = d.previous
	}
	return d
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

package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/step"
)

// Submission is a form that was sent, the Body of an item of KindSubmit.
type Submission struct {
	Team       string              `json:"team"`
	Enterprise string              `json:"enterprise,omitempty"`
	App        string              `json:"app"`
	User       string              `json:"user"`
	Form       string              `json:"form"`              // messages.FormDeny, messages.FormUndo or messages.FormAsk
	Origin     messages.FormOrigin `json:"origin"`            // as it was put into the form when it was opened
	Account    string              `json:"account,omitempty"` // of FormAsk: as chosen; "" when there is nothing to choose
	Role       string              `json:"role,omitempty"`    // of FormAsk: as typed, or account/name as chosen
	Reason     string              `json:"reason,omitempty"`
	Words      string              `json:"words,omitempty"`  // of FormUndo: what was typed to say that it is meant
	Secret     bool                `json:"secret,omitempty"` // a secret was dropped from what was typed
	RequestID  string              `json:"request_id"`       // the id a new request gets if the form asks for one
}

// submit handles a form.
func (h *Handlers) submit(ctx context.Context, item approvals.Item) error {
	s, err := step.BodyOf[Submission](item)
	if err != nil {
		return err
	}
	if !slices.Contains(messages.Forms(), s.Form) {
		return fmt.Errorf("%w: form %q", step.ErrNotAnItem, s.Form)
	}
	to := Listener{User: s.User, Channel: s.Origin.Channel}
	if s.Secret {
		h.whisper(ctx, to, messages.SecretRemoved())
	}
	if s.Form == messages.FormAsk {
		return h.submitAsk(ctx, item, s, to)
	}
	reason := s.Reason
	if utf8.RuneCountInString(reason) > messages.MaxReason {
		reason = cutRunes(reason, messages.MaxReason) // Slack's own limit on the field is the same
	}
	if s.Form == messages.FormUndo {
		return h.submitUndo(ctx, item, s, to, reason)
	}
	return h.attempt(ctx, item, to, s.Origin.Request, reason, approvals.Attempt{
		Action: approvals.ActionDeny, By: s.User, Card: s.Origin.Message, Source: item.Source,
		Place: h.place(s.Team, s.App, s.Origin.Channel),
	})
}

// offerDenial opens the form that asks for the reason of a denial. It comes before anything slow,
// because Slack lets a form be opened for three seconds only. Whether the person may deny at all is
// looked up when the form is sent; what can be refused without a look-up is refused here. It
// reports false when the click has to be decided without a form.
func (h *Handlers) offerDenial(
	ctx context.Context, item approvals.Item, r approvals.Request, c Click, a approvals.Attempt, to Listener,
) (bool, error) {
	delivered, err := h.Store.Delivered(ctx, r.ID)
	if err != nil || delivered.Card == "" {
		return false, err
	}
	now, err := h.Store.Now(ctx)
	if err != nil {
		return false, err
	}
	// Without facts about the person the best that can come out is that they could not be looked up.
	d := approvals.Decide(r, delivered.Card, a, h.Policies[r.Subject.Group], now)
	if d.Verdict != approvals.Refuse || d.Refusal.Code != approvals.RefusedLookupFailed || c.Trigger == "" {
		return false, nil
	}
	about, err := h.Context(r)
	if err != nil {
		return false, err
	}
	form, err := messages.DenyForm(r, about, messages.FormOrigin{Request: r.ID, Channel: c.Channel, Message: c.Message})
	if err != nil {
		return false, err
	}
	if err := h.Slack.OpenForm(ctx, c.Trigger, about.LeavingForm(form)); err != nil {
		refused, ok := errors.AsType[*deliver.SlackError](err)
		if !ok {
			return false, err
		}
		if item.Tries > 1 || refused.Kind == deliver.SlackUnsure {
			// The form may be in front of them, with a way back. Nobody is to deny who has not confirmed it.
			return true, h.formLost(ctx, r, a, to)
		}
		// Too late for a form. A denial is the safe answer to an approver who pressed Deny: it counts
		// without a reason.
		h.Log.WarnContext(ctx, "the form for a denial could not be opened; it is decided without a reason", "request", r.ID,
			"error", err)
		return false, nil
	}
	return true, nil
}

// formLost records a Deny whose form may not have opened, and tells whoever pressed it what to do.
func (h *Handlers) formLost(ctx context.Context, r approvals.Request, a approvals.Attempt, to Listener) error {
	refusal := approvals.Refusal{Action: a.Action, Code: approvals.RefusedFormLost}
	t := step.Appending(r.ID)
	if err := step.AddBy(&t, approvals.EventRefused, a.By, a.Source, refusal); err != nil {
		return err
	}
	if err := h.Store.Commit(ctx, t); err != nil {
		return err
	}
	return h.tellRefused(ctx, r, refusal, to)
}

package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// Submission is a form that was sent, the Body of an item of KindSubmit.
type Submission struct {
	approvals.Place
	User      string              `json:"user"`
	Form      string              `json:"form"`              // messages.FormDeny, messages.FormUndo or messages.FormAsk
	Origin    messages.FormOrigin `json:"origin"`            // as it was put into the form when it was opened
	Account   string              `json:"account,omitempty"` // of FormAsk: as chosen; "" when there is nothing to choose
	Role      string              `json:"role,omitempty"`    // of FormAsk: as typed, or account/name as chosen
	Reason    string              `json:"reason,omitempty"`
	Words     string              `json:"words,omitempty"`     // of FormUndo: what was typed to say that it is meant
	Addresses string              `json:"addresses,omitempty"` // of FormAddresses
	Secret    bool                `json:"secret,omitempty"`    // a secret was dropped from what was typed
	RequestID string              `json:"request_id"`          // the id a new request gets if the form asks for one
}

// submit handles a form.
func (h *Handlers) submit(ctx context.Context, a act) error {
	s, err := step.BodyOf[Submission](a.item)
	if err != nil {
		return err
	}
	reason := cutRunes(s.Reason, messages.MaxReason) // Slack's own limit on the field is the same
	switch s.Form {
	case messages.FormAsk:
		return h.submitAsk(ctx, a, s)
	case messages.FormAddresses:
		return h.submitAddresses(ctx, a, s)
	case messages.FormUndo:
		return h.submitUndo(ctx, a, s.Words, reason)
	case messages.FormDeny:
		return h.attempt(ctx, a, approvals.ActionDeny, reason)
	default:
		return fmt.Errorf("%w: form %q", step.ErrNotAnItem, s.Form)
	}
}

// offerDenial opens the form that asks for the reason of a denial. It comes before anything slow,
// because Slack lets a form be opened for three seconds only. Whether the person may deny at all is
// looked up when the form is sent; what can be refused without a look-up is refused by the caller,
// as a click that has to be decided without a form is decided by it.
func (h *Handlers) offerDenial(ctx context.Context, a act, v record.View, deny approvals.Attempt) error {
	r := v.Request
	// Without facts about the person the best that can come out is that they could not be looked up.
	d := approvals.Decide(r, v.Card, deny, h.Policies[r.Subject.Group], v.Now)
	if d.Refusal.Code != approvals.RefusedLookupFailed || a.Trigger == "" {
		return nil
	}
	about, err := h.Context(r)
	if err != nil {
		return err
	}
	form := messages.DenyForm(r, about, messages.FormOrigin{Request: r.ID, Channel: a.Channel, Message: a.message})
	err = h.Slack.OpenForm(ctx, a.Trigger, about.LeavingForm(form))
	refused, ok := errors.AsType[*deliver.SlackError](err)
	switch {
	case err == nil:
		return errAnswered
	case !ok:
		return err
	case a.item.Tries > 1 || refused.Kind == deliver.SlackUnsure:
		// The form may be in front of them, with a way back. A person who has not confirmed it
		// denies nothing.
		d.Refusal.Code = approvals.RefusedFormLost
		t := step.Appending(r.ID)
		step.AddBy(&t, approvals.EventRefused, a.User, a.item.Source, d.Refusal)
		if err := h.Store.Commit(ctx, t); err != nil {
			return err
		}
		return h.answer(ctx, a, messages.Refused(r, d.Refusal, about))
	}
	// Too late for a form. A denial is the safe answer to an approver who pressed Deny: it counts
	// without a reason.
	h.Log.WarnContext(ctx, "the form for a denial could not be opened; it is decided without a reason", "request", r.ID,
		"error", err)
	return nil
}

package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// Click is a pressed button, the Body of an item of KindClick. Nothing in it but the opaque Value
// says what is to be done; the rest is compared with what is stored.
type Click struct {
	approvals.Place
	Message     string `json:"message"`
	User        string `json:"user"`
	ActionID    string `json:"action_id"`
	Value       string `json:"value"`      // a request's id
	RequestID   string `json:"request_id"` // the id a new request gets if the click asks for one
	ResponseURL string `json:"response_url,omitempty"`
	Trigger     string `json:"trigger,omitempty"` // a credential for three seconds: never logged
}

// click does what a button means.
func (h *Handlers) click(ctx context.Context, a act) error {
	action := actionOf(a.action)
	if action == "" {
		if err := h.flooded(ctx, a, "click by "+a.User, clicksPerPerson); err != nil {
			return err
		}
	}
	switch a.action {
	case messages.ActionAgain, messages.ActionUndo, messages.ActionCleanUp, messages.ActionFurther:
		return h.again(ctx, a)
	case messages.ActionMeant: // what it holds counts as if it were typed
		return h.command(ctx, a)
	case messages.ActionAddresses:
		return h.openAddresses(ctx, a, messages.KnownIn(a.value))
	case messages.ActionAsk:
		return h.askFromHome(ctx, a)
	case messages.ActionFilter:
		return h.filterHome(ctx, a)
	case messages.ActionDetails:
		return h.details(ctx, a)
	case messages.ActionReport:
		return h.reportClick(ctx, a)
	case messages.ActionPlan:
		return h.plan(ctx, a)
	case messages.ActionChain:
		return h.chained(ctx, a)
	case messages.ActionSession:
		return h.choose(ctx, a)
	case messages.ActionOurs:
		return h.vouch(ctx, a)
	}
	return h.attempt(ctx, a, action, "")
}

// attempt decides an act on a request, and does what follows. reason is that of a denial.
//
// An approval that may be the missing one is prepared for while it is looked up who gives it, and
// is carried out here: the item is done when the revocation is. If this replica dies in between,
// the replica that takes the item over finds the approval in the log and goes on.
func (h *Handlers) attempt(ctx context.Context, a act, action approvals.Action, reason string) error {
	v, err := h.View(ctx, a.value)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return h.noSuchRequest(ctx, a)
	}
	if err != nil {
		return err
	}
	if !a.item.At.IsZero() && v.Request.Opened.Sub(a.item.At) > clickSlack {
		return h.Alarm(ctx, a.value, "replayed "+a.item.ID, "a click that is older than its request was queued again")
	}
	if v.Request.State == approvals.StateOpen && v.Card == "" && a.item.Attempt < cardWaits {
		return &step.Again{After: cardWait}
	}
	at := approvals.Attempt{Action: action, By: a.User, Card: a.message, Source: a.item.Source, Place: a.Place}
	a.drill = v.Request.Purpose.Mode() == approvals.ModeDrill
	if action == approvals.ActionDeny && a.item.Kind == KindClick {
		if err := h.offerDenial(ctx, a, v, at); err != nil {
			return err
		}
	}
	policy := h.Policies[v.Request.Subject.Group]
	var ready *execution
	if v.Request.State == approvals.StateOpen && action != approvals.ActionCancel {
		// Slack answers about a hundred look-ups of people a minute, and approvers need them.
		if v.Request.RefusedBy(a.User) >= loggedRefusals {
			if err := h.flooded(ctx, a, "look-up of "+a.User, lookUpsPerPerson); err != nil {
				return err
			}
		}
		if ready = h.prepare(ctx, v, at, policy); ready != nil {
			defer ready.drop()
		}
		at.Facts = h.facts(ctx, a.User, policy)
	}
	d := approvals.Decide(v.Request, v.Card, at, policy, v.Now)
	if d.Event.Type == approvals.EventRefused {
		if err := h.flooded(ctx, a, "click by "+a.User, clicksPerPerson); err != nil {
			return err
		}
	}
	err = h.ChangeFrom(ctx, v, func(now record.View) (approvals.Transition, error) {
		v, d = now, approvals.Decide(now.Request, now.Card, at, policy, now.Now)
		return decided(now.Request, at, d, reason), nil
	})
	if err != nil {
		return err
	}
	if d.Event.Type == "" { // it is in the log already
		if approvedBy(v, at.Source) {
			return h.carryOut(ctx, a.item, v, nil)
		}
		return nil
	}
	h.Log.InfoContext(ctx, "a click was decided", "request", v.Request.ID, "user", a.User, "action", string(action),
		"event", string(d.Event.Type), "refusal", string(d.Refusal.Code))
	switch d.Event.Type {
	case approvals.EventRefused:
		c, err := h.Context(v.Request)
		if err != nil {
			return err
		}
		why := messages.Refused(v.Request, d.Refusal, c)
		if v.Request.RefusedBy(a.User) >= loggedRefusals {
			return h.refuse(ctx, a, string(d.Refusal.Code), why)
		}
		return h.answer(ctx, a, why)
	case approvals.EventApproved:
		d.Event.At = v.Now
		approved, err := v.Request.With(d.Event)
		if err != nil {
			return err
		}
		return h.carryOut(ctx, a.item, record.View{Request: approved, Events: v.Events}, ready)
	default:
		return nil
	}
}

// loggedRefusals is how many refused clicks of one person a request's log keeps. The notes have the
// rest: every step reads the whole log, and no person must be able to make it long.
const loggedRefusals = 20

// approvedBy reports whether the approval that was still missing came from source.
func approvedBy(v record.View, source string) bool {
	return slices.ContainsFunc(v.Events, func(e approvals.Event) bool {
		return e.Type == approvals.EventApproved && e.Source == source
	})
}

// A click can come while Slack's answer to the card that was clicked is still on its way: it waits
// for that a little.
const (
	cardWait = 300 * time.Millisecond
	// clickSlack is how far the clocks of two replicas may be apart.
	clickSlack = 5 * time.Second
	cardWaits  = 8
)

// executeLater is when the queue takes an approved request up that was not carried out where it was
// approved: the replicas that had its click died, or AWS has not accepted the policy yet.
const executeLater = 30 * time.Second

// executeItem is the work that carries an approved request out.
func executeItem(request string) approvals.Item {
	return approvals.Item{Kind: KindExecute, Request: request, Source: "execute " + request}
}

// decided is what a decision writes: nothing where it is in the log already, and for a refusal like
// many before it.
func decided(r approvals.Request, a approvals.Attempt, d approvals.Decision, reason string) (t approvals.Transition) {
	switch d.Event.Type {
	case "":
		return t
	case approvals.EventRefused:
		if r.RefusedBy(a.By) < loggedRefusals {
			t.Expect, t.Events = approvals.AppendOnly, []approvals.Event{d.Event}
		}
		return t
	case approvals.EventApproved:
		t.Due = []approvals.Due{{Item: executeItem(r.ID), After: executeLater}}
	case approvals.EventDenied:
		d.Event.Detail = record.Encode(record.Denial{Reason: reason})
	}
	t.When, t.Next, t.Events = approvals.BeforeDeadline, d.Next, []approvals.Event{d.Event}
	return t
}

// actionOf reads the button. Anything that is not a button of the card is no action.
func actionOf(actionID string) approvals.Action {
	switch actionID {
	case messages.ActionApprove:
		return approvals.ActionApprove
	case messages.ActionDeny:
		return approvals.ActionDeny
	case messages.ActionCancel:
		return approvals.ActionCancel
	default:
		return ""
	}
}

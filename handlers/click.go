package handlers

import (
	"context"
	"errors"
	"fmt"
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
	Team        string `json:"team"`
	App         string `json:"app"`
	Channel     string `json:"channel"`
	Message     string `json:"message"`
	User        string `json:"user"`
	ActionID    string `json:"action_id"`
	Value       string `json:"value"`      // a request's id
	RequestID   string `json:"request_id"` // the id a new request gets if the click asks for one
	ResponseURL string `json:"response_url,omitempty"`
	Trigger     string `json:"trigger,omitempty"` // a credential for three seconds: never logged
}

// command is what the click asks for, as its sender would type it in the place of the thread; about
// is the request that is to be undone, if any.
func (c Click) command(in approvals.Place, text, about string) Command {
	return Command{
		RequestID: c.RequestID, Team: c.Team, Enterprise: in.Enterprise, App: c.App, Channel: c.Channel, User: c.User,
		ResponseURL: c.ResponseURL, Text: text, About: about,
	}
}

// click decides a request.
func (h *Handlers) click(ctx context.Context, item approvals.Item) error {
	c, err := step.BodyOf[Click](item)
	if err != nil {
		return err
	}
	to := Listener{User: c.User, Channel: c.Channel, ResponseURL: c.ResponseURL}
	if actionOf(c.ActionID) == "" {
		request, _ := messages.PartsOf(c.Value)
		if flooded, err := h.tooManyClicks(ctx, item, to, request, c.Message, c.Value); flooded || err != nil {
			return err
		}
	}
	switch c.ActionID {
	case messages.ActionAgain, messages.ActionUndo, messages.ActionCleanUp, messages.ActionFurther:
		return h.again(ctx, item, c, to)
	case messages.ActionAsk:
		return h.askFromHome(ctx, item, c)
	case messages.ActionReport:
		return h.reportClick(ctx, item, c, to)
	case messages.ActionChain:
		return h.chained(ctx, item, c, to)
	case messages.ActionSession:
		return h.choose(ctx, item, c, to)
	}
	a := approvals.Attempt{
		Action: actionOf(c.ActionID), By: c.User, Card: c.Message, Source: item.Source,
		Place: h.place(c.Team, c.App, c.Channel),
	}
	if a.Action == approvals.ActionDeny {
		r, _, err := h.Store.Load(ctx, c.Value)
		if err == nil {
			to.Drill = r.Purpose.Mode() == approvals.ModeDrill
			var offered bool
			offered, err = h.offerDenial(ctx, item, r, c, a, to)
			if offered {
				return nil
			}
		}
		if err != nil && !errors.Is(err, approvals.ErrUnknownRequest) {
			return err
		}
	}
	return h.attempt(ctx, item, to, c.Value, "", a)
}

// tooManyClicks counts a click and reports whether its sender has to wait.
func (h *Handlers) tooManyClicks(
	ctx context.Context, item approvals.Item, to Listener, request, message, value string,
) (bool, error) {
	wait, err := h.clickFlood(ctx, item, to.User)
	if err != nil || wait == 0 {
		return false, err
	}
	return true, h.refuseClick(ctx, item, h.about(ctx, to, request), "flood", message, value, messages.TooMany(wait))
}

// attempt decides an act of a person on a request, and does what follows. reason is that of a
// denial.
//
// An approval that may be the missing one is prepared for while it is looked up who gives it, and
// is carried out here: the item is done when the revocation is. If this replica dies in between,
// the replica that takes the item over finds the approval in the log and goes on.
func (h *Handlers) attempt(
	ctx context.Context, item approvals.Item, to Listener, request, reason string, a approvals.Attempt,
) error {
	v, err := h.View(ctx, request)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return h.noSuchRequest(ctx, item, to, a.Card, request)
	}
	if err != nil {
		return err
	}
	if !item.At.IsZero() && v.Request.Opened.Sub(item.At) > clickSlack {
		return h.Alarm(ctx, request, "replayed "+item.ID, "a click that is older than its request was queued again")
	}
	if beforeItsCard(v, item) {
		return &step.Again{After: cardWait}
	}
	to.Drill = v.Request.Purpose.Mode() == approvals.ModeDrill
	policy := h.Policies[v.Request.Subject.Group]
	var ready *execution
	if v.Request.State == approvals.StateOpen && a.Action != approvals.ActionCancel {
		if ready = h.prepare(ctx, v, a, policy); ready != nil {
			defer ready.drop()
		}
		a.Facts = h.factsFor(ctx, a.By, policy)
	}
	d := approvals.Decide(v.Request, v.Card, a, policy, v.Now)
	if d.Verdict == approvals.Refuse {
		if flooded, err := h.tooManyClicks(ctx, item, to, request, a.Card, request); flooded || err != nil {
			return err
		}
	}
	err = h.ChangeFrom(ctx, v, func(now record.View) (approvals.Transition, error) {
		v, d = now, approvals.Decide(now.Request, now.Card, a, policy, now.Now)
		return decided(now.Request, a, d, reason)
	})
	switch r := v.Request; {
	case err != nil:
		return err
	case d.Verdict == approvals.Ignore && approvedBy(v, a.Source):
		return h.carryOut(ctx, item, v, nil)
	case d.Verdict == approvals.Ignore:
		return nil
	case d.Verdict == approvals.Refuse && r.RefusedBy(a.By) >= loggedRefusals:
		return h.noteRefusal(ctx, r, a, d.Refusal, to)
	}
	h.Log.InfoContext(ctx, "a click was decided", "request", v.Request.ID, "user", a.By, "action", string(a.Action),
		"event", string(d.Event.Type), "refusal", string(d.Refusal.Code))
	switch d.Verdict {
	case approvals.Refuse:
		return h.tellRefused(ctx, v.Request, d.Refusal, to)
	case approvals.Approve:
		d.Event.At = v.Now
		approved, err := v.Request.With(d.Event)
		if err != nil {
			return err
		}
		return h.carryOut(ctx, item, record.View{Request: approved, Events: v.Events}, ready)
	default:
		return nil
	}
}

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

// beforeItsCard reports whether a click came before the card is known, and may still come to be
// compared with it.
func beforeItsCard(v record.View, item approvals.Item) bool {
	return v.Request.State == approvals.StateOpen && v.Card == "" && item.Attempt < cardWaits
}

// executeLater is when the queue takes an approved request up that was not carried out where it was
// approved: the replicas that had its click died, or AWS has not accepted the policy yet.
const executeLater = 30 * time.Second

// executeItem is the work that carries an approved request out.
func executeItem(request string) approvals.Item {
	return approvals.Item{Kind: KindExecute, Request: request, Source: "execute " + request}
}

// decided is what a decision writes: nothing where it is in the log already, and for a refusal like
// many before it.
func decided(
	r approvals.Request, a approvals.Attempt, d approvals.Decision, reason string,
) (t approvals.Transition, err error) {
	switch d.Verdict {
	case approvals.Ignore:
		return t, nil
	case approvals.Refuse:
		if r.RefusedBy(a.By) < loggedRefusals {
			t.Expect, t.Events = approvals.AppendOnly, []approvals.Event{d.Event}
		}
		return t, nil
	case approvals.Approve:
		t.Due = []approvals.Due{{Item: executeItem(r.ID), After: executeLater}}
	case approvals.Deny:
		t.When, t.Next = approvals.BeforeDeadline, d.Next
		err = step.AddBy(&t, d.Event.Type, a.By, a.Source, record.Denial{Reason: reason})
		return t, err
	case approvals.Count, approvals.Cancel:
	default:
		return t, fmt.Errorf("request %s: a decision that says nothing", r.ID)
	}
	t.When, t.Next, t.Events = approvals.BeforeDeadline, d.Next, []approvals.Event{d.Event}
	return t, nil
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

package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// Click is a pressed button, the Body of an item of KindClick. Nothing in it but the opaque Value says what is to be
// done; the rest is compared with what is stored.
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

// attempts at a decision while others decide the same request at the same time.
const maxDecisions = 25

// click decides a request.
func (h *Handlers) click(ctx context.Context, item approvals.Item) error {
	var c Click
	if err := json.Unmarshal(item.Body, &c); err != nil {
		return fmt.Errorf("read a click: %w", err)
	}
	to := Listener{User: c.User, Channel: c.Channel, ResponseURL: c.ResponseURL}
	if wait, err := h.clickFlood(ctx, item, c.User); err != nil {
		return err
	} else if wait > 0 {
		request, _ := messages.PartsOf(c.Value)
		return h.refuseClick(ctx, item, h.about(ctx, to, request), "flood", c.Message, c.Value, messages.TooMany(wait))
	}
	switch c.ActionID {
	case messages.ActionAgain, messages.ActionUndo, messages.ActionCleanUp:
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
			to.Drill = r.Purpose == approvals.PurposeDrill
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

// attempt decides what somebody wants to do with a request, and does what follows. reason is that of a denial.
//
// An approval that may be the missing one is prepared for while it is looked up who gives it, and is carried out here: the
// item is done when the revocation is. Should this replica die in between, whoever takes the item over finds the approval
// in the log and goes on.
func (h *Handlers) attempt(ctx context.Context, item approvals.Item, to Listener, request, reason string, a approvals.Attempt) error {
	v, err := h.view(ctx, request)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return h.noSuchRequest(ctx, item, to, a.Card, request)
	}
	if err != nil {
		return err
	}
	if beforeItsCard(v, item) {
		return &Again{After: cardWait}
	}
	to.Drill = v.request.Purpose == approvals.PurposeDrill
	policy := h.Policies[v.request.Subject.Group]
	var ready *preparation
	if v.request.State == approvals.StateOpen && a.Action != approvals.ActionCancel {
		if ready = h.prepare(ctx, v, a, policy); ready != nil {
			defer ready.drop()
		}
		a.Facts = h.factsFor(ctx, a.By, policy)
	}
	for range maxDecisions {
		d, done, err := h.decide(ctx, v, a, policy, to, reason)
		switch {
		case err != nil:
			return err
		case done && d.Verdict == approvals.Approve:
			d.Event.At = v.now
			approved, err := v.request.With(d.Event)
			if err != nil {
				return err
			}
			return h.carryOut(ctx, item, approved, ready)
		case done && d.Verdict == approvals.Ignore && v.approvedBy(a.Source):
			return h.carryOut(ctx, item, v.request, nil)
		case done:
			return nil
		}
		if v, err = h.view(ctx, request); err != nil {
			return err
		}
	}
	return fmt.Errorf("request %s changed %d times while a click was decided", request, maxDecisions)
}

// view is a request as it is decided on.
type view struct {
	request approvals.Request
	events  []approvals.Event
	card    string    // the message that is its card, "" when it is not known yet
	now     time.Time // the store's clock, before the rest was read
}

// view reads a request, where its card is, and the time, side by side.
func (h *Handlers) view(ctx context.Context, id string) (v view, err error) {
	var reads errgroup.Group
	reads.Go(func() (err error) { v.request, v.events, err = h.Store.Load(ctx, id); return err })
	reads.Go(func() (err error) { v.now, err = h.Store.Now(ctx); return err })
	var delivered approvals.Delivery
	reads.Go(func() (err error) { delivered, err = h.Store.Delivered(ctx, id); return err })
	err = reads.Wait()
	v.card = delivered.Card
	return v, err
}

// approvedBy reports whether the approval that was still missing came from source.
func (v view) approvedBy(source string) bool {
	return slices.ContainsFunc(v.events, func(e approvals.Event) bool { return e.Type == approvals.EventApproved && e.Source == source })
}

// A click can come while Slack's answer to the card that was clicked is still on its way: it waits for that a little.
const (
	cardWait  = 300 * time.Millisecond
	cardWaits = 8
)

// beforeItsCard reports whether a click came before the card is known, and may still come to be compared with it.
func beforeItsCard(v view, item approvals.Item) bool {
	return v.request.State == approvals.StateOpen && v.card == "" && item.Attempt < cardWaits
}

// executeLater is when the queue takes an approved request up that was not carried out where it was approved: the worker
// died, and so did whoever took its click over; or AWS did not take it yet.
const executeLater = 30 * time.Second

// executeItem is the work that carries an approved request out.
func executeItem(request string) approvals.Item {
	return approvals.Item{Kind: KindExecute, Request: request, Source: "execute " + request}
}

// decide makes one try; done is false when the request changed in between.
func (h *Handlers) decide(ctx context.Context, v view, a approvals.Attempt, p approvals.Policy, to Listener, reason string) (d approvals.Decision, done bool, err error) {
	r := v.request
	d = approvals.Decide(r, v.card, a, p, v.now)
	t := approvals.Transition{RequestID: r.ID, Expect: r.Seq, When: approvals.BeforeDeadline, Events: []approvals.Event{d.Event}, Next: d.Next}
	switch d.Verdict {
	case approvals.Ignore:
		return d, true, nil
	case approvals.Refuse:
		if r.RefusedBy(a.By) >= loggedRefusals {
			return d, true, h.noteRefusal(ctx, r, a, d.Refusal, to)
		}
		t.Expect, t.When, t.Next = approvals.AppendOnly, approvals.AnyTime, approvals.StateUnknown
	case approvals.Approve:
		t.Due = []approvals.Due{{Item: executeItem(r.ID), After: executeLater}}
	case approvals.Deny:
		if t.Events[0].Detail, err = json.Marshal(record.Denial{Reason: reason}); err != nil {
			return d, false, fmt.Errorf("reason of a denial: %w", err)
		}
	case approvals.Count, approvals.Cancel:
	default:
		return d, false, fmt.Errorf("request %s: a decision that says nothing", r.ID)
	}
	switch err := h.Store.Commit(ctx, t); {
	case errors.Is(err, approvals.ErrConflict), errors.Is(err, approvals.ErrTooLate):
		return d, false, nil // decide again on what is there now; by then the clock says no
	case err != nil:
		return d, false, err
	}
	h.log.InfoContext(ctx, "a click was decided", "request", r.ID, "user", a.By, "action", string(a.Action),
		"event", string(d.Event.Type), "refusal", string(d.Refusal.Code))
	if d.Verdict == approvals.Refuse {
		return d, true, h.tellRefused(ctx, r, d.Refusal, to)
	}
	return d, true, nil
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

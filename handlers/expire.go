package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// expire ends a request that nobody decided in time.
func (h *Handlers) expire(ctx context.Context, item approvals.Item) error {
	expired := false
	err := h.change(ctx, item.Request, func(v view) (t approvals.Transition, err error) {
		if expired = v.request.State == approvals.StateOpen; expired {
			t.When, t.Next = approvals.AfterDeadline, approvals.StateExpired
			t.Events = []approvals.Event{{Type: approvals.EventExpired, Source: "expire " + v.request.ID}}
		}
		return t, nil
	})
	switch {
	case errors.Is(err, approvals.ErrTooEarly):
		// The timer and the deadline are set by the same clock, in the same step; a failover to a
		// server whose clock is behind can still bring the timer first.
		return &Again{After: time.Second}
	case err == nil && expired:
		h.log.InfoContext(ctx, "a request expired", "request", item.Request)
	}
	return err
}

// closeWithoutCard ends a request whose card can never be posted. It reports false when the request
// is not open any more, and when people can see it: then the thread catches up.
func (h *Handlers) closeWithoutCard(ctx context.Context, id, slackError string) (bool, error) {
	return h.close(ctx, id, func(v view) bool { return opened(v) && v.card == "" }, func(approvals.Request) failure {
		return failure{sentence: messages.CardImpossibleReason(slackError)}
	})
}

// cardAge is how old a request is before its card is looked for: Slack has it by then.
const cardAge = 30 * time.Second

// withoutCard looks whether the card of an open request was deleted, and then ends the request: nobody can decide it. It
// reports false where that is not known.
func (h *Handlers) withoutCard(ctx context.Context, id string) (bool, error) {
	r, _, err := h.Store.Load(ctx, id)
	if err != nil {
		return false, err
	}
	d, err := h.Store.Delivered(ctx, id)
	if err != nil || d.Card == "" || r.State != approvals.StateOpen {
		return false, err
	}
	now, err := h.Store.Now(ctx)
	if err != nil || now.Sub(r.Opened) < cardAge {
		return false, err
	}
	look, cancel := context.WithTimeout(ctx, deliveryCall)
	defer cancel()
	ts, err := h.Slack.Find(look, r.Place.Channel, "", Mark{Request: id}, r.Opened)
	if err != nil {
		h.log.WarnContext(ctx, "it could not be found out whether a card is still there", "request", id, "error", err)
		return false, nil
	}
	if ts != "" {
		return false, nil
	}
	h.log.WarnContext(ctx, "the card of an open request was deleted; the request ends, and the role can be asked for again", "request", id)
	return h.cardDeleted(ctx, id)
}

// nowhereToTell reports whether a request has ended and never had a card.
func (h *Handlers) nowhereToTell(ctx context.Context, id string) (bool, error) {
	d, err := h.Store.Delivered(ctx, id)
	if err != nil || d.Card != "" {
		return false, err
	}
	r, _, err := h.Store.Load(ctx, id)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return true, nil
	}
	return r.State.Ended(), err
}

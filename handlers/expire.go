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
	for range maxDecisions {
		r, _, err := h.Store.Load(ctx, item.Request)
		if errors.Is(err, approvals.ErrUnknownRequest) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.State != approvals.StateOpen {
			return nil
		}
		err = h.Store.Commit(ctx, approvals.Transition{
			RequestID: r.ID, Expect: r.Seq, When: approvals.AfterDeadline, Next: approvals.StateExpired,
			Events: []approvals.Event{{Type: approvals.EventExpired, Source: "expire " + r.ID}},
		})
		switch {
		case err == nil:
			h.log.InfoContext(ctx, "a request expired", "request", r.ID)
			return nil
		case errors.Is(err, approvals.ErrConflict):
		case errors.Is(err, approvals.ErrTooEarly):
			// The timer and the deadline are set by the same clock, in the same step; a failover to a server whose clock
			// is behind can still bring the timer first.
			return &Again{After: time.Second}
		default:
			return err
		}
	}
	return &Again{After: time.Second}
}

// closeWithoutCard ends a request whose card can never be posted. It reports false when the request is not open any more.
func (h *Handlers) closeWithoutCard(ctx context.Context, id, slackError string) (bool, error) {
	for range maxDecisions {
		r, _, err := h.Store.Load(ctx, id)
		if err != nil {
			return false, err
		}
		if r.State != approvals.StateOpen {
			return false, nil
		}
		if d, err := h.Store.Delivered(ctx, id); err != nil || d.Card != "" {
			return false, err // people can see it; the thread catches up
		}
		err = h.fail(ctx, r, failure{sentence: messages.CardImpossibleReason(slackError)})
		if !errors.Is(err, approvals.ErrConflict) {
			return err == nil, err
		}
	}
	return false, &Again{After: time.Second}
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
	if err != nil || d.Card == "" || !opened(r.State) {
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

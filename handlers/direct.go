package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// KindOutcome is the item that tells the people of a request by direct message what became of it.
const KindOutcome = "outcome"

const (
	// shutOutAfter is how long a channel has refused what there is to tell before people are told directly.
	shutOutAfter = time.Minute
	// outcomeTries is how often a direct message is tried that Slack does not take yet: for some three hours.
	outcomeTries = 200
	sourceShut   = "shut out"
)

// shutOut records, once, that a channel refuses the bot although a request in it has ended, and queues that the people of
// the request are told directly. The thread goes on being tried.
func (h *Handlers) shutOut(ctx context.Context, id, code string) error {
	r, events, err := h.Store.Load(ctx, id)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return nil
	}
	if err != nil {
		return err
	}
	// Whoever cancelled a request knows.
	if !r.State.Ended() || r.State == approvals.StateCancelled || r.Has(sourceShut) {
		return nil
	}
	d, err := h.Store.Delivered(ctx, id)
	if err != nil || d.Cursor >= int64(len(events)) {
		return err
	}
	now, err := h.Store.Now(ctx)
	if err != nil || now.Sub(events[d.Cursor].At) < shutOutAfter {
		return err
	}
	h.log.WarnContext(ctx, "a channel refuses the outcome of a request; its people are told directly", "request", id, "channel", r.Place.Channel, "code", code)
	t := approvals.Transition{
		RequestID: id, Expect: approvals.AppendOnly,
		Work: []approvals.Item{{Kind: KindOutcome, Request: id, Source: "outcome"}},
	}
	if err := add(&t, approvals.EventShutOut, sourceShut, messages.ShutOut{Code: code}); err != nil {
		return err
	}
	return h.Store.Commit(ctx, t)
}

// outcome tells the requester and those who approved what became of a request, each once.
func (h *Handlers) outcome(ctx context.Context, item approvals.Item) error {
	r, events, err := h.Store.Load(ctx, item.Request)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := h.context(r)
	if err != nil {
		return err
	}
	var passing error
	for _, person := range append([]string{r.Requester}, r.Voters()...) {
		if _, err := h.direct(ctx, r, events, "outcome "+person, person, messages.Outcome(r, c)); err != nil {
			if _, ofSlack := errors.AsType[*SlackError](err); !ofSlack {
				return err
			}
			passing = err
		}
	}
	if passing == nil {
		return nil
	}
	if item.Attempt >= outcomeTries {
		h.log.ErrorContext(ctx, "the people of a request were not told of its outcome", "request", r.ID, "error", passing)
		return nil
	}
	return &Again{After: retryAfter(passing, item.Attempt)}
}

// direct tells one person something by direct message, once: the log knows it by source. told says that they have it, or
// may have it. An error of Slack's is one that may pass; what does not pass is logged and recorded.
//
// The record follows the message: should the bot die between the two, somebody is told twice and not never. Where Slack does
// not say whether it took the message, it is not sent again.
func (h *Handlers) direct(
	ctx context.Context, r approvals.Request, events []approvals.Event, source, person string, m *messages.Message,
) (told bool, err error) {
	for _, e := range events {
		var d messages.Direct
		if e.Type == approvals.EventDirect && e.Source == source && json.Unmarshal(e.Detail, &d) == nil {
			return d.Problem == "" || d.Unsure, nil
		}
	}
	d := messages.Direct{Person: person, About: messages.DirectOutcome}
	if r.State == approvals.StateOpen {
		d.About = messages.DirectCall
	}
	call, cancel := context.WithTimeout(ctx, deliveryCall)
	defer cancel()
	if err := h.Slack.Direct(call, person, Mark{Request: r.ID}, m); err != nil {
		kind, code := slackKind(err)
		if kind == SlackPassing {
			return false, err
		}
		h.log.WarnContext(ctx, "somebody was not told directly, or may not have been", "request", r.ID, "user", person, "error", err)
		d.Unsure, d.Problem = kind == SlackUnsure, code
		if d.Problem == "" {
			d.Problem = "no answer"
		}
	}
	return d.Problem == "" || d.Unsure, h.remark(ctx, r.ID, approvals.EventDirect, source, d)
}

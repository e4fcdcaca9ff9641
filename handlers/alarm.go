package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// maxAlarms is how many logs can be found forged on the way of one item, such as those of the other
// requests for a role.
const maxAlarms = 60

// withAlarm calls do. If that finds a forged log, withAlarm ends the request and calls do again:
// the log then says that the request ended, and the sender gets the answer to that.
func (h *Handlers) withAlarm(ctx context.Context, do func(context.Context) error) error {
	for range maxAlarms {
		err := do(ctx)
		forged, ok := errors.AsType[*approvals.ForgedError](err)
		if !ok || errors.Is(err, approvals.ErrUnknownRequest) {
			return err
		}
		if err := h.alarm(ctx, forged); err != nil {
			return err
		}
	}
	return fmt.Errorf("%d logs are not what was written", maxAlarms)
}

// alarm ends a request whose log is not what was written, and tells of it: once, because then its
// log is trustworthy again.
func (h *Handlers) alarm(ctx context.Context, f *approvals.ForgedError) error {
	place := f.Place
	if !slices.Contains(h.Channels, place.Channel) {
		place = h.Slack.Home()
		place.App, place.Channel = f.Place.App, h.Channels[0] // with the app the buttons that tell more go on working
	}
	c, err := f.Condemn(place, messages.ForgedSentence(f))
	if err != nil {
		return err
	}
	switch err := h.Store.Condemn(ctx, c); {
	case errors.Is(err, approvals.ErrConflict):
		return nil // it is read again
	case err != nil:
		return err
	}
	h.Log.ErrorContext(ctx, "the log of a request is not what was written: nothing is done with it", "request", f.Request,
		"event", f.Event, "why", f.Why.Words(), "foreign", f.Foreign)
	return nil
}

// forgedItem parks an item that claims to come from a person and that no replica accepted, or that
// was queued again: another process wrote it into the store, or it was accepted under another key.
// Its content is not used.
func (h *Handlers) forgedItem(ctx context.Context, item approvals.Item) error {
	const why = "an item that claims to be a person's act is not signed by this deployment, or came again: it is parked"
	if err := h.Alarm(ctx, "", item.Source, why); err != nil {
		return err
	}
	item.Body = nil // it may hold a response URL
	return h.Store.Park(ctx, item, why)
}

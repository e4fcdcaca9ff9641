package handlers

import (
	"cmp"
	"context"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// Limits against floods, by pranksters or by programs. An incident with a dozen roles fits into a
// minute of one person; approvals are not counted against commands.
const (
	floodWindow        = time.Minute
	commandsPerPerson  = 15
	commandsPerChannel = 60
	clicksPerPerson    = 30

	// A report whose files Slack refused may be asked for again although nothing else has happened:
	// the operator may have fixed the cause. Each time is an event in the log, which every step
	// reads as a whole.
	reportsAgain = 3
	reportWindow = 10 * time.Minute
)

// flooded counts a command, and reports how long its sender has to wait, 0 when not at all.
func (h *Handlers) flooded(ctx context.Context, item approvals.Item, user string) (time.Duration, error) {
	if cameBack(item) {
		return 0, nil
	}
	return h.Store.Allow(ctx, "command by "+user, act(item), commandsPerPerson, floodWindow)
}

// channelFlood counts a command that was admitted: refused ones must not close the channel for
// others.
func (h *Handlers) channelFlood(ctx context.Context, item approvals.Item, channel string) (time.Duration, error) {
	if cameBack(item) {
		return 0, nil
	}
	return h.Store.Allow(ctx, "command in "+channel, act(item), commandsPerChannel, floodWindow)
}

// clickFlood is the same for a click. One that decides a request is not counted.
func (h *Handlers) clickFlood(ctx context.Context, item approvals.Item, user string) (time.Duration, error) {
	if cameBack(item) {
		return 0, nil
	}
	return h.Store.Allow(ctx, "click by "+user, act(item), clicksPerPerson, floodWindow)
}

// reportFlood is the same for one more report of a request in whose thread Slack refused a file.
func (h *Handlers) reportFlood(ctx context.Context, item approvals.Item, request string) (time.Duration, error) {
	return h.Store.Allow(ctx, "report of "+request, act(item), reportsAgain, reportWindow)
}

// cameBack reports whether an item was allowed before and then put off. One whose first try died is
// not among these: what that try came to is not known, so the store is asked again, which counts an
// act once.
func cameBack(item approvals.Item) bool { return item.Attempt > 0 }

// act names what somebody did, the same at every try.
func act(item approvals.Item) string { return cmp.Or(item.Source, item.ID) }

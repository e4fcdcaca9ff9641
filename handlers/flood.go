package handlers

import (
	"context"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// Limits against floods, by pranksters or by programs. An incident with a dozen roles fits into a minute of one person;
// approvals are not counted against commands.
const (
	floodWindow        = time.Minute
	commandsPerPerson  = 15
	commandsPerChannel = 60
	clicksPerPerson    = 30
)

// flooded counts a command, and reports how long its sender has to wait, 0 when not at all.
func (h *Handlers) flooded(ctx context.Context, item approvals.Item, user, channel string) (time.Duration, error) {
	if counted(item) {
		return 0, nil
	}
	wait, err := h.Store.Allow(ctx, "command by "+user, commandsPerPerson, floodWindow)
	if err != nil || wait > 0 {
		return wait, err
	}
	return h.Store.Allow(ctx, "command in "+channel, commandsPerChannel, floodWindow)
}

// clickFlood is the same for a click.
func (h *Handlers) clickFlood(ctx context.Context, item approvals.Item, user string) (time.Duration, error) {
	if counted(item) {
		return 0, nil
	}
	return h.Store.Allow(ctx, "click by "+user, clicksPerPerson, floodWindow)
}

// counted reports whether an item was handled before: what is done again is no second act of the person.
func counted(item approvals.Item) bool { return item.Attempt > 0 || item.Tries > 1 }

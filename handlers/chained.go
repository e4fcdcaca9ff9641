package handlers

import (
	"context"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// chained asks for a role that sessions of a revoked role went on to. It is a command of whoever pressed the button, with
// everything that is asked of a command; which role it is comes from the log.
func (h *Handlers) chained(ctx context.Context, item approvals.Item, c Click, to Listener) error {
	r, events, mark, err := h.marked(ctx, item, c, to)
	if err != nil || mark == "" {
		return err
	}
	chain := record.Gather(events).Chain
	at := slices.IndexFunc(chain, func(l record.Link) bool { return l.Mark() == mark })
	if at < 0 {
		return h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	}
	about, err := h.context(r)
	if err != nil {
		return err
	}
	return h.request(ctx, item, Command{
		RequestID: c.RequestID, Team: c.Team, Enterprise: r.Place.Enterprise, App: c.App, Channel: c.Channel, User: c.User, ResponseURL: c.ResponseURL,
		Text: chain[at].RoleARN + " " + cutRunes("sessions of "+about.Role.Account+"/"+about.Role.Name+" went on to it; "+r.Reason, messages.MaxReason),
	}, to)
}

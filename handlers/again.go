package handlers

import (
	"context"
	"errors"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// again handles the buttons in the threads that repeat a request that ended without its measure, or
// undo one. It is a command of the person who pressed the button, with all checks of a command;
// only what to ask for is taken from the stored request.
func (h *Handlers) again(ctx context.Context, item approvals.Item, c Click, to Listener) error {
	r, _, err := h.Store.Load(ctx, c.Value)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	}
	if err != nil {
		return err
	}
	if h.place(c.Team, c.App, c.Channel) != r.Place {
		return h.noSuchRequest(ctx, item, to, c.Message, c.Value)
	}
	to.Drill = r.Purpose.Mode() == approvals.ModeDrill
	if r.Purpose.Mode() == approvals.ModeUndo || c.ActionID != messages.ActionAgain &&
		c.ActionID != messages.ActionFurther {
		return h.offerUndo(ctx, item, r, c, to)
	}
	about, err := h.Context(r)
	if err != nil {
		return err
	}
	measure := r.Purpose.Measure()
	if k, further := h.Measures.After(measure); c.ActionID == messages.ActionFurther && further {
		measure = k.Name
	}
	text := string(measure) + " " + about.Role.Account + "/" + about.Role.Name + " " + r.Reason
	if r.Purpose.Mode() == approvals.ModeDrill {
		text = wordDrill + " " + text
	}
	return h.request(ctx, item, c.command(r.Place, text, ""), to)
}

// chained requests the revocation of a role that sessions of a revoked role assumed. It is a
// command of the person who pressed the button, with all checks of a command; the role comes from
// the log.
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
	about, err := h.Context(r)
	if err != nil {
		return err
	}
	why := "sessions of " + about.Role.Account + "/" + about.Role.Name + " went on to it; " + r.Reason
	return h.request(ctx, item, c.command(r.Place, chain[at].RoleARN+" "+cutRunes(why, messages.MaxReason), ""), to)
}

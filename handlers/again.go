package handlers

import (
	"context"
	"errors"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// again does what the buttons in the threads ask for: anew for what a request was for that ended
// without it, or for the deny of a revocation to be taken away. It is a command of whoever pressed
// the button, with everything that is asked of a command; only what to ask for is taken from the
// stored request.
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

// chained asks for a role that sessions of a revoked role went on to. It is a command of whoever
// pressed the button, with everything that is asked of a command; which role it is comes from the
// log.
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

package handlers

import (
	"context"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// again handles the buttons in the threads that repeat a request that ended without its measure, or
// undo one. It is a command of the person who pressed the button, with all checks of a command;
// only what to ask for is taken from the stored request.
func (h *Handlers) again(ctx context.Context, a act) error {
	v, err := h.thread(ctx, &a)
	if err != nil {
		return err
	}
	r := v.Request
	if r.Purpose.Mode() == approvals.ModeUndo || a.action != messages.ActionAgain && a.action != messages.ActionFurther {
		return h.offerUndo(ctx, a, r)
	}
	about, err := h.Context(r)
	if err != nil {
		return err
	}
	word := string(r.Purpose.Measure())
	if a.action == messages.ActionFurther {
		word = a.mark
	}
	k, exists := h.Measures.Of(word)
	if !exists {
		return h.noSuchRequest(ctx, a)
	}
	a.Text = string(k.Name) + " " + about.Role.Ref() + " "
	if known := about.Role.Known; known != nil && k.Name == r.Purpose.Measure() {
		a.Text += known.String() + " "
	} else if k.Takes != nil && !slices.ContainsFunc(h.Cloud.Accounts(), func(to aws.Account) bool {
		return to.Name == about.Role.AccountName && to.Known.String() != ""
	}) {
		a.Text += r.Reason
		var offer messages.Known
		offer.Usual, offer.Unusual = record.Gather(v.Events).Addresses()
		return h.openAddresses(ctx, a, offer)
	}
	a.Text += r.Reason
	if a.drill {
		a.Text = wordDrill + " " + a.Text
	}
	return h.command(ctx, a)
}

// chained requests the revocation of a role that sessions of a revoked role assumed. It is a
// command of the person who pressed the button, with all checks of a command; the role comes from
// the log.
func (h *Handlers) chained(ctx context.Context, a act) error {
	v, err := h.thread(ctx, &a)
	if err != nil {
		return err
	}
	chain := record.Gather(v.Events).Chain
	at := slices.IndexFunc(chain, func(l record.Link) bool { return l.Mark() == a.mark })
	if at < 0 {
		return h.noSuchRequest(ctx, a)
	}
	about, err := h.Context(v.Request)
	if err != nil {
		return err
	}
	why := "sessions of " + about.Role.AccountName + "/" + about.Role.Name + " assumed it; " + v.Request.Reason
	a.Text = chain[at].RoleARN + " " + cutRunes(why, messages.MaxReason)
	return h.command(ctx, a)
}

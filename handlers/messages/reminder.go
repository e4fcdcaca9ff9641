package messages

import (
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// OnlyWhileOpen reports whether what the thread says of an event helps nobody once the request is
// decided.
func OnlyWhileOpen(t approvals.EventType) bool { return t == approvals.EventReminded }

// reminded calls those who can still decide.
func reminded(before approvals.Request, e approvals.Event, c Context) *Message {
	d, err := record.Detail[record.Reminder](e)
	if err != nil {
		return nil
	}
	who := "Approvers"
	if len(d.Ask) > 0 {
		who = fit(mentions(d.Ask), 1500)
	}
	text := fmt.Sprintf("%s: the request above %s. It expires at %s. Press Approve or Deny on the card.", who,
		waitsFor(before, c), local(before.Deadline))
	if d.Last {
		stays := "no session is revoked"
		switch {
		case c.Drill:
			stays = "in an incident no session would be touched"
		case c.Undo != nil:
			stays = "the deny stays"
		}
		text = fmt.Sprintf("%s: *last reminder*. The request above %s and expires at %s; then %s. "+
			"Press Approve or Deny on the card.",
			who, waitsFor(before, c), local(before.Deadline), stays)
	}
	return sentence(text)
}

// waitsFor says how many approvals are still missing.
func waitsFor(r approvals.Request, c Context) string {
	given, all := len(r.Votes), needed(r, c)
	more, approval := "", "approvals"
	if given > 0 {
		more = "more "
	}
	missing := max(all-given, 1)
	if missing == 1 {
		approval = "approval"
	}
	text := fmt.Sprintf("still waits for *%d %s%s*", missing, more, approval)
	if given > 0 {
		text += fmt.Sprintf(" (%d of %d given)", given, all)
	}
	return text
}

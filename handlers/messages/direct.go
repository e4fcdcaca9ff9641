package messages

import (
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// CardDeletedReason is why a request ended that nobody could decide any more.
const CardDeletedReason = "Its card was deleted, and nobody can approve without it. Nothing was done."

// CallOut asks an approver who is not in the channel to look at a card. link is its address.
func CallOut(r approvals.Request, c Context, link string) *Message {
	text := fmt.Sprintf("%s asks %s%s, and you are one of those who may approve. "+
		"You are not in %s, so you are told here, once.\n"+
		"It expires at %s. Next: open <%s|its card>. To press a button there, join the channel, or have somebody invite you.",
		Mention(r.Requester), c.phrases(r).asks, roleWords(c.Role), Channel(r.Place.Channel), local(r.Deadline), link)
	return sentence(text)
}

// Outcome tells somebody directly what the card would say, because nobody can read it there. why is
// the Code of the ShutOut.
func Outcome(r approvals.Request, c Context, why string) *Message {
	card := Card(r, c).Text
	because := "Slack does not let revokebot write into " + Channel(r.Place.Channel) + " any more, so you are told " +
		"here, once."
	next := "The record of request " + Code(r.ID, 40) + " goes on and is complete. Once the channel is unarchived, " +
		"or the bot is back in it, the thread catches up; " +
		"revokebot goes on trying for about three hours."
	if why == record.CodeThreadGone {
		because = "The thread of this request in " + Channel(r.Place.Channel) + " is gone, so you are told here, once."
		next = "The record of request " + Code(r.ID, 40) +
			" goes on and is complete; what follows is told in that channel. " +
			"Next: for all of it, send " + Code(Command+" report "+r.ID, 80) + " there."
	}
	m := sentence(card)
	m.Text = fit(card, limitText-600) + "\n" + because + " " + next
	m.Blocks = append(m.Blocks, contextLine(because+" "+next))
	return m
}

// shutOut tells why the outcome was sent by direct message: once the channel takes messages again,
// or beside the thread that is gone.
func shutOut(before approvals.Request, e approvals.Event) *Message {
	d, err := record.Detail[record.ShutOut](e)
	if err != nil {
		return nil
	}
	if d.Code == record.CodeThreadGone {
		return sentence("The thread is gone, so the requester and the approvers are sent the outcome by direct message as " +
			"well. What follows is told here, in the channel. " +
			"For all of it, send " + Code(Command+" report "+before.ID, 80) + ".")
	}
	return sentence("On " + UTC(e.At) + " Slack had refused this channel for a minute (" + Code(d.Code, 60) +
		"), so the requester and the approvers were sent the outcome by direct message. " +
		"What is told here from then on came late.")
}

// direct says who could not be told. That somebody was told needs no line.
func direct(e approvals.Event) *Message {
	d, err := record.Detail[record.Direct](e)
	switch {
	case err != nil:
		return nil
	case d.Nobody:
		return sentence("*No approver is in this channel*, and none could be told by direct message. " +
			"Invite one here (`/invite`), or call one by other means: " +
			"the card waits until it expires.")
	case d.Problem != "" && d.About == record.DirectOutcome && d.Unsure:
		return sentence(Mention(d.Person) + " may not have been told the outcome by direct message: Slack did not answer. " +
			"If it matters, ask them.")
	case d.Problem != "" && d.About == record.DirectOutcome:
		return sentence(Mention(d.Person) + " could not be told the outcome by direct message (" + Code(d.Problem, 60) +
			"). Tell them by other means.")
	default:
		return nil
	}
}

// OnlyWhileOpen reports whether what the thread says of an event helps nobody once the request is
// decided.
func OnlyWhileOpen(t approvals.EventType) bool { return t == approvals.EventReminded }

// reminded calls those who can still decide.
func reminded(before approvals.Request, e approvals.Event, c Context, p phrases) *Message {
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
		text = fmt.Sprintf("%s: *last reminder*. The request above %s and expires at %s; then %s. "+
			"Press Approve or Deny on the card.",
			who, waitsFor(before, c), local(before.Deadline), p.stays)
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

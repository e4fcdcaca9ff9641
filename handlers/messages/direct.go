package messages

import (
	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// CardDeletedReason is why a request ended that no approver could decide any more.
const CardDeletedReason = "Its card was deleted, and no approver can decide without it. Nothing was done."

// CallOut asks an approver who is not in the channel to decide. link is the address of the card.
func CallOut(r approvals.Request, c Context, link string) *Message {
	return sentence("Approval needed by " + local(r.Deadline) + ": " + newView(r, nil, c).asked() + " Open <" + link +
		"|its card>. You are not in " + Channel(r.Place.Channel) + ": to press a button there, join it, or have someone " +
		"invite you.")
}

// Outcome says by DM what the card would say where it cannot be read. why is
// the Code of the ShutOut.
func Outcome(r approvals.Request, events []approvals.Event, c Context, why string) *Message {
	card := Card(r, events, c).Text
	because := "Slack does not let revokebot write into " + Channel(r.Place.Channel) + " any more"
	next := "Once the channel is unarchived, or the bot is back in it, the thread catches up; " +
		"revokebot goes on trying for about three hours."
	if why == record.CodeThreadGone {
		because = "The thread of this request in " + Channel(r.Place.Channel) + " is gone"
		next = "Later messages go to that channel. Next: for all of it, send " + Code(Command+" report "+r.ID, 80) + " there."
	}
	because += ", so you get a DM, once. The record of request " + Code(r.ID, 40) + " goes on and is complete. " + next
	m := sentence(card)
	m.Text = fit(card, limitText-600) + "\n" + because
	m.Blocks = append(m.Blocks, contextLine(because))
	return m
}

// Direct tells of direct messages that were sent in place of the thread, or could not be.
func (p Pen) Direct(e approvals.Event) string {
	if e.Type == approvals.EventShutOut {
		const instead = ": the requester and the approvers get the outcome by DM"
		if d := record.Known[record.ShutOut](e); d != nil && d.Code != record.CodeThreadGone {
			return "Slack refused this channel for a minute (" + p.Code(d.Code, 60) + ")" + instead
		}
		return "The thread is gone" + instead + ", and later messages are posted in the channel"
	}
	switch d := record.Known[record.Direct](e); {
	case d == nil || d.Nobody:
		return "No approver is in the channel, and none could be sent a DM"
	case d.Unsure:
		return p.Who(d.Person) + " may not have got a DM: Slack did not answer"
	case d.Problem != "":
		return p.Who(d.Person) + " could not be sent a DM: " + p.Code(d.Problem, 60)
	case d.About == record.DirectCall:
		return p.Who(d.Person) + ", who is not in the channel, was asked by DM to decide"
	default:
		return p.Who(d.Person) + " got the outcome by DM"
	}
}

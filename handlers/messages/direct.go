package messages

import (
	"fmt"

	"github.com/revokebot/revokebot/approvals"
)

// What a direct message was about.
const (
	DirectCall    = "call"    // an approver who is not in the channel is asked to look at the card
	DirectOutcome = "outcome" // what became of a request whose channel does not take it
)

// Direct is the Detail of an EventDirect.
type Direct struct {
	Person  string `json:"person,omitempty"`
	About   string `json:"about"`
	Problem string `json:"problem,omitempty"` // Slack's word for why they were not told
	Unsure  bool   `json:"unsure,omitempty"`  // Slack did not say whether it took the message
	Nobody  bool   `json:"nobody,omitempty"`  // no approver can have heard of the request
}

// ShutOut is the Detail of an EventShutOut.
type ShutOut struct {
	Code string `json:"code"` // Slack's word for why it refuses the channel
}

// CallOut asks an approver who is not in the channel to look at a card. link is its address.
func CallOut(r approvals.Request, c Context, link string) *Message {
	asks := "to revoke the active sessions of "
	switch {
	case c.Drill:
		asks = "to *rehearse* a revocation, in which nothing is written, for "
	case c.Undo != nil:
		asks = "to take the deny off "
	}
	text := fmt.Sprintf("%s asks %s%s, and you are one of those who may approve. You are not in %s, so you are told here, once.\n"+
		"It expires on %s. Next: open <%s|its card>. To press a button there, join the channel, or have somebody invite you.",
		Mention(r.Requester), asks, roleWords(c.Role), Channel(r.Place.Channel), local(r.Deadline), link)
	return drilledIf(c.Drill, sentence(text))
}

// Outcome tells somebody directly what the card would say, because the channel does not take it.
func Outcome(r approvals.Request, c Context) *Message {
	card := Card(r, c).Text
	why := "Slack does not let revokebot write into " + Channel(r.Place.Channel) + " any more, so you are told here, once."
	next := "The record of request " + code(r.ID, 40) + " goes on and is complete. Once the channel is unarchived, or the bot is back in it, the thread catches up; " +
		"revokebot goes on trying for about three hours."
	m := sentence(card)
	m.Text = fit(card, limitText-600) + "\n" + why + " " + next
	m.Blocks = append(m.Blocks, contextLine(why+" "+next))
	return m
}

// shutOut tells, once the channel takes messages again, why the thread was silent.
func shutOut(e approvals.Event) *Message {
	d, err := detail[ShutOut](e)
	if err != nil {
		return nil
	}
	return sentence("On " + utc(e.At) + " Slack had refused this channel for a minute (" + code(d.Code, 60) +
		"), so the requester and the approvers were sent the outcome by direct message. What is told here from then on came late.")
}

// direct says who could not be told. That somebody was told needs no line.
func direct(e approvals.Event) *Message {
	d, err := detail[Direct](e)
	switch {
	case err != nil:
		return nil
	case d.Nobody:
		return sentence("*No approver is in this channel*, and none could be told by direct message. Invite one here (`/invite`), or call one by other means: " +
			"the card waits until it expires.")
	case d.Problem != "" && d.About == DirectOutcome && d.Unsure:
		return sentence(Mention(d.Person) + " may not have been told the outcome by direct message: Slack did not answer.")
	case d.Problem != "" && d.About == DirectOutcome:
		return sentence(Mention(d.Person) + " could not be told the outcome by direct message (" + code(d.Problem, 60) + ").")
	default:
		return nil
	}
}

// directWords tells such an event in a report.
func directWords(e approvals.Event) string {
	if e.Type == approvals.EventShutOut {
		if d := known[ShutOut](e); d != nil {
			return "Slack refused the channel for a minute (" + mdCode(d.Code, 60) + "): the people of the request are told directly"
		}
		return ""
	}
	d := known[Direct](e)
	switch {
	case d == nil:
		return ""
	case d.Nobody:
		return "no approver is in the channel, and none could be told by direct message"
	case d.Unsure:
		return mdPerson(d.Person) + " may not have been told by direct message: Slack did not answer"
	case d.Problem != "":
		return mdPerson(d.Person) + " could not be told by direct message: " + mdCode(d.Problem, 60)
	case d.About == DirectCall:
		return mdPerson(d.Person) + ", who is not in the channel, was asked by direct message to look at the card"
	default:
		return mdPerson(d.Person) + " was told the outcome by direct message"
	}
}

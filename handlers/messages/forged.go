package messages

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// ForgedSentence says why a request ends whose log is not what was written.
func ForgedSentence(f *approvals.ForgedError) string {
	if f.Foreign {
		return "It was opened without the signing key that is in use now, or with another one, so its log cannot be " +
			"verified. " +
			"It counts for nothing any more."
	}
	return fmt.Sprintf("Event %d of its log is not as it was written: %s. Another process that can write to Redis "+
		"changed it. revokebot ignores this event and all later ones. Find out who can write to Redis, and compare "+
		"the log with the audit log.",
		f.Event, f.Why.Words())
}

// forged tells of it, to those who are known to be concerned.
func (v *view) forged(e approvals.Event) *Message {
	text := forgedLead(e)
	if v.r.Requester != "" {
		text = v.involved() + text
	}
	text += v.p.failure(e)
	switch {
	case v.r.Closing.Type != approvals.EventForged:
		return sentence(text + " What was done for it before stands as told above.")
	case v.r.Purpose == approvals.PurposeUnknown:
		return sentence(text + askAnew)
	default:
		return sentence(text).row("again", v.button(ActionAgain, "Ask again", "Ask again to "+v.p.ask))
	}
}

const askAnew = " If it is still needed, ask again with " + Command + "."

const forgedTitle = "Ended, its record was changed"

// forgedCard is the card of a request whose opening is not to be trusted: it says nothing of what
// that says.
func forgedCard(r approvals.Request, c Context) *Message {
	lead := forgedNotice(r, c.phrases(r))
	return &Message{
		Text:   fit(forgedTitle+". "+lead, limitText),
		Blocks: []slack.Block{header(forgedTitle), section(lead), contextLine("Request " + Code(r.ID, 40))},
	}
}

// forgedNotice is what a card says of a log that is not what was written.
func forgedNotice(r approvals.Request, p phrases) string {
	return forgedLead(*r.Forged) + p.failure(*r.Forged) + askAnew
}

// forgedLead tells a change, which an attacker made, from a key that is not the one any more.
func forgedLead(e approvals.Event) string {
	if f, err := record.Detail[approvals.Forged](e); err == nil && f.Foreign {
		return "*This request ends here.* "
	}
	return "*The record of this request is not what revokebot wrote.* "
}

// withForged adds the notice to the card of a request that had ended before; of one that ended with
// it, the card says it already.
func withForged(m *Message, r approvals.Request, p phrases) *Message {
	if r.Forged == nil || r.Closing.Type == approvals.EventForged {
		return m
	}
	last := len(m.Blocks) - 1
	m.Blocks = append(m.Blocks[:last:last], section(forgedNotice(r, p)), m.Blocks[last])
	m.Text = fit(m.Text+"\n"+forgedNotice(r, p), limitText)
	return m
}

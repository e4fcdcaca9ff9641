package messages

import (
	"fmt"
	"slices"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// appliedTitle says no more than what was seen.
func (c Context) appliedTitle(r approvals.Request) string {
	if title, _ := watched(r, c); title != "" {
		return title
	}
	a, err := record.Detail[record.Applied](r.Closing)
	switch {
	case r.Undone != nil:
		return "Undone"
	case err == nil && a.Seen == record.SeenEqual:
		return "Applied"
	case err == nil && a.Seen == record.SeenOther:
		return "Written, but not on the role when read back"
	default:
		return "Written, not read back"
	}
}

// appliedLead says what came of an applied request: of what it wrote, or of what undid it.
func (c Context) appliedLead(r approvals.Request) string {
	a, err := record.Detail[record.Applied](r.Closing)
	if r.Undone == nil {
		_, lead := watched(r, c)
		switch {
		case lead != "":
		case err != nil:
			lead = "AWS took the policy."
		case a.Seen == record.SeenEqual:
			lead = "AWS took the policy, and it was read back: " + c.Words.Holds(bold(Clock(a.Cutoff))) +
				" as soon as IAM enforces it. The thread has the details and the evidence."
		case a.Seen == record.SeenOther:
			lead = "AWS took the policy, but *it was not on the role* when it was read back: " + c.Words.Whom +
				" may still work. " +
				"Look at the role now; the thread says what was found."
		default:
			lead = "AWS took the policy" + c.Words.Took(bold(Clock(a.Cutoff))) + ", but it could not be read back: " +
				"look at the role. The thread says why."
		}
		return lead + judged(r)
	}
	text := "AWS took the policy, and it is not in force any more. "
	if took := c.Words.Took(bold(UTC(a.Cutoff))); err == nil && took != "" {
		text = "AWS took the policy," + took + ", and it is not in force any more. "
	}
	v, err := record.Detail[record.Undone](*r.Undone)
	if err != nil {
		return text + "The thread says why."
	}
	return text + undoneText(v, c)
}

// undoneTitle says no more than what was seen.
func (c Context) undoneTitle(r approvals.Request) string {
	a, err := record.Detail[record.Applied](r.Closing)
	switch {
	case err == nil && a.Seen == record.SeenEqual && c.Undo.Stays():
		return "Undone, what was there before stays"
	case err == nil && a.Seen == record.SeenEqual && a.AlreadyThere && !a.Promised:
		return "The " + c.Words.Deny + " was gone already"
	case err == nil && a.Seen == record.SeenEqual:
		return "The " + c.Words.Deny + " is taken away"
	case err == nil && a.Seen == record.SeenOther:
		return "The " + c.Words.Deny + " was taken away, and something else is there"
	default:
		return "The " + c.Words.Deny + " was taken away, not read back"
	}
}

// undoOutcome says what became of what was to be taken away, and of old sessions.
func (c Context) undoOutcome(r approvals.Request) string {
	a, err := record.Detail[record.Applied](r.Closing)
	before := "as it was before the " + c.Words.Deny
	foreign := slices.IndexFunc(a.Slots, func(s record.Stand) bool { return s.Fate == record.FateForeign && s.Text != "" })
	text := "AWS put the earlier policy back, and it was read back. "
	switch {
	case err != nil:
		return "AWS took the change."
	case a.Seen == record.SeenOther:
		return "AWS took the change, but when the role was read again it was *not " + before + "*. " +
			"Look at the role now; the thread says what was found."
	case a.Seen != record.SeenEqual:
		text = "AWS took the change, but the role could not be read back: look at it. "
	case a.AlreadyThere && !a.Promised && foreign >= 0:
		text = "The " + c.Words.Deny + " was gone already, and revokebot changed nothing. "
	case a.AlreadyThere && !a.Promised:
		text = "The role was already " + before + ", and revokebot changed nothing. "
	case !a.Slots.Restores():
		text = "AWS took the policy off the role, and the role was read back without it. "
	}
	if foreign >= 0 {
		text += "The " + c.Words.Document(a.Slots[foreign].Slot.Label()) + " *stays*: it is not what revokebot wrote. "
	}
	return text + c.Words.Undo.Revived(a.Revives, c.Undo.As(a))
}

func rehearsedTitle(r approvals.Request) string {
	if d, err := record.Detail[record.Rehearsed](r.Closing); err == nil && !d.Clean() {
		return "rehearsed, with something to look at"
	}
	return "rehearsed, nothing was written"
}

// drillOutcome sums up what was checked.
func drillOutcome(r approvals.Request) string {
	d, err := record.Detail[record.Rehearsed](r.Closing)
	switch {
	case err != nil:
		return "Nothing was written. The thread has what was checked."
	case d.Clean():
		return "All that can be checked without writing is in order, and nothing was written. " +
			"The thread has what was checked, and what was not."
	default:
		return "Nothing was written. *Not everything could be checked, or is as it should be*: " +
			"the thread says what to look at."
	}
}

// ForgedSentence says why a request ends whose log is not what was written.
func ForgedSentence(f *approvals.ForgedError) string {
	if f.Foreign {
		return "It was opened without the signing key that is in use now, or with another one, so nobody can tell whether " +
			"its log is as it was written. " +
			"It counts for nothing any more."
	}
	return fmt.Sprintf("Event %d of its log is not as it was written: %s. "+
		"Somebody or something else has written to Redis. Nothing from there on counts, "+
		"and nothing more is approved under this request. Find out who can write to Redis, and compare the log with the "+
		"audit log.",
		f.Event, f.Why.Words())
}

// forgedThread tells of it, to those who are known to be concerned.
func forgedThread(before approvals.Request, e approvals.Event, c Context, p phrases) *Message {
	text := forgedLead(e)
	if before.Requester != "" {
		text = mentions(involved(before)) + ": " + text
	}
	f, err := record.Detail[record.Failure](e)
	switch {
	case err != nil:
		return sentence(text + "Nothing more is done with it.")
	case before.State.Ended():
		return sentence(text + p.failure(f) + " What was done for it before stands as told above.")
	case before.Purpose == approvals.PurposeUnknown:
		return sentence(text + p.failure(f) + askAnew)
	default:
		return askAgain(sentence(text+p.failure(f)), before, c, p)
	}
}

const askAnew = " If it is still needed, ask anew with " + Command + "."

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
	f, err := record.Detail[record.Failure](*r.Forged)
	if err != nil {
		return "The record of this request is not what revokebot wrote. The thread says more."
	}
	return forgedLead(*r.Forged) + p.failure(f) + askAnew
}

// forgedLead tells a change, which somebody made, from a key that is not the one any more.
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

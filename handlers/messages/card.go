package messages

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// Action ids of the card's buttons. The value of each is the request's id and nothing else.
const (
	ActionApprove = "revokebot_approve"
	ActionDeny    = "revokebot_deny"
	ActionCancel  = "revokebot_cancel"
	ActionDetails = "revokebot_details"
)

// needed is how many people have to approve.
func needed(r approvals.Request, c Context) int { return max(r.Required, c.Required) }

const (
	limitRoleName = 64  // IAM's own limit
	limitReason   = 600 // longer ones are refused when asked for
)

// Card is the message that stands in the channel and is the root of the thread. It shows the
// request as its log is now. Before the decision it has what people decide by; the rest is in
// Details.
func Card(r approvals.Request, events []approvals.Event, c Context) *Message {
	if r.Forged != nil && r.Purpose == approvals.PurposeUnknown {
		return forgedCard(r, c)
	}
	v := newView(r, events, c)
	title, lead, open := v.p.title(r.State), cardLead(r, c, v.p), r.State == approvals.StateOpen
	if r.State == approvals.StateApplied && r.Undone == nil && c.Undo == nil {
		lead += v.stillOpen()
	}
	blocks := []slack.Block{header(title + inTitle(c.Role)), section(lead)}
	text := title + keyOf(c.Role) + Code(c.Role.AccountName+"/"+c.Role.Name, 130) + ". " + lead
	about := "Request " + Code(r.ID, 40)
	add := func(words string) {
		if words != "" {
			blocks, text = append(blocks, section(words)), text+"\n"+words
		}
	}
	if r.Reason != "" { // in full in the text
		blocks = append(blocks, reason(r, open)...)
		text += "\nReason: " + Code(r.Reason, limitReason)
	}
	add(othersInForce(c.Role))
	if k := c.Role.Known; k != nil && c.Undo == nil {
		add("*Known:* " + knownWords(*k, shownKnown))
	}
	if open {
		add(v.users(shownUsers))
		add(v.preview())
		if lines := shortWarnings(c.Role, v.p); lines != nil {
			blocks, text = append(blocks, plainLines(strings.Join(lines, "\n"))), text+"\n"+Code(strings.Join(lines, " "), 600)
		}
		add("*Approve:* " + v.short())
		if c.Role.SharedChannel {
			add(sharedWords)
		}
		blocks = append(blocks, buttons(r, c, v.p))
	} else { // what people needed to decide has had its time; what happened is in the thread
		about = Code(c.Role.ARN, 600) + " · unique id " + Code(c.Role.ID, 128) + " · " + about
	}
	m := &Message{Text: fit(text, limitText), Blocks: append(blocks, contextLine(about))}
	return withForged(m, r, v.p)
}

// shownReason is how much of a reason an open card shows: the buttons stay on the first screen of a
// phone.
const shownReason = 100

// reason is what the requester gave. Once the request was denied, the denial's reason stands close
// by, and this one says whose it is.
func reason(r approvals.Request, open bool) []slack.Block {
	if open {
		return []slack.Block{plainSection(r.Reason, shownReason)}
	}
	title := "*Reason*"
	if r.State == approvals.StateDenied {
		title = "*Reason for asking*"
	}
	return []slack.Block{section(title), plainSection(r.Reason, limitReason)}
}

// short says what Approve does. What it does not touch is in Details; of an undo everything is
// here.
func (v *view) short() string {
	means := v.p.means()
	if v.c.Undo == nil {
		means, _, _ = strings.Cut(means, "\n")
	}
	return means
}

const (
	shownUsers    = 3
	shownWarnings = 2
	limitShown    = 70 // characters of a warning
)

// users says who uses the role, as far as the survey of CloudTrail has told, at most so many
// callers; nothing of a request that hurts no caller.
func (v *view) users(most int) string {
	if v.c.Drill || v.c.Undo != nil {
		return ""
	}
	const unknown = "*Who uses it now:* not known"
	var u *record.Users
	for _, d := range record.All[record.Users](v.events, approvals.EventUsers) {
		u = &d
	}
	switch {
	case u == nil:
		return unknown + " yet, CloudTrail is being checked."
	case u.Failed != "":
		return unknown + ". CloudTrail: " + v.Prose(u.Failed)
	}
	at := func(t time.Time) string { return t.UTC().Format("15:04") } // all lie in twelve hours
	where := " (CloudTrail until " + at(u.Until) + " UTC, minutes late; " + surveyed(u.Regions) + ")"
	if len(u.Callers) == 0 {
		who := "no caller with a live session"
		if v.c.Role.Key != "" {
			who = "no call of the last 12 hours"
		}
		return "*Who uses it now:* " + who + " was found" + where + "."
	}
	lines := []string{"*Who uses it now*" + where}
	for _, c := range u.Callers[:min(len(u.Callers), most)] {
		counted := english.Count(c.Sessions, "session", "sessions")
		if v.c.Role.Key != "" { // of a key it is known from where it was used
			counted = english.Count(c.Sessions, "call", "calls")
		}
		line := "• " + v.Code(c.Caller, 48) + ": " + counted
		if c.LastCall.IsZero() {
			line += ", opened " + at(c.Opened)
		} else {
			line += ", last call " + at(c.LastCall)
		}
		if c.Unusual {
			line += ", *unusual*"
		}
		lines = append(lines, line)
	}
	if left := u.More + len(u.Callers) - most; left > 0 {
		lines = append(lines, "• "+english.Count(left, "more caller", "more callers"))
	}
	return strings.Join(lines, "\n")
}

// sharedWords is what a card says in a channel whose people are not all of this organisation.
const sharedWords = "*This channel is shared with another organisation*, whose people read all of this. " +
	"They cannot ask for anything here, nor decide."

func inTitle(role record.Role) string {
	return keyOf(role) + Raw(role.AccountName, 64) + "/" + Raw(role.Name, limitRoleName)
}

// keyOf begins the name of a user where a request is about one of its access keys.
func keyOf(role record.Role) string {
	if role.Key == "" {
		return ""
	}
	return Raw(role.Key, 64) + " of "
}

// cardLead is one or two sentences: who wants what, or how it ended.
func cardLead(r approvals.Request, c Context, p phrases) string {
	asked, ended := p.asked(r, c)+" ", Mention(r.EndedBy)+" "
	switch r.State {
	case approvals.StateOpen:
		who, locked := "Requested by "+Mention(r.Requester), ""
		if c.Role.Locked != "" {
			locked = "*Someone has locked this role.* " + outsideSentence(fewWords(c.Role.Locked)) + ".\n"
		}
		if p.by != "" {
			who = Mention(r.Requester) + " asked to " + strings.TrimSuffix(p.ask, " of ") + p.by
		}
		return fmt.Sprintf("%s%s%s in account %s. *%d of %d* approved%s, needed by %s from approvers other than the "+
			"requester.", locked, who, alsoAsked(r), Code(c.Role.AccountID, 12), len(r.Votes), needed(r, c), votedBy(r),
			local(r.Deadline))
	case approvals.StateApproved, approvals.StateExecuting:
		return asked + approvedBy(r) + "It is being carried out."
	case approvals.StateApplied, approvals.StateRehearsed:
		return asked + approvedBy(r) + p.outcome()
	case approvals.StateFailed, approvals.StateVoid:
		return asked + approvedBy(r) + whyEnded(r, p)
	case approvals.StateDenied:
		return asked + ended + "denied the request at " + local(r.Ended) + ". Nothing was done." + denialReason(r.Closing)
	case approvals.StateCancelled:
		return asked + ended + "cancelled it at " + local(r.Ended) + ". Nothing was done."
	case approvals.StateExpired:
		return asked + unanswered(r, c) + " by " + local(r.Deadline) + ", so it expired. " +
			"Nothing was done; the command can be sent again."
	default:
		return asked
	}
}

// whyEnded is why a request ended without a decision, a cancellation or an outcome.
func whyEnded(r approvals.Request, p phrases) string {
	if r.Closing.Type == approvals.EventForged {
		return forgedNotice(r, p)
	}
	return p.failure(r.Closing) + p.after
}

// judged says what the checks of CloudTrail came to, as a further sentence; nothing before the last
// one.
func judged(r approvals.Request) string {
	v, err := record.Detail[record.Conclusion](r.Judged)
	switch {
	case r.Judged.Type != approvals.EventVerdict || err != nil || r.Undone != nil:
		return ""
	case v.Word == record.WordContained:
		return " Contained as far as CloudTrail shows."
	case v.Word == record.WordNotContained:
		return " *Not contained:* the thread says why."
	default:
		return " Unknown whether it is contained: the thread says why."
	}
}

// unanswered says why a request expired, as the beginning of a sentence.
func unanswered(r approvals.Request, c Context) string {
	if len(r.Votes) > 0 {
		return fmt.Sprintf("Only %d of %d approved", len(r.Votes), needed(r, c))
	}
	return "No approver decided"
}

func approvedBy(r approvals.Request) string {
	if len(r.Votes) == 0 {
		return ""
	}
	return "Approved by " + mentions(r.Voters()) + ". "
}

func votedBy(r approvals.Request) string {
	if len(r.Votes) == 0 {
		return ""
	}
	return " (" + mentions(r.Voters()) + ")"
}

func denialReason(e approvals.Event) string {
	d, err := record.Detail[record.Denial](e)
	if err != nil || d.Reason == "" {
		return ""
	}
	return " Their reason: " + Code(d.Reason, limitReason)
}

func roleWords(role record.Role) string {
	key := ""
	if role.Key != "" {
		key = Code(role.Key, 64) + " of "
	}
	return key + Code(role.AccountName+"/"+role.Name, 130) + " (account " + Code(role.AccountID, 12) + ")"
}

// accountWords names an account before its number.
func accountWords(role record.Role) string {
	return Code(role.AccountName, 64) + " (" + Code(role.AccountID, 12) + ")"
}

// alsoAsked names those who asked for the same.
func alsoAsked(r approvals.Request) string {
	if len(r.AlsoAsked) == 0 {
		return ""
	}
	var who []string
	for _, e := range r.AlsoAsked {
		who = append(who, e.By)
	}
	return " (also asked: " + fit(mentions(who), 500) + ")"
}

// labelled names a role in the label that a screen reader says for a button, which has 75
// characters.
func labelled(role record.Role) string {
	return Raw(inTitle(role), 45)
}

// buttons are those of an open card.
func buttons(r approvals.Request, c Context, p phrases) slack.Block {
	button := func(action, text string, style slack.Style) *slack.ButtonBlockElement {
		b := threadButton(action, r.ID, text, markedIf(c.Drill, text+": "+p.ask+labelled(c.Role)))
		b.Style = style
		return b
	}
	approve := button(ActionApprove, "Approve", slack.StylePrimary)
	approve.Confirm = slack.NewConfirmationBlockObject(plainText(markedIf(c.Drill, p.question)),
		plainText(cut(p.detail, 300)),
		plainText(p.yes), plainText("Not now"))
	if !c.Drill {
		approve.Confirm.WithStyle(slack.StyleDanger)
	}
	details := threadButton(ActionDetails, r.ID, "Details",
		markedIf(c.Drill, "Details of the request for "+labelled(c.Role)))
	return slack.NewActionBlock("decide", approve,
		button(ActionDeny, "Deny", slack.StyleDanger), button(ActionCancel, "Cancel", slack.StyleDefault), details)
}

// threadButton is a button whose value is a request's id and nothing else.
func threadButton(action, id, text, label string) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(action, id, plainText(text))
	b.AccessibilityLabel = cut(label, 75)
	return b
}

// InAccount names a role, its account and the account's number in plain text.
func InAccount(role record.Role) string {
	key := ""
	if role.Key != "" {
		key = "access key " + keyOf(role)
	}
	return fmt.Sprintf("%sthe %s %s in account %s (%s)", key, role.Noun(), Raw(role.Name, limitRoleName),
		Raw(role.AccountName, 64), Raw(role.AccountID, 12))
}

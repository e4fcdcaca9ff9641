package messages

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
)

// Action ids of the card's buttons. The value of each is the request's id and nothing else.
const (
	ActionApprove = "revokebot_approve"
	ActionDeny    = "revokebot_deny"
	ActionCancel  = "revokebot_cancel"
)

// needed is how many people have to approve.
func needed(r approvals.Request, c Context) int { return max(r.Required, c.Required) }

const (
	limitRoleName   = 64  // IAM's own limit
	limitReason     = 600 // longer ones are refused when asked for
	limitPrincipals = 6
)

// Card is the message that stands in the channel and is the root of the thread. It shows the
// request as it is now.
func Card(r approvals.Request, c Context) *Message {
	if r.Forged != nil && r.Purpose == approvals.PurposeUnknown {
		return forgedCard(r, c)
	}
	p := c.phrases(r)
	title, lead, open := p.title(r.State), cardLead(r, c, p), r.State == approvals.StateOpen
	blocks := []slack.Block{header(title + inTitle(c.Role)), section(lead)}
	blocks = append(blocks, reason(r)...)
	text := title + Code(c.Role.AccountName+"/"+c.Role.Name, 130) + ". " + lead
	if others := othersInForce(c.Role); others != "" {
		blocks, text = append(blocks, section(others)), text+"\n"+others
	}
	about := "Request " + Code(r.ID, 40)
	if open {
		means := "*What Approve does*\n" + p.means()
		blocks = append(blocks, c.fields(r), section("*Role ARN*\n"+Code(c.Role.ARN, 600)))
		if c.Undo == nil {
			blocks = append(blocks, section(trust(c.Role.Trust)))
		}
		blocks = append(blocks, section(means))
		if p.know != "" && len(c.Role.Warnings) > 0 {
			blocks = append(append(blocks, section(p.know)), warnings(c.Role.Warnings)...)
		}
		if c.Role.SharedChannel {
			blocks = append(blocks, section(sharedWords))
		}
		blocks = append(blocks, buttons(r, c, p))
		if c.Drill || c.Undo != nil {
			text += "\n" + means
		}
	} else { // what people needed to decide has had its time; what happened is in the thread
		about = Code(c.Role.ARN, 600) + " · unique id " + Code(c.Role.ID, 128) + " · " + about
	}
	if r.Reason != "" {
		text += "\nReason: " + Code(r.Reason, limitReason)
	}
	if open && c.Role.SharedChannel {
		text += "\n" + sharedWords
	}
	m := &Message{Text: fit(text, limitText), Blocks: append(blocks, contextLine(about))}
	return withForged(m, r, p)
}

// reason is what the requester gave, if anything. It stands above the details of the role: why
// comes before what. Once the request was denied, the denial's reason stands close by, and this one
// says whose it is.
func reason(r approvals.Request) []slack.Block {
	if r.Reason == "" {
		return nil
	}
	title := "*Reason*"
	if r.State == approvals.StateDenied {
		title = "*Reason for asking*"
	}
	return []slack.Block{section(title), plainSection(r.Reason, limitReason)}
}

// othersInForce names what other requests have in force on the role, in one line.
func othersInForce(role record.Role) string {
	if len(role.InForce) == 0 {
		return ""
	}
	words := make([]string, len(role.InForce))
	for i, o := range role.InForce {
		words[i] = Code(string(o.Measure), 40) + " by " + earlierRequest(o.Request, o.Card)
	}
	return "In force on this role when this was asked for: " + List(words) + "."
}

// sharedWords is what a card says in a channel whose people are not all of this organisation.
const sharedWords = "*This channel is shared with another organisation*, whose people read all of this. " +
	"They cannot ask for anything here, nor decide."

func inTitle(role record.Role) string {
	return Raw(role.AccountName, 64) + "/" + Raw(role.Name, limitRoleName)
}

// cardLead is one or two sentences: who wants what, or how it ended.
func cardLead(r approvals.Request, c Context, p phrases) string {
	asked, ended := p.asked(r, c)+" ", Mention(r.EndedBy)+" "
	switch r.State {
	case approvals.StateOpen:
		if c.Role.Locked != "" {
			asked = "*Someone has locked this role.* " + outsideSentence(c.Role.Locked) + "\n" + asked
		}
		return fmt.Sprintf("%s%s before %s. *%d of %d* approved%s.", asked, decides(r, c), local(r.Deadline), len(r.Votes),
			needed(r, c), votedBy(r))
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

// decides says on whom it waits, as the beginning of a sentence.
func decides(r approvals.Request, c Context) string {
	switch n := needed(r, c); {
	case n > 1 && !c.Drill:
		return fmt.Sprintf("%d of the approvers, other than the requester, have to approve", n)
	case len(c.Approvers) > 0:
		return "One of the approvers, other than the requester, decides"
	default:
		return "An approver other than the requester decides"
	}
}

// judged says what the looks at CloudTrail came to, as a further sentence; nothing before the last
// one.
func judged(r approvals.Request) string {
	v, err := record.Detail[record.Conclusion](r.Judged)
	switch {
	case r.Judged.Type != approvals.EventVerdict || err != nil || r.Undone != nil:
		return ""
	case v.Word == record.WordContained:
		return " Contained as far as CloudTrail shows."
	case v.Word == record.WordNotContained:
		return " *Not contained:* Act now in the thread says what is open."
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
	return ": " + mentions(r.Voters())
}

func denialReason(e approvals.Event) string {
	d, err := record.Detail[record.Denial](e)
	if err != nil || d.Reason == "" {
		return ""
	}
	return " Their reason: " + Code(d.Reason, limitReason)
}

func roleWords(role record.Role) string {
	return Code(role.AccountName+"/"+role.Name, 130) + " (account " + Code(role.AccountID, 12) + ")"
}

// accountWords names an account before its number.
func accountWords(role record.Role) string {
	return Code(role.AccountName, 64) + " (" + Code(role.AccountID, 12) + ")"
}

// fields are the facts that people decide by.
func (c Context) fields(r approvals.Request) slack.Block {
	type field struct{ name, value string }
	fields := []field{
		{"Role", Code(c.Role.Name, limitRoleName)},
		{"Account", Code(c.Role.AccountName, 64) + "\n" + Code(c.Role.AccountID, 12)},
		{"Requested by", Mention(r.Requester) + alsoAsked(r)},
		{"Deadline", local(r.Deadline)},
	}
	if u := c.Undo; u != nil {
		fields[2].name = "Undo requested by"
		name, value := c.Words.Undo.Field(*u)
		fields = append(fields, field{"The " + c.Words.Deny + " was requested by", Mention(u.Requester)},
			field{"The " + c.Words.Deny + " was approved by", fit(mentions(u.Approvers), 500)},
			field{"The " + c.Words.Deny + " was applied", UTC(u.Applied)}, field{name, value})
	} else {
		used := "not in the last 400 days, or never"
		if !c.Role.LastUsed.IsZero() {
			used = UTC(c.Role.LastUsed)
			if c.Role.LastUsedRegion != "" {
				used += "\nin " + Code(c.Role.LastUsedRegion, 40)
			}
		}
		fields = append(fields, field{"Last used", used}, field{"Created", UTC(c.Role.Created)})
	}
	fields = append(fields, field{"Maximum session now", Span(c.Role.MaxSession)},
		field{"Unique id", Code(c.Role.ID, 128)})
	objects := make([]*slack.TextBlockObject, len(fields))
	for i, f := range fields {
		objects[i] = mrkdwn("*" + f.name + "*\n" + f.value)
	}
	return slack.NewSectionBlock(nil, objects, nil)
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
	return "\nalso asked: " + fit(mentions(who), 500)
}

// trust puts the trust policy's principals in words.
func trust(principals []role.Principal) string {
	if len(principals) == 0 {
		return "*Who may assume it*\nNobody, by its trust policy."
	}
	var b strings.Builder
	b.WriteString("*Who may assume it*")
	for i, p := range principals {
		if i == limitPrincipals {
			fmt.Fprintf(&b, "\n• and %d more", len(principals)-i)
			break
		}
		b.WriteString("\n• " + Code(p.Words, 200))
		if p.Conditional {
			b.WriteString(", under a condition")
		}
	}
	return b.String()
}

const (
	limitWarning = 480 // characters of one, the next step included
	maxWarnings  = 12
)

// warnings lists what is known about the role that can keep the revocation from being all that is
// needed.
func warnings(sentences []string) []slack.Block {
	var lines []string
	for i, s := range sentences {
		if i == maxWarnings {
			lines = append(lines, fmt.Sprintf("• and %d more", len(sentences)-i))
			break
		}
		lines = append(lines, "• "+Raw(s, limitWarning))
	}
	return packed(lines)
}

// labelled names a role in the label that a screen reader says for a button, which has 75
// characters.
func labelled(role record.Role) string {
	return Raw(inTitle(role), 45)
}

// buttons are the three buttons of an open card.
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
	return slack.NewActionBlock("decide", approve,
		button(ActionDeny, "Deny", slack.StyleDanger), button(ActionCancel, "Cancel", slack.StyleDefault))
}

// threadButton is a button whose value is a request's id and nothing else.
func threadButton(action, id, text, label string) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(action, id, plainText(text))
	b.AccessibilityLabel = cut(label, 75)
	return b
}

// InAccount names a role, its account and the account's number in plain text.
func InAccount(role record.Role) string {
	return fmt.Sprintf("the role %s in account %s (%s)", Raw(role.Name, limitRoleName), Raw(role.AccountName, 64),
		Raw(role.AccountID, 12))
}

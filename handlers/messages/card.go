package messages

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// Action ids of the card's buttons. The value of each is the request's id and nothing else.
const (
	ActionApprove = "revokebot_approve"
	ActionDeny    = "revokebot_deny"
	ActionCancel  = "revokebot_cancel"
	ActionAgain   = "revokebot_again" // in the thread: asks for the same role anew
)

// Context is what a message has to know besides the request.
type Context struct {
	Role      record.Role     // decoded from the request's subject
	Undo      *record.Undoing // the same of a request to take a deny away; nil of others
	Drill     bool            // the request is a drill
	Margin    time.Duration   // how far past AWS's now the cutoff will lie
	Approvers []string        // ids of people and groups who may approve; of the configuration
	Required  int             // how many have to approve now: the configuration may have become stricter
}

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
	switch {
	case r.Forged != nil && r.Purpose == approvals.PurposeUnknown:
		return forgedCard(r)
	case c.Drill:
		return withForged(drillCard(r, c), r)
	case c.Undo != nil:
		return withForged(undoCard(r, c), r)
	default:
		return withForged(revokeCard(r, c), r)
	}
}

func revokeCard(r approvals.Request, c Context) *Message {
	blocks := []slack.Block{header(cardTitle(r, c.Role)), section(cardLead(r, c))}
	open := r.State == approvals.StateOpen
	blocks = append(blocks, reason(r)...)
	if open {
		blocks = append(blocks, roleFields(r, c.Role), section("*Role ARN*\n"+code(c.Role.ARN, 600)),
			section(trust(c.Role.Trust)), section(whatHappens(c)))
		if len(c.Role.Warnings) > 0 {
			blocks = append(append(blocks, section("*Know before you approve*")), warnings(c.Role.Warnings)...)
		}
		blocks = append(append(blocks, shared(c.Role)...), buttons(r, c.Role))
	}
	about := "Request " + code(r.ID, 40)
	if !open { // what people needed to decide has had its time; what happened is in the thread
		about = code(c.Role.ARN, 600) + " · unique id " + code(c.Role.ID, 128) + " · " + about
	}
	return &Message{Text: cardText(r, c), Blocks: append(blocks, contextLine(about))}
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

// sharedWords is what a card says in a channel whose people are not all of this organisation.
const sharedWords = "*This channel is shared with another organisation*, whose people read all of this. " +
	"They cannot ask for anything here, nor decide."

// shared says so, where it is so.
func shared(role record.Role) []slack.Block {
	if !role.SharedChannel {
		return nil
	}
	return []slack.Block{section(sharedWords)}
}

// cardTitle is the outcome first: it is all that a small screen shows.
func cardTitle(r approvals.Request, role record.Role) string {
	name := raw(role.Account, 64) + "/" + raw(role.Name, limitRoleName)
	switch r.State {
	case approvals.StateOpen:
		return "Approval needed: revoke sessions of " + name
	case approvals.StateApproved, approvals.StateExecuting:
		return "Approved, being applied: " + name
	case approvals.StateApplied:
		return appliedTitle(r) + ": deny on older sessions of " + name
	case approvals.StateFailed:
		return "Failed: " + name
	case approvals.StateDenied:
		return "Request denied: " + name
	case approvals.StateCancelled:
		return "Cancelled: " + name
	case approvals.StateExpired:
		return "Expired: " + name
	case approvals.StateVoid:
		return "Void, the role changed: " + name
	default:
		return "In an unknown state: " + name
	}
}

// appliedTitle says no more than what was seen.
func appliedTitle(r approvals.Request) string {
	if title, _ := watched(r); title != "" {
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

// cardLead is one or two sentences: who wants what, or how it ended.
func cardLead(r approvals.Request, c Context) string {
	asked := Mention(r.Requester) + " asked to revoke the active sessions of " + roleWords(c.Role) + "."
	switch r.State {
	case approvals.StateOpen:
		return fmt.Sprintf("%s %s before %s. *%d of %d* approved%s.", asked, decides(r, c), local(r.Deadline), len(r.Votes),
			needed(r, c),
			votedBy(r))
	case approvals.StateApproved, approvals.StateExecuting:
		return asked + " Approved by " + mentions(r.Voters()) + ". The deny is being written; the thread tells when AWS " +
			"has taken it."
	case approvals.StateApplied:
		return asked + " Approved by " + mentions(r.Voters()) + ". " + appliedLead(r, c)
	case approvals.StateFailed:
		return asked + " " + approvedBy(r) + outcome(r)
	case approvals.StateDenied:
		return asked + " " + Mention(r.EndedBy) + " denied it at " + local(r.Ended) + ". Nothing was done." +
			denialReason(r.Closing)
	case approvals.StateCancelled:
		return asked + " " + Mention(r.EndedBy) + " cancelled it at " + local(r.Ended) + ". Nothing was done."
	case approvals.StateExpired:
		return asked + " " + unanswered(r, c) + " by " + local(r.Deadline) + ", so it expired. Nothing was done; " +
			"the command can be sent again."
	case approvals.StateVoid:
		return asked + " " + approvedBy(r) + outcome(r)
	default:
		return asked
	}
}

// decides says on whom it waits, as the beginning of a sentence.
func decides(r approvals.Request, c Context) string {
	switch n := needed(r, c); {
	case n > 1:
		return fmt.Sprintf("%d of the approvers, other than the requester, have to approve", n)
	case len(c.Approvers) > 0:
		return "One of the approvers, other than the requester, decides"
	default:
		return "Somebody on the approvers' list other than the requester decides"
	}
}

// appliedLead says what came of an applied request: of its deny, or of what undid it.
func appliedLead(r approvals.Request, c Context) string {
	if r.Undone == nil {
		return outcome(r) + judged(r)
	}
	text := "AWS took the policy, and it is not in force any more. "
	if a, err := record.Detail[record.Applied](r.Closing); err == nil {
		text = "AWS took the policy, with the cutoff *" + utc(a.Cutoff) + "*, and it is not in force any more. "
	}
	v, err := record.Detail[record.Undone](*r.Undone)
	if err != nil {
		return text + "The thread says why."
	}
	return text + undoneText(v, c)
}

// judged says what the looks at CloudTrail came to, as a further sentence; nothing before the last
// one.
func judged(r approvals.Request) string {
	v, err := record.Detail[record.Conclusion](r.Judged)
	switch {
	case r.Judged.Type != approvals.EventVerdict || err != nil:
		return ""
	case v.Word == record.WordContained:
		return " Contained as far as CloudTrail shows."
	case v.Word == record.WordNotContained:
		return " *Not contained:* see the thread."
	default:
		return " Not known whether it is contained: the thread says why."
	}
}

// unanswered says why a request expired, as the beginning of a sentence.
func unanswered(r approvals.Request, c Context) string {
	if len(r.Votes) > 0 {
		return fmt.Sprintf("Only %d of %d approved", len(r.Votes), needed(r, c))
	}
	return "Nobody decided"
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

// outcome reads the event that ended the request.
func outcome(r approvals.Request) string {
	switch r.Closing.Type {
	case approvals.EventApplied:
		if _, lead := watched(r); lead != "" {
			return lead
		}
		a, err := record.Detail[record.Applied](r.Closing)
		if err != nil {
			return "AWS took the policy."
		}
		switch a.Seen {
		case record.SeenEqual:
			return "AWS took the policy, and it was read back: every session issued before *" + clock(a.Cutoff) +
				"* is denied everything as soon as IAM enforces it. The thread has the details and the evidence."
		case record.SeenOther:
			return "AWS took the policy, but *it was not on the role* when it was read back: old sessions may still work. " +
				"Look at the role now; the thread says what was found."
		default:
			return "AWS took the policy with the cutoff *" + clock(a.Cutoff) + "*, but it could not be read back: look at the " +
				"role. The thread says why."
		}
	case approvals.EventForged:
		return forgedNotice(r)
	case approvals.EventFailed, approvals.EventVoided:
		f, err := record.Detail[record.Failure](r.Closing)
		if err != nil {
			return "The thread says why."
		}
		return failureText(f)
	default:
		return ""
	}
}

func denialReason(e approvals.Event) string {
	d, err := record.Detail[record.Denial](e)
	if err != nil || d.Reason == "" {
		return ""
	}
	return " Their reason: " + code(d.Reason, limitReason)
}

func failureText(f record.Failure) string {
	text := markup.Replace(clean(f.Sentence, 1200))
	if f.Unsure {
		return text + " It is not known whether AWS took the policy: look at the role's inline policies."
	}
	return text
}

func roleWords(role record.Role) string {
	return code(role.Account+"/"+role.Name, 130) + " (account " + code(role.AccountID, 12) + ")"
}

// accountWords names an account before its number.
func accountWords(role record.Role) string {
	return code(role.Account, 64) + " (" + code(role.AccountID, 12) + ")"
}

func roleFields(r approvals.Request, role record.Role) slack.Block {
	used := "not in the last 400 days, or never"
	if !role.LastUsed.IsZero() {
		used = utc(role.LastUsed)
		if role.LastUsedRegion != "" {
			used += "\nin " + code(role.LastUsedRegion, 40)
		}
	}
	fields := []struct{ name, value string }{
		{"Role", code(role.Name, limitRoleName)},
		{"Account", code(role.Account, 64) + "\n" + code(role.AccountID, 12)},
		{"Requested by", Mention(r.Requester)},
		{"Deadline", local(r.Deadline)},
		{"Last used", used},
		{"Created", utc(role.Created)},
		{"Longest session", span(role.MaxSession)},
		{"Unique id", code(role.ID, 128)},
	}
	objects := make([]*slack.TextBlockObject, len(fields))
	for i, f := range fields {
		objects[i] = mrkdwn("*" + f.name + "*\n" + f.value)
	}
	return slack.NewSectionBlock(nil, objects, nil)
}

// trust puts the trust policy's principals in words.
func trust(principals []record.Principal) string {
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
		b.WriteString("\n• " + code(p.Words, 200))
		if p.Conditional {
			b.WriteString(", under a condition")
		}
	}
	return b.String()
}

const (
	limitWarning  = 480  // characters of one, the next step included
	warningBlocks = 2    // sections: what can be said of one role fits into them
	warningRoom   = 2900 // characters in one of them
)

// warnings lists what is known about the role that can keep the revocation from being all that is
// needed.
func warnings(sentences []string) []slack.Block {
	var blocks []slack.Block
	var lines []string
	room := warningRoom
	flush := func() {
		if len(lines) > 0 {
			blocks = append(blocks, plainLines(strings.Join(lines, "\n")))
		}
		lines, room = nil, warningRoom
	}
	for i, s := range sentences {
		line := "• " + raw(s, limitWarning)
		n := utf8.RuneCountInString(line) + 1
		if n > room {
			if len(blocks)+1 == warningBlocks {
				lines = append(lines, fmt.Sprintf("• and %d more", len(sentences)-i))
				break
			}
			flush()
		}
		lines, room = append(lines, line), room-n
	}
	flush()
	return blocks
}

func whatHappens(c Context) string {
	return "*What Approve does*\nEvery session of this role that was issued before the approval plus " + span(c.Margin) +
		" is denied everything, whoever holds it. Whoever may assume the role can do so again after that; " +
		"programs that keep old " +
		"credentials fail until they fetch new ones.\n" +
		"*Not touched*: long-term access keys, federation tokens, and sessions that this role's sessions opened in other " +
		"roles. Deactivate such keys in IAM, and revoke those roles too."
}

// labelled names a role in the label that a screen reader says for a button, which has 75
// characters.
func labelled(role record.Role) string {
	return raw(raw(role.Account, 64)+"/"+raw(role.Name, limitRoleName), 45)
}

// decision is what the buttons of an open card ask and say. The labels are for screen readers,
// which have 75 characters.
type decision struct {
	question, detail, yes string // of the dialog that asks once more before an approval counts
	danger                bool   // what is approved changes something
	approve, deny, cancel string // labels
}

// decideButtons are the three buttons of an open card.
func decideButtons(r approvals.Request, d decision) slack.Block {
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	confirm := slack.NewConfirmationBlockObject(plain(d.question), plain(cut(d.detail, 300)), plain(d.yes),
		plain("Not now"))
	if d.danger {
		confirm.WithStyle(slack.StyleDanger)
	}
	button := func(action, text, label string, style slack.Style) *slack.ButtonBlockElement {
		b := threadButton(action, r.ID, text, label)
		b.Style = style
		return b
	}
	approve := button(ActionApprove, "Approve", d.approve, slack.StylePrimary)
	approve.Confirm = confirm
	return slack.NewActionBlock("decide", approve,
		button(ActionDeny, "Deny", d.deny, slack.StyleDanger), button(ActionCancel, "Cancel", d.cancel, slack.StyleDefault))
}

// inAccount names a role, its account and the account's number in plain text.
func inAccount(role record.Role) string {
	return fmt.Sprintf("the role %s in account %s (%s)", raw(role.Name, limitRoleName), raw(role.Account, 64),
		raw(role.AccountID, 12))
}

func buttons(r approvals.Request, role record.Role) slack.Block {
	return decideButtons(r, decision{
		question: "Revoke these sessions?", yes: "Yes, revoke", danger: true,
		detail: "Every session of " + inAccount(role) + " that exists now will be denied everything. " +
			"Work that uses them breaks until it assumes the role again.",
		approve: "Approve: revoke sessions of " + labelled(role), deny: "Deny the request for " + labelled(role),
		cancel: "Cancel your own request for " + labelled(role),
	})
}

// cardText is the fallback: all that somebody gets who sees no blocks.
func cardText(r approvals.Request, c Context) string {
	text := cardTitleText(r) + ". " + cardLead(r, c)
	if r.Reason != "" {
		text += "\nReason: " + code(r.Reason, limitReason)
	}
	if c.Role.SharedChannel && r.State == approvals.StateOpen {
		text += "\n" + sharedWords
	}
	return fit(text, limitText)
}

// cardTitleText is the title without the name, which the sentence after it has.
func cardTitleText(r approvals.Request) string {
	switch r.State {
	case approvals.StateOpen:
		return "Approval needed"
	case approvals.StateApproved, approvals.StateExecuting:
		return "Approved, being applied"
	case approvals.StateVoid:
		return "Void, the role changed"
	case approvals.StateDenied:
		return "Request denied"
	case approvals.StateApplied:
		return appliedTitle(r)
	default:
		name := r.State.String()
		return strings.ToUpper(name[:1]) + name[1:]
	}
}

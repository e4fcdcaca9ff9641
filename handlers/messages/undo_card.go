package messages

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// undoCard is the card of a request to take a deny away. Everything on it says that this takes a
// deny away.
func undoCard(r approvals.Request, c Context) *Message {
	blocks := []slack.Block{
		header(undoTitle(r) + ": " + raw(c.Role.Account, 64) + "/" + raw(c.Role.Name, limitRoleName)),
		section(undoLead(r, c)),
	}
	blocks = append(blocks, reason(r)...)
	open := r.State == approvals.StateOpen
	if open {
		blocks = append(blocks, undoFields(r, c), section("*Role ARN*\n"+code(c.Role.ARN, 600)))
	}
	text := undoTitle(r) + ". " + undoLead(r, c)
	about := "Request " + code(r.ID, 40)
	if open {
		blocks = append(append(append(blocks, section(undoMeaning(r, *c.Undo))), shared(c.Role)...), undoButtons(r, c))
		text += "\n" + undoMeaning(r, *c.Undo)
		if c.Role.SharedChannel {
			text += "\n" + sharedWords
		}
	} else {
		about = code(c.Role.ARN, 600) + " · unique id " + code(c.Role.ID, 128) + " · " + about
	}
	if r.Reason != "" {
		text += "\nReason: " + code(r.Reason, limitReason)
	}
	return &Message{Text: fit(text, limitText), Blocks: append(blocks, contextLine(about))}
}

func undoTitle(r approvals.Request) string {
	const what = "take a deny away"
	switch r.State {
	case approvals.StateOpen:
		return "Approval needed to " + what
	case approvals.StateApproved, approvals.StateExecuting:
		return "Approved, the deny is being taken away"
	case approvals.StateApplied:
		return undoneTitle(r)
	case approvals.StateFailed:
		return "Failed to " + what
	case approvals.StateDenied:
		return "Denied, the deny was not taken away"
	case approvals.StateCancelled:
		return "Cancelled, the deny was not taken away"
	case approvals.StateExpired:
		return "Expired, the deny was not taken away"
	case approvals.StateVoid:
		return "Void, the role changed, nothing was taken away"
	default:
		return "In an unknown state, to " + what
	}
}

// undoneTitle says no more than what was seen.
func undoneTitle(r approvals.Request) string {
	a, err := record.Detail[record.Applied](r.Closing)
	switch {
	case err == nil && a.Seen == record.SeenEqual && a.AlreadyThere && !a.Promised:
		return "The deny was gone already"
	case err == nil && a.Seen == record.SeenEqual:
		return "The deny is taken away"
	case err == nil && a.Seen == record.SeenOther:
		return "The deny was taken away, and something else is there"
	default:
		return "The deny was taken away, not read back"
	}
}

// undoLead is one or two sentences: who wants what, or how it ended.
func undoLead(r approvals.Request, c Context) string {
	asked := undoAsked(r, c)
	switch r.State {
	case approvals.StateOpen:
		return fmt.Sprintf("%s %s before %s. *%d of %d* approved%s.", asked, decides(r, c), local(r.Deadline), len(r.Votes),
			needed(r, c), votedBy(r))
	case approvals.StateApproved, approvals.StateExecuting:
		return asked + " Approved by " + mentions(r.Voters()) + ". It is being taken away; the thread tells when AWS has " +
			"done it."
	case approvals.StateApplied:
		return asked + " Approved by " + mentions(r.Voters()) + ". " + undoOutcome(r, *c.Undo)
	case approvals.StateFailed, approvals.StateVoid:
		if r.Closing.Type == approvals.EventForged {
			return asked + " " + approvedBy(r) + forgedNotice(r)
		}
		f, err := record.Detail[record.Failure](r.Closing)
		if err != nil {
			return asked + " " + approvedBy(r) + "The thread says why it was not done."
		}
		return asked + " " + approvedBy(r) + undoFailure(f)
	case approvals.StateDenied:
		return asked + " " + Mention(r.EndedBy) + " denied it at " + local(r.Ended) + ". Nothing was done." +
			denialReason(r.Closing)
	case approvals.StateCancelled:
		return asked + " " + Mention(r.EndedBy) + " cancelled it at " + local(r.Ended) + ". Nothing was done."
	case approvals.StateExpired:
		return asked + " " + unanswered(r, c) + " by " + local(r.Deadline) + ", so it expired. Nothing was done; " +
			"it can be asked for again."
	default:
		return asked
	}
}

// undoOutcome says what became of the deny, and of old sessions.
func undoOutcome(r approvals.Request, u record.Undoing) string {
	a, err := record.Detail[record.Applied](r.Closing)
	if err != nil {
		return "AWS took the change."
	}
	var text string
	switch {
	case a.Seen == record.SeenOther:
		return "AWS took the change, but when the role was read again it was *not as it was before the deny*. " +
			"Look at the role now; the thread says what was found."
	case a.Seen != record.SeenEqual:
		text = "AWS took the change, but the role could not be read back: look at it. "
	case a.AlreadyThere && !a.Promised:
		text = "The role was already as it was before the deny, and revokebot changed nothing. "
	case !u.Restores():
		text = "AWS took the policy off the role, and the role was read back without it. "
	default:
		text = "AWS put the earlier policy back, and it was read back. "
	}
	return text + revived(a.Revives, u)
}

// revived says what an end of the deny means for sessions that it kept out.
func revived(revives bool, u record.Undoing) string {
	switch {
	case revives:
		return upper(denied(u)) + " that have not expired *work again* as soon as IAM has spread the change; " +
			"the last of them ends by " + both(u.RevivesUntil) + "."
	case !u.RestoreCutoff.Before(u.Cutoff):
		return "It denies the same sessions as before."
	default:
		return "By the longest session of the role, none that it kept out can have been alive any more."
	}
}

func undoFailure(f record.Failure) string {
	text := markup.Replace(clean(f.Sentence, 1200))
	if f.Unsure {
		return text + " It is not known whether AWS took the deny away: look at the role's inline policies."
	}
	return text
}

func undoFields(r approvals.Request, c Context) slack.Block {
	u := c.Undo
	fields := []struct{ name, value string }{
		{"Role", code(c.Role.Name, limitRoleName)},
		{"Account", code(c.Role.Account, 64) + "\n" + code(c.Role.AccountID, 12)},
		{"Undo requested by", Mention(r.Requester)},
		{"Deadline", local(r.Deadline)},
		{"The deny was requested by", Mention(u.Requester)},
		{"The deny was approved by", fit(mentions(u.Approvers), 500)},
		{"The deny was applied", utc(u.Applied)},
		{"It denies sessions issued before", utc(u.Cutoff)},
		{"Longest session", span(c.Role.MaxSession)},
		{"Unique id", code(c.Role.ID, 128)},
	}
	objects := make([]*slack.TextBlockObject, len(fields))
	for i, f := range fields {
		objects[i] = mrkdwn("*" + f.name + "*\n" + f.value)
	}
	return slack.NewSectionBlock(nil, objects, nil)
}

// undoMeaning says what an approval does.
func undoMeaning(r approvals.Request, u record.Undoing) string {
	if u.Gone {
		return "*What Approve does*\nThe deny is *gone already*, and not by revokebot. " +
			"Approve says that this is on purpose: revokebot does not write it again. " +
			"Should the same deny be back by then, it is taken away; one that revokebot has written since, " +
			"with a later cutoff, is not touched and has to be asked for anew.\n" + revival(r, u)
	}
	return "*What Approve does*\nIt takes a deny away. " + undoEffect(u) + " If the role has anything else by then than " +
		"what revokebot wrote, nothing is touched.\n" + revival(r, u)
}

func undoButtons(r approvals.Request, c Context) slack.Block {
	after := "Sessions that it kept out are too old to be alive."
	switch {
	case c.Undo.Revives:
		after = "Sessions issued before " + utc(c.Undo.Cutoff) + " that have not expired work again, a thief's too."
	case !c.Undo.RestoreCutoff.Before(c.Undo.Cutoff):
		after = "The policy that comes back denies the same sessions."
	}
	return decideButtons(r, decision{
		question: "Take the deny away?", yes: "Yes, take it away", danger: true,
		detail:  "The deny on old sessions of " + inAccount(c.Role) + " is taken away. " + after,
		approve: "Approve: take the deny off " + labelled(c.Role), deny: "Deny: the deny stays on " + labelled(c.Role),
		cancel: "Cancel your own request for " + labelled(c.Role),
	})
}

// threadButton is a button whose value is a request's id and nothing else.
func threadButton(action, id, text, label string) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(action, id, slack.NewTextBlockObject(slack.PlainTextType, text, false, false))
	b.AccessibilityLabel = cut(label, 75)
	return b
}

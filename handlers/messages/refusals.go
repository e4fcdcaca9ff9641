package messages

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
)

// Refused is what only the person who clicked sees: why it did not count, and what would work.
func Refused(r approvals.Request, refusal approvals.Refusal, c Context) *Message {
	_, why := refused(r, refusal, c)
	if refusal.Code == approvals.RefusedOwnRequest {
		return sentence(why)
	}
	return sentence("Your click was not counted. " + why)
}

// refused says why a click did not count: in a few words for the thread, and with what would work
// for the person who clicked.
func refused(r approvals.Request, f approvals.Refusal, c Context) (briefly, why string) {
	ask := "Ask " + approverWords(c)
	does := strings.ToLower(ActionWords(f.Action))
	switch f.Code {
	case approvals.RefusedWrongPlace:
		return "not on this card", "This is not the card that was posted for the request. Use the original card in " +
			Channel(r.Place.Channel) + "."
	case approvals.RefusedNoCard:
		return "before the card", "The card of this request is still being posted. Press again in a few seconds."
	case approvals.RefusedTaken:
		return "approved already", mentions(r.Voters()) + " approved the request already, and it is being carried out. The " +
			"thread tells the outcome."
	case approvals.RefusedEnded:
		return "the request had ended", "The request ended at " + local(r.Ended) + ": *" + r.State.String() + "*. " +
			"The thread has the details. To ask again, send the command again."
	case approvals.RefusedExpired:
		return "expired", "The request expired at " + local(r.Deadline) + ". To ask again, send the command again."
	case approvals.RefusedOwnRequest:
		return "own request", "You can't " + does + " your own request. " + ask + ", or press Cancel to withdraw it."
	case approvals.RefusedNotRequester:
		return "not the requester", "Only " + Mention(r.Requester) + ", who asked, can cancel. If you are an approver, " +
			"press Deny instead."
	case approvals.RefusedLookupFailed:
		return "Slack did not confirm who they are", "revokebot couldn't verify your permissions (Slack didn't respond). " +
			"Press again in a minute."
	case approvals.RefusedNotMember:
		return f.Standing.String(), "Only full members of this workspace decide requests, and you are here as a " +
			f.Standing.String() + ". " + ask + "."
	case approvals.RefusedNotApprover:
		return "not an approver", "You are not on the list of approvers for account " + Code(c.Role.AccountName, 64) + ". " +
			ask + "."
	case approvals.RefusedAlreadyVoted:
		return "approved before", fmt.Sprintf("You have approved this request already, and each person counts once. "+
			"%d of %d approved. Another approver is needed.", len(r.Votes), needed(r, c))
	case approvals.RefusedNoPolicy:
		return "no approvers are configured", "No approvers are configured for account " + Code(c.Role.AccountName, 64) +
			". Ask the operator of revokebot to name them."
	case approvals.RefusedFormLost:
		return "the form may not have opened", "The form for your Deny may not have opened, so nothing was denied yet. " +
			"If there is no form in front of you, press Deny again."
	default:
		return "unknown button", "revokebot does not know this button. Use the buttons of the newest card."
	}
}

func approverWords(c Context) string {
	if len(c.Approvers) == 0 {
		return "an approver"
	}
	return listed(mentioned(c.Approvers), "or")
}

// NotEntitled rejects a person who may not use revokebot, or not ask for anything.
func NotEntitled(standing approvals.Standing) *Message {
	switch standing {
	case approvals.StandingUnknown:
		return sentence("revokebot couldn't verify your permissions (Slack didn't respond), so nothing was done. " +
			"Try again in a minute.")
	case approvals.FullMember:
		return sentence("Nothing was done: you are not on the list of people who may ask revokebot. " +
			"Ask a member of the incident team.")
	default:
		return sentence("Nothing was done: revokebot is for full members of this workspace, and this account is a " +
			standing.String() + ". Ask a member of the incident team.")
	}
}

func ActionWords(a approvals.Action) string {
	switch a {
	case approvals.ActionApprove:
		return "Approve"
	case approvals.ActionDeny:
		return "Deny"
	case approvals.ActionCancel:
		return "Cancel"
	default:
		return "something else"
	}
}

const (
	limitStep    = 500
	limitSteps   = 10
	limitRefused = 700
)

// RefusedRole answers a request for a role that must not be touched: why, what to do instead, and
// the policy for it. The sentences are package aws's, with foreign text quoted in them.
func RefusedRole(sentence string, steps []string, document string) *Message {
	if len(steps) == 0 {
		return Plain(sentence)
	}
	m := &Message{Text: Code(sentence, limitRefused)}
	lines := make([]string, 0, len(steps))
	for i, step := range steps[:min(len(steps), limitSteps)] {
		lines = append(lines, fmt.Sprintf("%d. %s", i+1, Raw(step, limitStep)))
		m.Text += fmt.Sprintf("\n%d. %s", i+1, Code(step, limitStep))
	}
	m.Text = fit(m.Text, limitText)
	m.Blocks = append([]slack.Block{plainSection(sentence, limitSection)}, packed(lines)...)
	m.document("The service control policy, ready to be used:", document)
	return m
}

package messages

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// drillCard is the card of a drill: what people see of a real one, and in every part of it that
// nothing is written.
func drillCard(r approvals.Request, c Context) *Message {
	title := drillTitle(r)
	blocks := []slack.Block{
		header(title + ": " + raw(c.Role.Account, 64) + "/" + raw(c.Role.Name, limitRoleName)), section(drillLead(r, c)),
	}
	blocks = append(blocks, reason(r)...)
	open := r.State == approvals.StateOpen
	text := title + ". " + drillLead(r, c)
	if open {
		blocks = append(blocks, roleFields(r, c.Role), section("*Role ARN*\n"+code(c.Role.ARN, 600)),
			section(trust(c.Role.Trust)))
		text += "\n" + drillMeaning
	}
	if r.Reason != "" {
		text += "\nReason: " + code(r.Reason, limitReason)
	}
	about := "Drill " + code(r.ID, 40)
	if open {
		blocks = append(blocks, section(drillMeaning))
		if len(c.Role.Warnings) > 0 {
			blocks = append(append(blocks, section("*Know before you approve a real one*")), warnings(c.Role.Warnings)...)
		}
		blocks = append(append(blocks, shared(c.Role)...), drillButtons(r, c.Role))
		if c.Role.SharedChannel {
			text += "\n" + sharedWords
		}
	} else {
		about = code(c.Role.ARN, 600) + " · unique id " + code(c.Role.ID, 128) + " · " + about
	}
	return &Message{Text: fit(text, limitText), Blocks: append(blocks, contextLine(about))}
}

const drillMeaning = "*What Approve does*\nIt rehearses a revocation. revokebot reads the role, " +
	"opens the session of a revocation, but one that may only read, which names you and the " +
	"requester in CloudTrail, asks the policy simulator with the policy that would have been written, " +
	"and looks at CloudTrail once. *Nothing is written, and no session loses anything.*\n" +
	"Decide as you would decide about a real one."

// drillTitle is the outcome first, after the mark.
func drillTitle(r approvals.Request) string {
	switch r.State {
	case approvals.StateOpen:
		return drillMark + "approval needed to rehearse a revocation"
	case approvals.StateApproved:
		return drillMark + "approved, being rehearsed"
	case approvals.StateRehearsed:
		if d, err := record.Detail[record.Rehearsed](r.Closing); err == nil && !d.Clean() {
			return drillMark + "rehearsed, with something to look at"
		}
		return drillMark + "rehearsed, nothing was written"
	case approvals.StateFailed:
		return drillMark + "failed"
	case approvals.StateDenied:
		return drillMark + "the request was denied"
	case approvals.StateCancelled:
		return drillMark + "cancelled"
	case approvals.StateExpired:
		return drillMark + "expired"
	case approvals.StateVoid:
		return drillMark + "void, the role changed"
	default: // a drill is never executing or applied
		return drillMark + "in an unknown state"
	}
}

func drillAsked(r approvals.Request, c Context) string {
	return Mention(r.Requester) + " asked to *rehearse* a revocation for " + roleWords(c.Role) + "."
}

// drillLead is one or two sentences: who wants what, or how it ended.
func drillLead(r approvals.Request, c Context) string {
	asked := drillAsked(r, c)
	switch r.State {
	case approvals.StateOpen:
		who := "Somebody on the approvers' list other than the requester decides"
		if len(c.Approvers) > 0 {
			who = "One of the approvers, other than the requester, decides"
		}
		return fmt.Sprintf("%s %s before %s. *%d of %d* approved%s.", asked, who, local(r.Deadline), len(r.Votes),
			needed(r, c), votedBy(r))
	case approvals.StateApproved:
		return asked + " Approved by " + mentions(r.Voters()) + ". It is being rehearsed; the thread tells what was found."
	case approvals.StateRehearsed:
		return asked + " Approved by " + mentions(r.Voters()) + ". " + drillOutcome(r)
	case approvals.StateFailed, approvals.StateVoid:
		f, err := record.Detail[record.Failure](r.Closing)
		if err != nil {
			return asked + " " + approvedBy(r) + "The thread says why it ended."
		}
		return asked + " " + approvedBy(r) + outsideSentence(f.Sentence) + " Nothing was written."
	case approvals.StateDenied:
		return asked + " " + Mention(r.EndedBy) + " denied the request at " + local(r.Ended) + "." + denialReason(r.Closing)
	case approvals.StateCancelled:
		return asked + " " + Mention(r.EndedBy) + " cancelled it at " + local(r.Ended) + "."
	case approvals.StateExpired:
		return asked + " " + unanswered(r, c) + " by " + local(r.Deadline) + ", so it expired. In a real one no session " +
			"would have been touched; the command can be sent again."
	default:
		return asked
	}
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

func drillButtons(r approvals.Request, role record.Role) slack.Block {
	return decideButtons(r, decision{
		question: drillMark + "rehearse it?", yes: "Yes, rehearse",
		detail:  "A revocation for " + inAccount(role) + " is rehearsed. Nothing is written, and no session loses anything.",
		approve: drillMark + "approve it for " + labelled(role), deny: drillMark + "deny it for " + labelled(role),
		cancel: drillMark + "cancel your own for " + labelled(role),
	})
}

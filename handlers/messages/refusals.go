package messages

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/revokebot/revokebot/approvals"
)

// Refused is what only the person who clicked sees: why it did not count, and what would work.
func Refused(r approvals.Request, refusal approvals.Refusal, c Context) *Message {
	return sentence(refusedText(r, refusal, c))
}

func refusedText(r approvals.Request, f approvals.Refusal, c Context) string {
	what, p := "Your click was not counted: ", c.phrases(r)
	switch f.Code {
	case approvals.RefusedWrongPlace:
		return what + "this is not the card that was posted for the request. Use the original card in " +
			Channel(r.Place.Channel) + "."
	case approvals.RefusedNoCard:
		return what + "the card of this request is still being posted. Press again in a few seconds."
	case approvals.RefusedTaken:
		return what + "the request is approved already, by " + mentions(r.Voters()) + ", and is being " + p.doing +
			". The thread tells the outcome."
	case approvals.RefusedEnded:
		return what + endedWords(r, p)
	case approvals.RefusedExpired:
		return what + "the request expired at " + local(r.Deadline) + ". To ask again, send the command again."
	case approvals.RefusedOwnRequest:
		return what + "you asked for this " + p.noun + ", so you can't decide it. Ask " + approverWords(c) +
			", or press Cancel to withdraw it."
	case approvals.RefusedNotRequester:
		return what + "only " + Mention(r.Requester) + ", who asked, can cancel. If you are an approver, press Deny instead."
	case approvals.RefusedLookupFailed:
		return what + "revokebot couldn't verify your permissions (Slack didn't answer). Press again in a moment."
	case approvals.RefusedNotMember:
		return what + "requests are decided by full members of this workspace, and you are here as a " + f.Standing.String() +
			". Ask " + approverWords(c) + "."
	case approvals.RefusedNotApprover:
		return what + "you are not on the list of approvers for account " + Code(c.Role.Account, 64) + ". Ask " +
			approverWords(c) + "."
	case approvals.RefusedAlreadyVoted:
		return what + fmt.Sprintf("you have approved this request already, and one person counts once. "+
			"%d of %d approved so far; another approver is needed.", len(r.Votes), needed(r, c))
	case approvals.RefusedNoPolicy:
		return what + "no approvers are configured for account " + Code(c.Role.Account, 64) + ". Ask the operator of " +
			"revokebot to name them."
	case approvals.RefusedFormLost:
		return "The form for your Deny may not have opened, so nothing was denied yet. " +
			"If there is no form in front of you, press Deny again."
	default:
		return what + "revokebot does not know this button. Use the buttons of the newest card."
	}
}

// endedWords says how a request ended, in the middle of a sentence.
func endedWords(r approvals.Request, p phrases) string {
	switch r.State {
	case approvals.StateDenied:
		return "the request was denied by " + Mention(r.EndedBy) + " at " + local(r.Ended) + "."
	case approvals.StateCancelled:
		return "the request was cancelled by " + Mention(r.EndedBy) + " at " + local(r.Ended) + "."
	case approvals.StateExpired:
		return "the request expired at " + local(r.Ended) + ". To ask again, send the command again."
	case approvals.StateApplied, approvals.StateRehearsed:
		return "the " + p.thing + " was approved by " + mentions(r.Voters()) + " and " + p.doing + " at " + local(r.Ended) +
			". The thread has the details."
	case approvals.StateFailed:
		return "the request failed at " + local(r.Ended) + ". The thread says why; to ask again, press Ask again there or " +
			"send the command again."
	case approvals.StateVoid:
		return "the request is void since " + local(r.Ended) + ", because the role changed. To ask for the role as it is " +
			"now, send the command again."
	default:
		return "the request has ended. The thread says how; to ask again, send the command again."
	}
}

func approverWords(c Context) string {
	if len(c.Approvers) == 0 {
		return "one of the approvers"
	}
	return mentionsAny(c.Approvers)
}

// mentionsAny names several people of whom one is enough.
func mentionsAny(ids []string) string {
	if len(ids) == 1 {
		return Mention(ids[0])
	}
	words := make([]string, len(ids)-1)
	for i, id := range ids[:len(ids)-1] {
		words[i] = Mention(id)
	}
	text := words[0]
	for _, w := range words[1:] {
		text += ", " + w
	}
	return text + " or " + Mention(ids[len(ids)-1])
}

// refusedBecause is why a click was refused, in a few words.
func refusedBecause(f approvals.Refusal) string {
	switch f.Code {
	case approvals.RefusedWrongPlace:
		return "not on this card"
	case approvals.RefusedNoCard:
		return "before the card"
	case approvals.RefusedTaken:
		return "approved already"
	case approvals.RefusedEnded:
		return "the request had ended"
	case approvals.RefusedExpired:
		return "expired"
	case approvals.RefusedOwnRequest:
		return "own request"
	case approvals.RefusedNotRequester:
		return "not the requester"
	case approvals.RefusedLookupFailed:
		return "Slack did not confirm who they are"
	case approvals.RefusedNotMember:
		return f.Standing.String()
	case approvals.RefusedNotApprover:
		return "not an approver"
	case approvals.RefusedAlreadyVoted:
		return "approved before"
	case approvals.RefusedNoPolicy:
		return "no approvers are configured"
	case approvals.RefusedFormLost:
		return "the form may not have opened"
	default:
		return "unknown button"
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
	limitStep         = 500
	limitSteps        = 10
	limitRefused      = 700
	sayDocument       = "The service control policy, ready to be used:"
	documentElsewhere = "The service control policy is in the message itself."
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
	m.Blocks = append(m.Blocks, plainSection(sentence, limitSection))
	// Slack cuts a text object at 3,000 characters, so long steps stand in several.
	for len(lines) > 0 {
		text, n := lines[0], 1
		for n < len(lines) && utf8.RuneCountInString(text)+1+utf8.RuneCountInString(lines[n]) <= limitSection {
			text, n = text+"\n"+lines[n], n+1
		}
		m.Blocks = append(m.Blocks, plainLines(text))
		lines = lines[n:]
	}
	m.Text = fit(m.Text, limitText-len(documentElsewhere)-1)
	block := jsonBlock(document, limitSection)
	if block == "" {
		return m
	}
	m.Blocks = append(m.Blocks, section(sayDocument), section(block))
	if whole := strings.Join([]string{m.Text, sayDocument, block}, "\n"); utf8.RuneCountInString(whole) <= limitText {
		m.Text = whole
	} else {
		m.Text += "\n" + documentElsewhere
	}
	return m
}

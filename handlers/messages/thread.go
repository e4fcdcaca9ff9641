package messages

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// Thread is what the thread says of one event, nil when it says nothing. before is the request as
// it was when the event happened, the events up to it folded.
func Thread(before approvals.Request, e approvals.Event, c Context) *Message {
	p := c.phrases(before)
	return withReportButton(told(before, e, c, p), before, e, p, c.Role)
}

func told(before approvals.Request, e approvals.Event, c Context, p phrases) *Message {
	switch e.Type {
	case approvals.EventForged:
		return forgedThread(before, e, c, p)
	case approvals.EventRequested:
		return sentence(callApprovers(e, c) + " to look at the card above and to press Approve or Deny" + p.call +
			"This thread is the record of the " + p.thing + ": every decision, every refused click, and " + p.kept + ".")
	case approvals.EventVoted:
		n := len(before.Votes) + 1
		left := needed(before, c) - n
		return sentence(fmt.Sprintf("%s approved, %d of %d, on %s. The card waits for %s.", Mention(e.By), n,
			needed(before, c), UTC(e.At),
			english.Plural(left, "one more person", fmt.Sprintf("%d more people", left))))
	case approvals.EventApproved:
		return sentence(fmt.Sprintf("%s approved on %s. %s", Mention(e.By), UTC(e.At), p.begins))
	case approvals.EventDenied:
		return sentence(fmt.Sprintf("%s denied the request on %s. Nothing was done.%s", Mention(e.By), UTC(e.At),
			denialReason(e)))
	case approvals.EventCancelled:
		return sentence(fmt.Sprintf("%s cancelled the request on %s. Nothing was done.", Mention(e.By), UTC(e.At)))
	case approvals.EventExpired:
		return askAgain(sentence(fmt.Sprintf("%s: the request expired on %s. %s in time. Nothing was done.",
			mentions(involved(before)), UTC(e.At), unanswered(before, c))), before, c, p)
	case approvals.EventShutOut:
		return shutOut(before, e)
	case approvals.EventDirect:
		return direct(e)
	case approvals.EventReminded:
		return reminded(before, e, c, p)
	case approvals.EventApplied:
		if c.Undo != nil {
			return undoApplied(before, e, c)
		}
		return applied(before, e, c)
	case approvals.EventRehearsed:
		return rehearsed(before, e, c)
	case approvals.EventReadBack:
		return readBack(before, e, c)
	case approvals.EventFailed, approvals.EventVoided:
		return failed(before, e, c, p)
	case approvals.EventDelayed:
		f, err := record.Detail[record.Failure](e)
		if err != nil || before.Delays > 0 {
			return nil // the first delay says it; the end will be told in any case
		}
		return sentence(p.notYet + p.failure(f) + " It is being tried again on its own.")
	case approvals.EventSetAside:
		return setAside(e, c)
	case approvals.EventRefused:
		switch n := before.RefusedBy(e.By); {
		case n < shownRefusals:
			return refusedInThread(e)
		case n == shownRefusals:
			return sentence(fmt.Sprintf("Refused again on %s: %s. Further refused clicks of theirs are in the record and not "+
				"told here.", UTC(e.At), Mention(e.By)))
		default:
			return nil
		}
	case approvals.EventFinding:
		return finding(before, e, c)
	case approvals.EventReport:
		return reported(e, p)
	case approvals.EventFilesRefused:
		return filesRefused(e)
	case approvals.EventTampered:
		return tampered(before, e, c)
	case approvals.EventRewritten:
		return rewritten(e, c)
	case approvals.EventHeld:
		return held(e, c)
	case approvals.EventEvidence:
		return evidenceNews(before, e)
	case approvals.EventActivity:
		return activityNews(before, e)
	case approvals.EventVerdict:
		return verdict(before, e, c)
	case approvals.EventInert:
		return inert(before, e, c)
	case approvals.EventUndone:
		return undone(before, e, c)
	default:
		// EventStarted: the outcome follows at once; EventChosen: so does the answer; EventUntrusted:
		// EventForged tells
		return nil
	}
}

// callApprovers calls those who may decide, as the beginning of a sentence: so many of them, other
// than the requester.
func callApprovers(e approvals.Event, c Context) string {
	opening, err := record.Detail[approvals.Opening](e)
	needed := max(opening.Required, c.Required)
	who, are := "an approver", "is asked"
	if err == nil && needed > 1 {
		who, are = fmt.Sprintf("%d approvers", needed), "are asked"
	}
	if len(c.Approvers) == 0 {
		return strings.ToUpper(who[:1]) + who[1:] + " other than " + Mention(e.By) + " " + are
	}
	return mentions(c.Approvers) + ": " + who + " other than " + Mention(e.By) + " " + are
}

// involved are the people who have to know how it ended: the requester and the approvers.
func involved(r approvals.Request) []string { return append([]string{r.Requester}, r.Voters()...) }

func setAside(e approvals.Event, c Context) *Message {
	f, err := record.Detail[record.Failure](e)
	if err != nil {
		return nil
	}
	return sentence("*Not done:* " + workWords(f.Work, c) + ". It failed too often and was put aside; what else there " +
		"is to do for this request goes on. " +
		markup.Replace(Clean(f.Sentence, 1000)))
}

// workWords names a piece of work by its kind.
func workWords(kind string, c Context) string {
	switch kind {
	case "click", "submit":
		return "something that was pressed or sent for this request"
	case "execute":
		return "what was approved"
	case "evidence":
		return "a look at CloudTrail"
	case "activity":
		return "the look at what a chosen session did"
	case "simulate":
		return "the question to IAM's policy simulator"
	case "guard":
		return "a look whether the " + c.Words.Deny + " is still there"
	case "culprit":
		return "the question who changed the " + c.Words.Deny
	case "remind", "call_out":
		return "a call to the approvers"
	default:
		return "a piece of work (" + Code(kind, 40) + ")"
	}
}

// Refreshes reports whether an event can change what the card shows.
func Refreshes(t approvals.EventType) bool {
	switch t {
	case approvals.EventRequested, approvals.EventVoted, approvals.EventApproved, approvals.EventDenied,
		approvals.EventCancelled,
		approvals.EventExpired, approvals.EventApplied, approvals.EventRehearsed, approvals.EventFailed,
		approvals.EventVoided,
		approvals.EventTampered, approvals.EventRewritten, approvals.EventHeld, approvals.EventUndone, approvals.EventForged,
		approvals.EventVerdict:
		return true
	default:
		return false
	}
}

// shownRefusals is how many refused clicks of one person a thread tells; the log keeps more, and
// the notes the rest.
const shownRefusals = 3

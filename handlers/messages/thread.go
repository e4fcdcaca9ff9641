package messages

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// Thread is what the thread says of one event, nil when it says nothing. before is the request as
// it was when the event happened, the events up to it folded.
func Thread(before approvals.Request, e approvals.Event, c Context) *Message {
	return drilledIf(c.Drill, withReportButton(told(before, e, c), before, e, c))
}

func told(before approvals.Request, e approvals.Event, c Context) *Message {
	if e.Type == approvals.EventForged {
		return forgedThread(before, e, c)
	}
	if c.Undo != nil {
		if m, told := undoThread(before, e, c); told {
			return m
		}
	}
	if c.Drill {
		if m, told := drillThread(before, e, c); told {
			return m
		}
	}
	switch e.Type {
	case approvals.EventRequested:
		return callApprovers(e, c)
	case approvals.EventVoted:
		n := len(before.Votes) + 1
		left := needed(before, c) - n
		return sentence(fmt.Sprintf("%s approved, %d of %d, on %s. The card waits for %s.", Mention(e.By), n,
			needed(before, c), utc(e.At),
			english.Plural(left, "one more person", fmt.Sprintf("%d more people", left))))
	case approvals.EventApproved:
		return sentence(fmt.Sprintf("%s approved on %s. The deny is being written now.", Mention(e.By), utc(e.At)))
	case approvals.EventDenied:
		return sentence(fmt.Sprintf("%s denied the request on %s. Nothing was done.%s", Mention(e.By), utc(e.At),
			denialReason(e)))
	case approvals.EventCancelled:
		return sentence(fmt.Sprintf("%s cancelled the request on %s. Nothing was done.", Mention(e.By), utc(e.At)))
	case approvals.EventExpired:
		return askAgain(sentence(fmt.Sprintf("%s: the request expired on %s. %s in time. Nothing was done.",
			mentions(involved(before)), utc(e.At), unanswered(before, c))), before, c)
	case approvals.EventShutOut:
		return shutOut(before, e)
	case approvals.EventDirect:
		return direct(e)
	case approvals.EventReminded:
		return reminded(before, e, c)
	case approvals.EventApplied:
		return applied(before, e, c)
	case approvals.EventReadBack:
		return readBack(before, e)
	case approvals.EventFailed, approvals.EventVoided:
		f, err := record.Detail[record.Failure](e)
		if err != nil {
			return sentence("The revocation did not happen.")
		}
		how := " without a revocation that is known to have worked. "
		if before.State == approvals.StateOpen {
			how = undecided
		}
		return askAgain(sentence(mentions(involved(before))+": the request ended on "+utc(e.At)+how+failureText(f)), before,
			c)
	case approvals.EventDelayed:
		f, err := record.Detail[record.Failure](e)
		if err != nil || before.Delays > 0 {
			return nil // the first delay says it; the end will be told in any case
		}
		return sentence("Not applied yet. " + failureText(f) + " It is being tried again on its own.")
	case approvals.EventSetAside:
		return setAside(e)
	case approvals.EventRefused:
		switch n := before.RefusedBy(e.By); {
		case n < shownRefusals:
			return refusedInThread(e)
		case n == shownRefusals:
			return sentence(fmt.Sprintf("Refused again on %s: %s. Further refused clicks of theirs are in the record and not "+
				"told here.", utc(e.At), Mention(e.By)))
		default:
			return nil
		}
	case approvals.EventFinding:
		return finding(before, e, c)
	case approvals.EventReport:
		return reported(e, c)
	case approvals.EventFilesRefused:
		return filesRefused(e)
	case approvals.EventTampered:
		return tampered(before, e, c)
	case approvals.EventRewritten:
		return rewritten(e)
	case approvals.EventHeld:
		return held(e)
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

func callApprovers(e approvals.Event, c Context) *Message {
	return sentence(asked(e, c) + " to look at the card above and to press Approve or Deny. " +
		"This thread is the record of the request: every decision, every refused click, and what AWS answered.")
}

// asked calls those who may decide, as the beginning of a sentence: so many of them, other than the
// requester.
func asked(e approvals.Event, c Context) string {
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

func applied(before approvals.Request, e approvals.Event, c Context) *Message {
	a, err := record.Detail[record.Applied](e)
	if err != nil {
		return sentence("Applied: AWS took the policy.")
	}
	took := "AWS took the " + inline(a.Policy) + " on " + utc(a.At)
	if a.AlreadyThere {
		took = "The " + inline(a.Policy) + " with the promised cutoff is on the role: " +
			"an earlier try had written it"
	}
	word := "*Applied* to %s. %s.\n"
	switch {
	case a.Seen == record.SeenOther:
		word = "*Written* to %s, and not there as written when it was read again. %s.\n"
	case a.Seen != record.SeenEqual:
		word = "*Written* to %s, and not read back. %s.\n"
	}
	text := fmt.Sprintf(word, roleWords(c.Role), took)
	if a.Seen == record.SeenEqual {
		text += fmt.Sprintf("• Cutoff: sessions issued before *%s* are denied everything by it.\n"+
			"• People and programs can assume the role again *from %s on*; a session opened earlier is denied too.\n",
			utc(a.Cutoff), utc(a.Cutoff))
	} else {
		seen := "It is not known whether it is on the role."
		if a.Seen == record.SeenOther {
			seen = "The role has something else, or nothing."
		}
		text += fmt.Sprintf("• Cutoff: what was written denies everything to sessions issued before *%s*. %s\n",
			utc(a.Cutoff), seen)
	}
	text += fmt.Sprintf("• Requested by %s, approved by %s, request %s.", Mention(before.Requester),
		mentions(before.Voters()), code(before.ID, 40))
	if a.CallerARN != "" {
		text += "\n• Written as " + code(a.CallerARN, 300) + "."
	}
	if a.Unnamed {
		text += "\n• The session could *not name the people*: AWS refused source identity and tags, " +
			"and the configuration of this account allows to go on without. CloudTrail there shows only this request's id."
	}
	if a.Seen != record.SeenEqual {
		return offerUndo(sentence(text+"\nUntil it is known to be there, take it that old sessions still work. "+
			"Next: look at the role's inline policies now; what the bot finds follows below. "+
			"Undo, or "+undoCommand(c.Role, "")+", asks to take away what is there."), before, c)
	}
	text += "\nIAM enforces a change within seconds as a rule and within minutes at worst; until then an old session " +
		"may still get answers.\n" +
		"Undo, or " + undoCommand(c.Role, "") + ", asks to take the deny away again."
	return offerUndo(sentence(text), before, c)
}

func readBack(before approvals.Request, e approvals.Event) *Message {
	r, err := record.Detail[record.ReadBack](e)
	switch {
	case err != nil, r.Equal:
		return nil // the proof says it
	case r.Error != "":
		return sentence(mentions(involved(before)) + ": the policy could *not be read back*, so only AWS's answer to the " +
			"write speaks for it. " +
			markup.Replace(clean(r.Error, 1000)) + " Look at the role's " + inline(r.Policy) + ".")
	default:
		return sentence(mentions(involved(before)) + ": the policy that was *read back* on " + utc(r.At) +
			" is not the one that was written: " +
			code(r.Mismatch, 800) + ". Somebody or something changed it. Look at the role now, and contain it with a service " +
			"control policy if it happens again.")
	}
}

func setAside(e approvals.Event) *Message {
	f, err := record.Detail[record.Failure](e)
	if err != nil {
		return nil
	}
	return sentence("*Not done:* " + workWords(f.Work) + ". It failed too often and was put aside; what else there is " +
		"to do for this request goes on. " +
		markup.Replace(clean(f.Sentence, 1000)))
}

// workWords names a piece of work by its kind.
func workWords(kind string) string {
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
		return "a look whether the deny is still there"
	case "culprit":
		return "the question who changed the deny"
	case "remind", "call_out":
		return "a call to the approvers"
	default:
		return "a piece of work (" + code(kind, 40) + ")"
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

// undecided is how a request ended that nobody could decide any more.
const undecided = " before it was decided. "

// askAgain says at its end how to ask for the same role anew, and adds the button for it.
func askAgain(m *Message, r approvals.Request, c Context) *Message {
	m = sentence(m.Text + " To ask once more, press Ask again.")
	what := "Ask again to revoke sessions of "
	switch {
	case c.Drill:
		what = drillMark + "ask again to rehearse it for "
	case c.Undo != nil:
		what = "Ask again to take the deny off "
	}
	b := threadButton(ActionAgain, r.ID, "Ask again", what+raw(c.Role.Name, limitRoleName))
	m.Blocks = append(m.Blocks, slack.NewActionBlock("again", b))
	return m
}

// shownRefusals is how many refused clicks of one person a thread tells; the log keeps more, and
// the notes the rest.
const shownRefusals = 3

// finding tells what was noticed about the role.
func finding(before approvals.Request, e approvals.Event, c Context) *Message {
	f, err := record.Detail[record.Finding](e)
	if err != nil {
		return nil
	}
	if len(f.Changes) > 0 {
		return culprits(before, f.Changes, c)
	}
	text := "*Finding:* " + markup.Replace(clean(f.Sentence, 1000))
	if f.Urgent {
		text = mentions(involved(before)) + ": " + text
	}
	if len(f.Trust) > 0 {
		text += "\n" + trust(f.Trust)
	}
	return sentence(text)
}

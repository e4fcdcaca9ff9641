package report

import (
	"encoding/json"
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// line tells one event of the log. An event of a type that is not known here is told by its type,
// so that none is ever left out.
func (i incidentReport) line(e approvals.Event) moment {
	who := byBot
	if e.By != "" {
		who = mdPerson(e.By)
	}
	return moment{at: e.At, who: who, text: i.eventWords(e)}
}

func (i incidentReport) eventWords(e approvals.Event) string {
	switch e.Type {
	case approvals.EventRequested:
		return "asked for it: request " + mdCode(i.r.ID, 40)
	case approvals.EventVoted:
		return "approved; more people are needed"
	case approvals.EventApproved:
		return "approved; that was the last approval needed"
	case approvals.EventDenied:
		if d := record.Known[record.Denial](e); d != nil && d.Reason != "" {
			return "denied the request, because " + mdCode(d.Reason, messages.MaxReason)
		}
		return "denied the request"
	case approvals.EventCancelled:
		return "cancelled the request"
	case approvals.EventExpired:
		return "the request expired: too few people approved in time"
	case approvals.EventStarted:
		if d := record.Known[record.Started](e); d != nil && !d.Cutoff.IsZero() {
			return "planned to deny " + i.words.Scope(utc(d.Cutoff)) + "; the write follows"
		}
		return "began; the write follows"
	case approvals.EventApplied:
		return i.appliedWords(e)
	case approvals.EventRehearsed:
		if d := record.Known[record.Rehearsed](e); d != nil {
			return "rehearsed for " + i.words.Scope(utc(d.WouldBe)) + ", and nothing was written"
		}
		return "rehearsed, and nothing was written"
	case approvals.EventFailed:
		return "the request failed: " + mdFailure(e)
	case approvals.EventVoided:
		return "the approval is void: " + mdFailure(e)
	case approvals.EventForged:
		return "the log is not what was written: " + mdFailure(e)
	case approvals.EventUntrusted:
		return "an entry of the log was not trusted and left out"
	case approvals.EventDelayed:
		return "it was delayed: " + mdFailure(e)
	case approvals.EventSetAside:
		return "a piece of work was given up after 5 tries: " + mdFailure(e)
	case approvals.EventRefused:
		d := record.Known[approvals.Refusal](e)
		if d == nil {
			break
		}
		return "pressed " + messages.ActionWords(d.Action) + " and was rejected: " + mdCode(string(d.Code), 40)
	case approvals.EventFinding:
		if d := record.Known[record.Finding](e); d != nil {
			return "finding: " + mdProse(d.Sentence, 1000)
		}
	case approvals.EventReport:
		if d := record.Known[record.Reported](e); d != nil {
			return fmt.Sprintf("asked for a report up to event %d", d.Upto)
		}
	case approvals.EventReminded:
		return "the approvers were reminded"
	case approvals.EventFilesRefused:
		return "Slack did not take a file of the thread"
	case approvals.EventShutOut, approvals.EventDirect:
		if text := directWords(e); text != "" {
			return text
		}
	default:
		if text := lookWords(e); text != "" {
			return text
		}
		if text := i.proofWords(e); text != "" {
			return text
		}
	}
	return "event " + mdCode(string(e.Type), 60)
}

func (i incidentReport) appliedWords(e approvals.Event) string {
	d := record.Known[record.Applied](e)
	switch {
	case d == nil:
		return "AWS accepted the change"
	case i.undo:
		return "AWS accepted the change" + as(d.CallerARN)
	case d.AlreadyThere:
		return "the policy for " + i.words.Scope(utc(d.Cutoff)) + " is on the role: an earlier try had written it" +
			as(d.CallerARN)
	default:
		return "**AWS accepted the " + i.words.Document(d.Policy) + "** at " + utc(d.At) + " of its clock, for " +
			i.words.Scope(utc(d.Cutoff)) + as(d.CallerARN)
	}
}

func as(arn string) string {
	if arn == "" {
		return ""
	}
	return ", written as " + mdCode(arn, 300)
}

// lookWords tells the events of the looks at CloudTrail.
func lookWords(e approvals.Event) string {
	switch e.Type {
	case approvals.EventEvidence:
		d := record.Known[record.Evidence](e)
		switch {
		case d == nil:
		case d.Failed != "":
			return "CloudTrail could not be read: " + mdProse(d.Failed, 1200)
		default:
			covered := 0
			for _, g := range d.Regions {
				if g.Covered {
					covered++
				}
			}
			return fmt.Sprintf("check %d of CloudTrail, from %s to %s: %d of %s read", d.FollowUp+1, utc(d.Since), utc(d.Until),
				covered, english.Count(len(d.Regions), "region", "regions"))
		}
	case approvals.EventSessions:
		if d := record.Known[record.Sessions](e); d != nil {
			return fmt.Sprintf("check %d: %s that no earlier check had", d.Look+1,
				english.Count(len(d.Rows), "session or attempt", "sessions and attempts"))
		}
	case approvals.EventChosen:
		return "chose a session to check"
	case approvals.EventActivity:
		d := record.Known[record.Activity](e)
		switch {
		case d == nil:
		case d.Failed != "":
			return "what the sessions did could not be read: " + mdProse(d.Failed, 1200)
		default:
			return fmt.Sprintf("check %d: what %s did was read, and %s from them", d.Look+1,
				english.Count(len(d.Sessions), "session", "sessions"),
				english.Count(len(d.Chain), "role was assumed", "roles were assumed"))
		}
	case approvals.EventVerdict:
		if d := record.Known[record.Conclusion](e); d != nil {
			return "verdict: **" + wordOf(d.Word) + "**"
		}
	}
	return ""
}

// wordOf is one of the three words; whatever else is stored is unknown.
func wordOf(w record.Word) string {
	switch w {
	case record.WordContained, record.WordNotContained:
		return string(w)
	default:
		return string(record.WordUnknown)
	}
}

// proofWords tells the events of the proof and of the guard.
func (i incidentReport) proofWords(e approvals.Event) string {
	switch e.Type {
	case approvals.EventReadBack:
		if d := record.Known[record.ReadBack](e); d != nil {
			return "verified on the role: " + pen.Facts(record.Proof{ReadBack: d})[0].Text
		}
	case approvals.EventSimulated:
		if d := record.Known[record.Simulated](e); d != nil {
			return "policy simulator: " + pen.Facts(record.Proof{Simulated: d})[1].Text
		}
	case approvals.EventSeenDenied:
		if d := record.Known[record.Enforcement](e); d != nil {
			return "seen blocked in CloudTrail: " + pen.Facts(record.Proof{Seen: d})[2].Text
		}
	case approvals.EventTampered:
		if d := record.Known[record.Tampered](e); d != nil {
			return "**a check found the " + i.words.Deny + " " + pen.Found(*d) + "**" + why(d.Why)
		}
	case approvals.EventRewritten:
		if d := record.Known[record.Rewritten](e); d != nil {
			return "the " + i.words.Deny + " was restored under the same approval, for " + i.words.Scope(utc(d.Cutoff)) +
				as(d.CallerARN)
		}
	case approvals.EventHeld:
		if d := record.Known[record.Held](e); d != nil {
			return "the " + i.words.Deny + " was on the role at the last check, " + messages.Span(d.After) +
				" after it was applied"
		}
	case approvals.EventInert:
		return "every session that the " + i.words.Deny + " blocks has expired"
	case approvals.EventUndone:
		return i.undoneWords(e)
	}
	return ""
}

func why(text string) string {
	if text == "" {
		return ""
	}
	return ": " + mdProse(text, 600)
}

// undoneWords tells that another request took the deny away, with what of it can be read.
func (i incidentReport) undoneWords(e approvals.Event) string {
	took := "**another request undid the " + i.words.Noun + "**"
	var d struct {
		Request   string   `json:"request"`
		Requester string   `json:"requester"`
		Approvers []string `json:"approvers"`
	}
	if json.Unmarshal(e.Detail, &d) != nil || d.Request == "" {
		return took
	}
	text := took + ": " + mdCode(d.Request, 40)
	if d.Requester != "" {
		text += ", asked by " + mdPerson(d.Requester)
	}
	if len(d.Approvers) > 0 {
		text += ", approved by " + mdPeople(d.Approvers)
	}
	return text
}

// directWords tells such an event in a report.
func directWords(e approvals.Event) string {
	if e.Type == approvals.EventShutOut {
		if d := record.Known[record.ShutOut](e); d != nil && d.Code == record.CodeThreadGone {
			return "the thread was found to be gone: the people of the request get a DM"
		} else if d != nil {
			return "Slack refused the channel for a minute (" + mdCode(d.Code, 60) + "): the people of the request get a DM"
		}
		return ""
	}
	d := record.Known[record.Direct](e)
	switch {
	case d == nil:
		return ""
	case d.Nobody:
		return "no approver is in the channel, and none could be sent a DM"
	case d.Unsure:
		return mdPerson(d.Person) + " may not have got a DM: Slack did not answer"
	case d.Problem != "":
		return mdPerson(d.Person) + " could not be sent a DM: " + mdCode(d.Problem, 60)
	case d.About == record.DirectCall:
		return mdPerson(d.Person) + ", who is not in the channel, was asked by DM to decide"
	default:
		return mdPerson(d.Person) + " got the outcome by DM"
	}
}

package report

import (
	"cmp"
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// line tells one event of the log.
func (i incidentReport) line(e approvals.Event) moment {
	who := byBot
	if e.By != "" {
		who = i.Who(e.By)
	}
	return moment{at: e.At, who: who, text: i.eventWords(e)}
}

// of is the payload of an event, zero for one that cannot be read.
func of[T any](e approvals.Event) T {
	d, _ := record.Detail[T](e)
	return d
}

// happened are the events that say no more than their type.
var happened = map[approvals.EventType]string{
	approvals.EventAlsoAsked:    "asked for the same",
	approvals.EventHandedOver:   "cancelled; the request went on as that of the next person who asked",
	approvals.EventVoted:        "approved; more people are needed",
	approvals.EventApproved:     "approved; that was the last approval needed",
	approvals.EventCancelled:    "cancelled the request",
	approvals.EventExpired:      "the request expired: too few people approved in time",
	approvals.EventUntrusted:    "an entry of the log was not trusted and left out",
	approvals.EventReminded:     "the approvers were reminded",
	approvals.EventFilesRefused: "Slack did not take a file of the thread",
	approvals.EventChosen:       "chose a session to check",
}

// failed are those that say why.
var failed = map[approvals.EventType]string{
	approvals.EventFailed:  "the request failed: ",
	approvals.EventVoided:  "the approval is void: ",
	approvals.EventForged:  "the log is not what was written: ",
	approvals.EventDelayed: "it was delayed: ",
	approvals.EventParked:  "a piece of work was given up after 5 tries: ",
}

// eventWords tells what happened. An event of a type that is not known here is told by its type, so
// that none is ever left out.
func (i incidentReport) eventWords(e approvals.Event) string {
	deny := "the " + i.words.Deny
	switch e.Type {
	case approvals.EventRequested:
		return "asked for it: request " + mdCode(i.r.ID, 40)
	case approvals.EventDenied:
		if why := of[record.Denial](e).Reason; why != "" {
			return "denied the request, because " + mdCode(why, messages.MaxReason)
		}
		return "denied the request"
	case approvals.EventStarted:
		if d := of[record.Started](e); !d.Cutoff.IsZero() {
			return "planned to deny " + i.words.Scope(i.At(d.Cutoff)) + "; the write follows"
		}
		return "began; the write follows"
	case approvals.EventApplied:
		return i.appliedWords(of[record.Applied](e))
	case approvals.EventRehearsed:
		return "rehearsed for " + i.words.Scope(i.At(of[record.Rehearsed](e).WouldBe)) + ", and nothing was written"
	case approvals.EventRefused:
		d := of[approvals.Refusal](e)
		return "pressed " + messages.ActionWords(d.Action) + " and was rejected: " + mdCode(string(d.Code), 40)
	case approvals.EventFinding:
		d := of[record.Finding](e)
		if n := len(d.Changes); n > 0 {
			return "CloudTrail shows who changed " + deny + ", " + english.Count(n, "change", "changes")
		}
		return "finding: " + i.Prose(d.Sentence)
	case approvals.EventReport:
		return fmt.Sprintf("asked for a report up to event %d", of[record.Reported](e).Upto)
	case approvals.EventPlan:
		return "asked for the plan to recreate the " + i.Noun
	case approvals.EventShutOut, approvals.EventDirect:
		return i.Direct(e)
	case approvals.EventUsers:
		d := of[record.Users](e)
		if d.Failed != "" {
			return "who uses the " + i.Noun + " could not be read: " + i.Prose(d.Failed)
		}
		if i.c.Role.Key != "" {
			return "the key was used from " + english.Count(len(d.Callers)+d.More, "address", "addresses")
		}
		return english.Count(len(d.Callers)+d.More, "caller has", "callers have") + " live sessions of the role"
	case approvals.EventEvidence:
		return i.evidenceWords(of[record.Evidence](e))
	case approvals.EventSessions:
		d := of[record.Sessions](e)
		return fmt.Sprintf("check %d: %s that no earlier check had", d.Look+1,
			english.Count(len(d.Rows), "session or attempt", "sessions and attempts"))
	case approvals.EventVouched:
		return "said that a caller is theirs: " + mdCode(of[record.Vouched](e).Caller, 120)
	case approvals.EventActivity:
		d := of[record.Activity](e)
		if d.Failed != "" {
			return "what the sessions did could not be read: " + i.Prose(d.Failed)
		}
		return fmt.Sprintf("check %d: what %s did was read, and %s from them", d.Look+1,
			english.Count(len(d.Sessions), "session", "sessions"),
			english.Count(len(d.Chain), "role was assumed", "roles were assumed"))
	case approvals.EventVerdict:
		return "verdict: **" + wordOf(of[record.Conclusion](e).Word) + "**"
	case approvals.EventReadBack:
		d := of[record.ReadBack](e)
		return "verified on the " + i.Noun + ": " + i.Facts(record.Proof{ReadBack: &d})[0].Text
	case approvals.EventSimulated:
		d := of[record.Simulated](e)
		return "policy simulator: " + i.Facts(record.Proof{Simulated: &d})[1].Text
	case approvals.EventSeenDenied:
		d := of[record.Enforcement](e)
		return "seen blocked in CloudTrail: " + i.Facts(record.Proof{Seen: &d})[2].Text
	case approvals.EventTampered:
		d := of[record.Tampered](e)
		text := "**a check found " + deny + " " + i.Found(d) + "**"
		if d.Why != "" {
			text += ": " + i.Prose(d.Why)
		}
		return text
	case approvals.EventRewritten:
		d := of[record.Rewritten](e)
		return deny + " was restored under the same approval, for " + i.words.Scope(i.At(d.Cutoff)) + as(d.CallerARN)
	case approvals.EventHeld:
		return deny + " was on the " + i.Noun + " at the last check, " + messages.Span(of[record.Held](e).After) +
			" after it was applied"
	case approvals.EventPolicyExpired:
		return "every session that " + deny + " blocks has expired"
	case approvals.EventUndone:
		d := of[record.Undone](e)
		return "**another request undid the " + i.words.Noun + "**: " + mdCode(d.Request, 40) + ", asked by " +
			i.Who(d.Requester) + ", approved by " + i.people(d.Approvers) + ". " + i.left(d)
	}
	if why := failed[e.Type]; why != "" {
		return why + mdFailure(e)
	}
	return cmp.Or(happened[e.Type], "event "+mdCode(string(e.Type), 60))
}

func (i incidentReport) appliedWords(d record.Applied) string {
	switch {
	case i.undo:
		return "AWS accepted the change" + as(d.CallerARN)
	case d.AlreadyThere:
		return "the policy for " + i.words.Scope(i.At(d.Cutoff)) + " is on the " + i.Noun +
			": an earlier try had written it" +
			as(d.CallerARN)
	default:
		return "**AWS accepted the " + i.words.Document(d.Policy) + "** at " + i.At(d.At) + " of its clock, for " +
			i.words.Scope(i.At(d.Cutoff)) + as(d.CallerARN)
	}
}

func as(arn string) string {
	if arn == "" {
		return ""
	}
	return ", written as " + mdCode(arn, 300)
}

func (i incidentReport) evidenceWords(d record.Evidence) string {
	if d.Failed != "" {
		return "CloudTrail could not be read: " + i.Prose(d.Failed)
	}
	covered := 0
	for _, g := range d.Regions {
		if g.Covered {
			covered++
		}
	}
	return fmt.Sprintf("check %d of CloudTrail, from %s to %s: %d of %s read", d.FollowUp+1, i.At(d.Since), i.At(d.Until),
		covered, english.Count(len(d.Regions), "region", "regions"))
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

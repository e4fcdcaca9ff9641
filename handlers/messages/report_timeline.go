package messages

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// maxTimelineSessions is how many sessions the timeline names; the facts have all.
const maxTimelineSessions = 150

// moment is one line of the timeline.
type moment struct {
	at   time.Time
	who  string // a person, or whose word it is
	text string
}

// timeline tells what people did and what the cloud showed, in one order. Moments of the log are by the store's clock,
// those of the cloud by AWS's.
func (i incidentReport) timeline(s *sheet) {
	s.title("Timeline")
	var all []moment
	progress := 0
	for _, e := range i.events {
		if e.Type == approvals.EventLooking || e.Type == approvals.EventOffered {
			progress++ // it says nothing that is left when the look is done
			continue
		}
		all = append(all, line(e, i.r))
	}
	cloud, left := i.cloud()
	all = append(all, cloud...)
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range all {
		s.item("%s · %s · %s", stampLine(m.at), m.who, m.text)
	}
	if left > 0 {
		fmt.Fprintf(s, "\n%s not in this list; the facts have all that the record keeps.\n", count(left, "session is", "sessions are"))
	}
	if progress > 0 {
		fmt.Fprintf(s, "\nNot in this list, but in the facts: %s of looks under way.\n", count(progress, "mark of progress", "marks of progress"))
	}
}

const (
	byTrail = "CloudTrail"
	byBot   = "revokebot"
)

// cloud is what CloudTrail showed: sessions, those first that matter, and the calls that matter by themselves.
func (i incidentReport) cloud() (list []moment, left int) {
	in := i.in
	sessions := slices.Clone(in.Sessions)
	weight := func(s Session) int {
		_, suspect := in.Suspects[s.EventID]
		_, looked := in.Activities[s.EventID]
		switch {
		case suspect || looked:
			return 0
		case s.After:
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(sessions, func(a, b Session) int { return cmp.Compare(weight(a), weight(b)) })
	left = max(len(sessions)-maxTimelineSessions, 0)
	for _, s := range sessions[:len(sessions)-left] {
		text := mdSession(s) + " in " + mdCode(s.Region, 30)
		switch {
		case !s.Issued() && s.Uncertain:
			text = "an attempt that may have been for this role issued nothing, " + mdCode(s.ErrorCode, 80) + ": " + text
		case !s.Issued():
			text = "an attempt issued nothing, " + mdCode(s.ErrorCode, 80) + ": " + text
		case s.After && in.Known(s):
			text += ", **issued at or after the cutoff**, to a caller known before it"
		case s.After:
			text += ", **issued at or after the cutoff**, to a caller not seen before"
		default:
			text += ", issued before the cutoff"
		}
		if why, ok := in.Suspects[s.EventID]; ok {
			text += "; the " + why.words()
		}
		list = append(list, moment{s.Time, byTrail, text})
		a := in.Activities[s.EventID]
		for _, c := range a.Doors {
			list = append(list, moment{c.Time, byTrail, "in session " + mdCode(s.SessionName, 64) + ": " + mdCall(c)})
		}
		if !a.AfterCut.IsZero() {
			list = append(list, moment{a.AfterCut, byTrail, "the first call of session " + mdCode(s.SessionName, 64) + " that was denied after the cutoff"})
		}
	}
	return list, left
}

// line tells one event of the log. An event of a type that is not known here is told by its type, so that none is ever
// left out.
func line(e approvals.Event, r approvals.Request) moment {
	who := byBot
	if e.By != "" {
		who = mdPerson(e.By)
	}
	return moment{at: e.At, who: who, text: eventWords(e, r)}
}

func eventWords(e approvals.Event, r approvals.Request) string {
	switch e.Type {
	case approvals.EventRequested:
		return "asked for it: request " + mdCode(r.ID, 40)
	case approvals.EventVoted:
		return "approved; more people are needed"
	case approvals.EventApproved:
		return "approved; that was the approval that was still missing"
	case approvals.EventDenied:
		if d := known[Denial](e); d != nil && d.Reason != "" {
			return "denied the request, because " + mdCode(d.Reason, limitReason)
		}
		return "denied the request"
	case approvals.EventCancelled:
		return "cancelled the request"
	case approvals.EventExpired:
		return "the request expired: nobody decided in time"
	case approvals.EventStarted:
		if d := known[Started](e); d != nil && !d.Cutoff.IsZero() {
			return "promised the cutoff " + utc(d.Cutoff) + "; the write follows"
		}
		return "began; the write follows"
	case approvals.EventApplied:
		return appliedWords(e, r)
	case approvals.EventFailed:
		return "the request failed: " + mdFailure(e)
	case approvals.EventVoided:
		return "the approval is void: " + mdFailure(e)
	case approvals.EventDelayed:
		return "AWS did not take it yet: " + mdFailure(e)
	case approvals.EventSetAside:
		return "a piece of work failed too often and was put aside: " + mdFailure(e)
	case approvals.EventRefused:
		d := known[approvals.Refusal](e)
		if d == nil {
			break
		}
		return "pressed " + actionWords(d.Action) + " and was refused: " + mdCode(string(d.Code), 40)
	case approvals.EventFinding:
		if d := known[Finding](e); d != nil {
			return "finding: " + mdProse(d.Sentence, 1000)
		}
	case approvals.EventReport:
		if d := known[Reported](e); d != nil {
			return fmt.Sprintf("asked for a report up to event %d", d.Upto)
		}
	case approvals.EventFilesRefused:
		return "Slack did not take a file of the thread"
	default:
		if text := lookWords(e); text != "" {
			return text
		}
		if text := proofWords(e); text != "" {
			return text
		}
	}
	return "event " + mdCode(string(e.Type), 60)
}

func appliedWords(e approvals.Event, r approvals.Request) string {
	d := known[Applied](e)
	switch {
	case d == nil:
		return "AWS took the change"
	case r.Purpose == approvals.PurposeUndo:
		return "AWS took the change" + as(d.CallerARN)
	case d.AlreadyThere:
		return "the policy with the promised cutoff " + utc(d.Cutoff) + " is on the role: an earlier try had written it" + as(d.CallerARN)
	default:
		return "**AWS took the inline policy `AWSRevokeOlderSessions`** on " + utc(d.At) + " of its clock, cutoff " + utc(d.Cutoff) + as(d.CallerARN)
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
		d := known[Evidence](e)
		switch {
		case d == nil:
		case d.Failed != "":
			return "CloudTrail could not be asked: " + mdProse(d.Failed, 1200)
		default:
			covered := 0
			for _, g := range d.Regions {
				if g.Covered {
					covered++
				}
			}
			return fmt.Sprintf("look %d at CloudTrail, from %s to %s: %d of %s read", d.FollowUp+1, utc(d.Since), utc(d.Until), covered, count(len(d.Regions), "region", "regions"))
		}
	case approvals.EventSessions:
		if d := known[Sessions](e); d != nil {
			return fmt.Sprintf("look %d: %s that no earlier look had", d.Look+1, count(len(d.Rows), "session or attempt", "sessions and attempts"))
		}
	case approvals.EventChosen:
		return "chose a session to look into"
	case approvals.EventActivity:
		d := known[Activity](e)
		switch {
		case d == nil:
		case d.Failed != "":
			return "what the sessions did could not be read: " + mdProse(d.Failed, 1200)
		default:
			return fmt.Sprintf("look %d: what %s did was read, and %s from them", d.Look+1, count(len(d.Sessions), "session", "sessions"), count(len(d.Chain), "role was assumed", "roles were assumed"))
		}
	case approvals.EventVerdict:
		if d := known[Conclusion](e); d != nil {
			return "the last word of the looks: **" + wordOf(d.Word) + "**"
		}
	}
	return ""
}

// wordOf is one of the three words; whatever else is stored is unknown.
func wordOf(w Word) string {
	switch w {
	case WordContained, WordNotContained:
		return string(w)
	default:
		return string(WordUnknown)
	}
}

// proofWords tells the events of the proof and of the guard.
func proofWords(e approvals.Event) string {
	switch e.Type {
	case approvals.EventReadBack:
		d := known[ReadBack](e)
		switch {
		case d == nil:
		case d.Equal:
			return "read back: the policy on the role says what was written"
		case d.Error != "":
			return "the policy could not be read back: " + mdProse(d.Error, 1000)
		default:
			return "read back: the policy on the role is **not** what was written, " + mdCode(d.Mismatch, 800)
		}
	case approvals.EventSimulated:
		if d := known[Simulated](e); d != nil {
			return "simulated: " + proof{simulated: d}.paperReport()
		}
	case approvals.EventSeenDenied:
		if d := known[Enforcement](e); d != nil {
			return "enforcement: " + proof{seen: d}.enforcedReport()
		}
	case approvals.EventTampered:
		if d := known[Tampered](e); d != nil && d.Lost() {
			return "**a look found the deny " + d.words() + "**" + why(d.Why)
		} else if d != nil {
			return "a look at the role found " + mdCode(string(d.State), 40) + why(d.Why)
		}
	case approvals.EventRewritten:
		if d := known[Rewritten](e); d != nil {
			return "the deny was written again under the same approval, cutoff " + utc(d.Cutoff) + as(d.CallerARN)
		}
	case approvals.EventHeld:
		if d := known[Held](e); d != nil {
			return "the deny was on the role at the last look, " + span(d.After) + " after it was applied"
		}
	case approvals.EventInert:
		return "no session that the deny keeps out can be alive any more"
	case approvals.EventUndone:
		return undoneWords(e)
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
func undoneWords(e approvals.Event) string {
	var d struct {
		Request   string   `json:"request"`
		Requester string   `json:"requester"`
		Approvers []string `json:"approvers"`
	}
	if json.Unmarshal(e.Detail, &d) != nil || d.Request == "" {
		return "**another request took the deny away**"
	}
	text := "**another request took the deny away**: " + mdCode(d.Request, 40)
	if d.Requester != "" {
		text += ", asked by " + mdPerson(d.Requester)
	}
	if len(d.Approvers) > 0 {
		text += ", approved by " + mdPeople(d.Approvers)
	}
	return text
}

package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// maxMoments is how much of CloudTrail the timeline has; the facts have all.
const maxMoments = 300

// moment is one line of the timeline.
type moment struct {
	at   time.Time
	who  string // a person, or whose word it is
	text string
}

// timeline tells what people did and what the cloud showed, in one order. Moments of the log are by
// the store's clock, those of the cloud by AWS's.
func (i incidentReport) timeline(s *sheet) {
	s.title("Timeline")
	var all []moment
	left := 0
	for _, e := range i.events {
		if e.Type != approvals.EventLooking { // it says nothing that is left when the check is done
			all = append(all, i.line(e))
		}
	}
	if !i.in.Drill { // of which there is no moment that parts sessions
		cloud, more := i.cloud()
		all, left = append(all, cloud...), more
	}
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range all {
		s.item("%s · %s · %s", stampLine(m.at), m.who, m.text)
	}
	if left > 0 {
		fmt.Fprintf(s, "\n%s not in this list: nothing unusual was seen of them, or there are too many. The list (CSV) has "+
			"all.\n", english.Count(left, "session is", "sessions are"))
	}
}

const (
	byTrail = "CloudTrail"
	byBot   = "revokebot"
)

// matters reports whether a session is for readers: it is unusual, its caller is first seen after
// the cutoff, or the verdict names it.
func (i incidentReport) matters(s record.Session) bool {
	_, suspect := i.in.Suspects[s.EventID]
	return suspect || s.After && s.Issued() && !i.in.Known(s) || i.in.Verdict != nil &&
		slices.ContainsFunc(i.in.Verdict.Sessions, func(v record.Session) bool { return v.EventID == s.EventID })
}

// ofKey reports whether a row is the access key that the request is about: it is no session, and
// its time is that of its first call.
func (i incidentReport) ofKey(s record.Session) bool {
	return i.c.Role.Key != "" && s.AccessKeyID == i.c.Role.Key
}

// cloud is what CloudTrail showed: the sessions and calls that matter, and who changed the policy.
func (i incidentReport) cloud() (list []moment, left int) {
	in := i.in
	for _, s := range in.Sessions {
		if !i.matters(s) || len(list) >= maxMoments {
			left++
			continue
		}
		text := i.Session(s) + " in " + mdCode(s.Region, 30)
		switch {
		case i.ofKey(s):
			text = "the first call of " + i.Session(s) + " that was read"
		case !s.Issued():
			text = "an attempt issued nothing, " + mdCode(s.ErrorCode, 80) + ": " + text
		case s.After:
			text += ", at or after the " + i.words.Mark
		}
		list = append(list, moment{s.Time, byTrail, text})
		a := in.Activities[s.EventID]
		list = append(list, i.calls(i.What(s.SessionName), a.Persistence)...)
		for _, from := range a.Elsewhere {
			list = append(list, moment{from.First, byTrail, i.What(s.SessionName) + " was used from " +
				mdCode(from.Address, 60) + ", where it was not opened"})
		}
		if !a.AfterCut.IsZero() {
			list = append(list, moment{
				a.AfterCut, byTrail,
				"the first call of " + i.What(s.SessionName) + " that was denied after the " + i.words.Mark,
			})
		}
	}
	for _, l := range in.Chain {
		if len(in.Suspects) > 0 && !l.First.IsZero() {
			list = append(list, moment{l.First, byTrail, i.What(l.FromSession) + " assumed role " + mdOther(l)})
		}
		list = append(list, i.calls("a session of role "+mdOther(l), l.Persistence)...)
	}
	for _, c := range i.changes() {
		list = append(list, moment{c.At, byTrail, "**" + i.words.Deny + ":** " + i.Changer(c) + " " + i.Changed(c)})
	}
	return list, left
}

// calls are those that give new access.
func (i incidentReport) calls(by string, calls []record.Call) (list []moment) {
	for _, c := range calls {
		text := "in " + by + ": " + i.Call(c)
		if c.Opens != "" {
			text += ", " + mdProse(c.Opens, 120)
		}
		list = append(list, moment{c.Time, byTrail, text})
	}
	return list
}

package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// maxTimelineSessions is how many sessions the timeline names; the facts have all.
const maxTimelineSessions = 150

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
	if !i.drill { // of which there is no moment that parts sessions
		cloud, more := i.cloud()
		all, left = append(all, cloud...), more
	}
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range all {
		s.item("%s · %s · %s", stampLine(m.at), m.who, m.text)
	}
	if left > 0 {
		fmt.Fprintf(s, "\n%s not in this list; the facts have all that the record keeps.\n",
			english.Count(left, "session is", "sessions are"))
	}
}

const (
	byTrail = "CloudTrail"
	byBot   = "revokebot"
)

// cloud is what CloudTrail showed: sessions, those first that matter, and the calls that matter by
// themselves.
func (i incidentReport) cloud() (list []moment, left int) {
	in := i.in
	sessions := slices.Clone(in.Sessions)
	weight := func(s record.Session) int {
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
	slices.SortStableFunc(sessions, func(a, b record.Session) int { return cmp.Compare(weight(a), weight(b)) })
	left = max(len(sessions)-maxTimelineSessions, 0)
	for _, s := range sessions[:len(sessions)-left] {
		text := pen.Session(s) + " in " + mdCode(s.Region, 30)
		switch {
		case !s.Issued() && s.Uncertain:
			text = "an attempt that may have been for this role issued nothing, " + mdCode(s.ErrorCode, 80) + ": " + text
		case !s.Issued():
			text = "an attempt issued nothing, " + mdCode(s.ErrorCode, 80) + ": " + text
		case s.After && in.Known(s):
			text += ", **issued at or after the " + i.words.Mark + "**, to a caller known before it"
		case s.After:
			text += ", **issued at or after the " + i.words.Mark + "**, to a caller not seen before"
		default:
			text += ", issued before the " + i.words.Mark
		}
		if why, ok := in.Suspects[s.EventID]; ok {
			text += "; it is unusual (" + mdCode(messages.Unusual(why), 150) + ")"
		}
		list = append(list, moment{s.Time, byTrail, text})
		a := in.Activities[s.EventID]
		for _, c := range a.Persistence {
			list = append(list, moment{c.Time, byTrail, "in session " + mdCode(s.SessionName, 64) + ": " + pen.Call(c)})
		}
		if !a.AfterCut.IsZero() {
			list = append(list, moment{
				a.AfterCut, byTrail,
				"the first call of session " + mdCode(s.SessionName, 64) + " that was denied after the " + i.words.Mark,
			})
		}
	}
	return list, left
}

package messages

import (
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/timeline"
)

// picture shows an incident over time: a row for each caller, those that stand out first, then those with the newest
// session.
func picture(in Incident, role Role) timeline.Picture {
	p := timeline.Picture{Title: "Sessions of " + raw(role.Account, 64) + "/" + raw(role.Name, limitRoleName), Start: in.Since, End: in.Until, Cutoff: in.Cutoff}
	at := map[string]int{}
	stands, byAddress := map[int]bool{}, map[int]bool{}
	for _, s := range in.Sessions {
		i, there := at[s.caller()]
		if !there {
			i = len(p.Rows)
			at[s.caller()] = i
			p.Rows = append(p.Rows, timeline.Row{Label: raw(s.Caller, 120)})
		}
		row := &p.Rows[i]
		row.Bars = append(row.Bars, timeline.Bar{Start: s.Time, End: s.Expires, Kind: in.barOf(s)})
		if suspect, is := in.Suspects[s.EventID]; is && (row.Note == "" || suspect.Address && !byAddress[i]) {
			stands[i], byAddress[i] = true, suspect.Address
			row.Note = "stands out: session " + raw(s.SessionName, 64) + " from " + raw(s.SourceAddress, 60)
		}
		row.Marks = append(row.Marks, in.marksOf(s)...)
	}
	order := make([]int, len(p.Rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case stands[a] == stands[b]:
			return a - b
		case stands[a]:
			return -1
		default:
			return 1
		}
	})
	rows := make([]timeline.Row, 0, len(order))
	for _, i := range order {
		rows = append(rows, p.Rows[i])
	}
	p.Rows = rows
	return p
}

func (in Incident) barOf(s Session) timeline.BarKind {
	_, suspect := in.Suspects[s.EventID]
	switch {
	case !s.Issued():
		return timeline.BarDeniedAttempt
	case suspect:
		return timeline.BarSuspicious
	case s.After:
		return timeline.BarAfter
	default:
		return timeline.BarBefore
	}
}

// marksOf are the moments that are known of what a session did: its first and last call, the first denial after the
// cutoff, and the doors.
func (in Incident) marksOf(s Session) []timeline.Mark {
	a, looked := in.Activities[s.EventID]
	if !looked || a.Calls == 0 {
		return nil
	}
	marks := []timeline.Mark{{At: a.First, Kind: timeline.MarkCall}}
	last := timeline.MarkCall
	if !a.AfterCut.IsZero() {
		marks, last = append(marks, timeline.Mark{At: a.AfterCut, Kind: timeline.MarkDenial}), timeline.MarkDenial
	}
	if a.Last.After(a.First) {
		marks = append(marks, timeline.Mark{At: a.Last, Kind: last})
	}
	for _, door := range a.Doors {
		kind := timeline.MarkDoor
		if door.ErrorCode != "" {
			kind = timeline.MarkDenial
		}
		marks = append(marks, timeline.Mark{At: door.Time, Kind: kind})
	}
	return marks
}

// trailFiles are the files that go with what CloudTrail told: the picture after the table, again with news and with the
// last word; the complete list after the findings, and again with the last word if there is more in it.
func trailFiles(r approvals.Request, events []approvals.Event, e approvals.Event, c Context) []File {
	in := Gather(events)
	if len(in.Sessions) == 0 {
		return nil
	}
	var files []File
	if bringsPicture(events, e) {
		p := picture(in, c.Role)
		files = append(files, File{
			Name: FileName("timeline", r, e, "png"), Title: "Sessions over time", AltText: timeline.AltText(p),
			Bytes: func() ([]byte, error) { return timeline.PNG(p) },
		})
	}
	if bringsLists(events, e) {
		files = append(files,
			File{Name: FileName("sessions", r, e, "csv"), Title: "All sessions, for a spreadsheet", Bytes: in.CSV},
			File{Name: FileName("sessions", r, e, "jsonl"), Title: "All sessions, for programs", Bytes: in.JSONLines})
	}
	return files
}

// bringsPicture reports whether an event shows something that no picture before it has.
func bringsPicture(events []approvals.Event, e approvals.Event) bool {
	switch e.Type {
	case approvals.EventVerdict:
		return true
	case approvals.EventActivity:
		return newsworthy(e)
	case approvals.EventSessions:
		v, err := detail[Sessions](e)
		if err != nil || v.More {
			return false
		}
		if v.Look > 0 {
			return slices.ContainsFunc(events, func(other approvals.Event) bool { return newsworthy(other) && lookOf(other) == v.Look })
		}
		return !slices.ContainsFunc(events, func(other approvals.Event) bool {
			if other.Type != approvals.EventSessions || other.Seq >= e.Seq {
				return false
			}
			earlier, err := detail[Sessions](other)
			return err == nil && !earlier.More
		})
	default:
		return false
	}
}

// lookOf is the number of the look that an EventEvidence tells of, -1 for others.
func lookOf(e approvals.Event) int {
	v, err := detail[Evidence](e)
	if e.Type != approvals.EventEvidence || err != nil {
		return -1
	}
	return v.FollowUp
}

// bringsLists reports whether an event has the complete list with it.
func bringsLists(events []approvals.Event, e approvals.Event) bool {
	switch e.Type {
	case approvals.EventOffered:
		return true
	case approvals.EventVerdict:
		offered := slices.IndexFunc(events, func(other approvals.Event) bool { return other.Type == approvals.EventOffered })
		return slices.ContainsFunc(events[offered+1:], func(other approvals.Event) bool { return other.Type == approvals.EventSessions })
	default:
		return false
	}
}

package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/timeline"
)

// picture shows an incident over time: a row for each caller, those that stand out first, then
// those with the newest session.
func picture(in record.Incident, role record.Role) timeline.Picture {
	p := timeline.Picture{
		Title: "Sessions of " + messages.Raw(role.AccountName, 64) + "/" + messages.Raw(role.Name, 64),
		Start: begins(in), End: in.Until, Cutoff: in.Cutoff,
	}
	if in.Drill {
		p.Title = messages.Marked("cutoff not set. " + p.Title)
	}
	at, weights := map[string]int{}, map[string]int{} // of a row, by its note
	for _, s := range in.Sessions {
		i, there := at[s.CallerIdentity()]
		if !there {
			i = len(p.Rows)
			at[s.CallerIdentity()] = i
			p.Rows = append(p.Rows, timeline.Row{Label: messages.Raw(s.Caller, 120)})
		}
		row := &p.Rows[i]
		row.Bars = append(row.Bars, timeline.Bar{Start: s.Time, End: s.Expires, Kind: barOf(in, s)})
		if suspect, is := in.Suspects[s.EventID]; is && weight(suspect) > weights[row.Note] {
			row.Note = standsOut(s, suspect)
			weights[row.Note] = weight(suspect)
		}
		row.Marks = append(row.Marks, marksOf(in, s)...)
	}
	slices.SortStableFunc(p.Rows, func(a, b timeline.Row) int { return cmp.Compare(weights[b.Note], weights[a.Note]) })
	return p
}

// weight says how much of a sign it is: that a key was copied, an address is rare, or a caller.
func weight(s record.Suspect) int {
	switch {
	case len(s.From) > 0:
		return 3
	case s.Address:
		return 2
	default:
		return 1
	}
}

// standsOut is the note of a row.
func standsOut(s record.Session, why record.Suspect) string {
	what := "session " + messages.Raw(s.SessionName, 64)
	switch {
	case len(why.From) > 0:
		return what + ": key used from " + messages.Raw(why.From[0], 60)
	case !s.Issued():
		return "stands out: refused, from " + messages.Raw(s.SourceAddress, 60)
	default:
		return "stands out: " + what + " from " + messages.Raw(s.SourceAddress, 60)
	}
}

// begins is where the picture begins: with the window, or somewhat before the first session where
// that is much later.
func begins(in record.Incident) time.Time {
	if len(in.Sessions) == 0 {
		return in.Since
	}
	first := in.Sessions[len(in.Sessions)-1].Time
	room := max(in.Until.Sub(first)/8, 5*time.Minute)
	if begin := first.Add(-room).Truncate(time.Minute); begin.After(in.Since) {
		return begin
	}
	return in.Since
}

func barOf(in record.Incident, s record.Session) timeline.BarKind {
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

// marksOf are the moments that are known of what a session did: its first and last call, the first
// denial after the cutoff, and the doors.
func marksOf(in record.Incident, s record.Session) []timeline.Mark {
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
	for _, door := range a.Persistence {
		kind := timeline.MarkPersistence
		if door.ErrorCode != "" {
			kind = timeline.MarkDenial
		}
		marks = append(marks, timeline.Mark{At: door.Time, Kind: kind})
	}
	return marks
}

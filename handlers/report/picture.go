package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/timeline"
)

// picture shows an incident over time: a row for each caller, the unusual ones first, then
// those with the newest session.
func picture(in record.Incident, role record.Role) timeline.Picture {
	p := timeline.Picture{
		Title: "Sessions of " + messages.Raw(role.AccountName, 64) + "/" + messages.Raw(role.Name, 64),
		Start: begins(in), End: in.Until, Cutoff: in.Cutoff, Mark: in.Mark,
	}
	if in.Drill {
		p.Title = messages.Marked(in.Mark + " not set. " + p.Title)
	}
	type caller struct {
		timeline.Row
		weight int // of what its note is about
	}
	var rows []caller
	at := map[string]int{} // of a row, by its caller
	for _, s := range in.Sessions {
		i, there := at[s.CallerIdentity()]
		if !there {
			i = len(rows)
			at[s.CallerIdentity()] = i
			rows = append(rows, caller{Row: timeline.Row{Label: messages.Raw(s.Caller, 120)}})
		}
		row, kind, weight := &rows[i], barOf(in, s), weightOf(in, s)
		row.Bars = append(row.Bars, timeline.Bar{Start: s.Time, End: s.Expires, Kind: kind, Past: past(in, s)})
		if weight > row.weight {
			row.weight, row.Note = weight, because(in, s, kind)
		}
		row.Marks = append(row.Marks, marksOf(in, s)...)
	}
	slices.SortStableFunc(rows, func(a, b caller) int { return cmp.Compare(b.weight, a.weight) })
	for _, r := range rows {
		p.Rows = append(p.Rows, r.Row)
	}
	return p
}

// weightOf says how much of a sign a session is: that its key was copied, its address is rare, or
// its caller.
func weightOf(in record.Incident, s record.Session) int {
	why, suspect := in.Suspects[s.EventID]
	switch {
	case len(why.From) > 0 || why.Leaked:
		return 3
	case why.Address:
		return 2
	case suspect || s.After && s.Issued() && !in.Known(s):
		return 1
	default:
		return 0
	}
}

// because says why a row is red or amber, with the words of the table.
func because(in record.Incident, s record.Session, kind timeline.BarKind) string {
	what := map[timeline.BarKind]string{timeline.BarStolen: "Red: ", timeline.BarUnusual: "Amber: "}[kind]
	if kind == timeline.BarDeniedAttempt {
		what = "Amber: attempt "
	}
	why := messages.StateNow(in, s, func(t time.Time) string { return messages.Clock(t, in.Until) })
	if unusual := in.Suspects[s.EventID]; kind != timeline.BarStolen && messages.Unusual(unusual) != "" {
		why = messages.Unusual(unusual) + ", " + why
	}
	return what + messages.Raw(s.SessionName, 64) + " from " + messages.Raw(s.SourceAddress, 60) + ", " + why
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
	switch weight := weightOf(in, s); {
	case !s.Issued():
		return timeline.BarDeniedAttempt
	case weight > 2:
		return timeline.BarStolen
	case weight > 0:
		return timeline.BarUnusual
	case s.After:
		return timeline.BarAfter
	default:
		return timeline.BarBefore
	}
}

// past is what holds of a session past the cutoff; "" where it is not known to be kept out.
func past(in record.Incident, s record.Session) string {
	a := in.Activities[s.EventID]
	switch {
	case s.After, !s.Issued():
		return ""
	case in.Drill:
		return "would be blocked"
	case in.Undone, in.Lost, !a.LastOK.Before(in.Cutoff) && a.LastOK.After(a.Refused):
		return ""
	case !a.Refused.IsZero() && !a.Refused.Before(in.Cutoff):
		return "blocked"
	default:
		return "no activity"
	}
}

// marksOf are the moments that are known of what a session did: its first and last call, the first
// time it was blocked, from where else its key was used, and the calls and roles that gave it more.
func marksOf(in record.Incident, s record.Session) []timeline.Mark {
	a, looked := in.Activities[s.EventID]
	if !looked || a.Calls == 0 {
		return nil
	}
	marks, last := []timeline.Mark{{At: a.First}}, timeline.Mark{At: a.Last}
	if !a.AfterCut.IsZero() {
		if a.LastOK.Before(a.Last) {
			last.Kind = timeline.MarkDenial
		}
		first := timeline.Mark{At: a.AfterCut, Kind: timeline.MarkDenial}
		if past(in, s) == "blocked" {
			first.At, first.Name = a.Refused, "blocked"
		}
		marks = append(marks, first)
	}
	marks = append(marks, last)
	if weightOf(in, s) == 0 {
		return marks // what an honest session does has no name
	}
	for _, from := range a.Elsewhere {
		marks = append(marks, timeline.Mark{At: from.First, Name: "used from " + messages.Raw(from.Address, 60)})
	}
	for _, call := range a.Persistence {
		m := timeline.Mark{At: call.Time, Kind: timeline.MarkPersistence, Name: messages.Raw(call.Name, 60)}
		if call.ErrorCode != "" {
			m.Kind, m.Name = timeline.MarkDenial, m.Name+" rejected"
		}
		marks = append(marks, m)
	}
	for _, l := range in.Chain {
		if l.FromSession == s.SessionName && !l.First.IsZero() {
			marks = append(marks, timeline.Mark{
				At: l.First, Kind: timeline.MarkPersistence, Name: "assumed " + messages.Raw(messages.RoleOf(l), 100),
			})
		}
	}
	return marks
}

package report

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// sheet is a Markdown text that is being written.
type sheet struct{ strings.Builder }

func (s *sheet) title(text string)             { fmt.Fprintf(s, "\n## %s\n\n", text) }
func (s *sheet) line(format string, of ...any) { fmt.Fprintf(s, format+"\n", of...) }
func (s *sheet) item(format string, of ...any) { fmt.Fprintf(s, "- "+format+"\n", of...) }

// markdown writes the report: five lines, what to do about it, and then the details.
func (i incidentReport) markdown() string {
	var s sheet
	title := "Incident report: sessions of "
	switch {
	case i.undo:
		title = "Incident report: undo of a " + i.words.Noun + " of "
	case i.in.Drill:
		title = messages.Marked("report of a rehearsed " + i.words.Noun + " of ")
	}
	fmt.Fprintf(&s, "# %s%s\n", title, mdCode(i.c.Role.AccountName+"/"+i.c.Role.Name, 130))
	i.fiveLines(&s)
	i.actions(&s)
	i.timeline(&s)
	if !i.in.Drill {
		i.impact(&s)
	}
	i.proven(&s)
	fmt.Fprintf(&s, "\nRequest %s, read up to event %d of %s. All times are UTC. This report is made from the record of "+
		"the request alone, with the names of people as Slack has them. The list (CSV) has every session.\n",
		mdCode(i.r.ID, 40), i.r.Seq, utc(i.events[len(i.events)-1].At))
	return s.String()
}

// impact tells what the sessions did that were looked into, and the roles they assumed.
func (i incidentReport) impact(s *sheet) {
	s.title("What the sessions did")
	in := i.in
	if in.Looks == 0 {
		s.item("Not known: no check of CloudTrail is in the record%s.", map[bool]string{
			true: " that told something",
		}[in.Failed != ""])
	}
	if t := messages.TallyOf(in); in.Looks > 0 {
		s.item("%s from %s, %d issued before the %s and %d at or after it. %s rejected. %s unusual.",
			english.Count(t.Issued, "session", "sessions"), english.Count(t.Callers, "caller", "callers"), t.Before,
			i.words.Mark, t.After, english.Count(t.Refused, "attempt", "attempts"),
			english.Count(len(in.Suspects), "session is", "sessions are"))
	}
	for _, session := range in.Sessions {
		if !i.matters(session) {
			continue
		}
		a, looked := in.Activities[session.EventID]
		why, suspect := in.Suspects[session.EventID]
		text := "The " + i.Session(session) + ", opened " + stampLine(session.Time)
		if i.ofKey(session) {
			text = "The " + i.Session(session)
		}
		if words := messages.Unusual(why); suspect && words != "" {
			text += ", is unusual (" + mdCode(words, 150) + ")"
		}
		switch {
		case !looked:
			text += ". What it did was not checked."
		case a.Calls == 0:
			text += ". CloudTrail shows no calls of it."
		default:
			text += fmt.Sprintf(". %s, from %s to %s.", i.Calls(a.Calls, a.Denied, a.Services, a.Others), stampLine(a.First),
				stampLine(a.Last))
		}
		if len(a.Elsewhere) > 0 {
			text += " Its key was " + i.UsedFrom(a.Elsewhere) + ", where it was not opened."
		}
		if a.MorePersistence > 0 {
			text += fmt.Sprintf(" %d more calls that give new access are not in the timeline.", a.MorePersistence)
		}
		s.item("%s State: %s.%s", text, i.State(in, session), partly(a))
	}
	for _, l := range in.Chain {
		text := fmt.Sprintf("Role %s was assumed from %s by %s", mdOther(l), mdCode(l.From, 80),
			english.Count(l.Sessions, "session", "sessions"))
		if l.Looked {
			text += ". They made " + i.Calls(l.Calls, l.Denied, l.Services, 0)
			if !l.LastOK.IsZero() {
				text += ", the last successful one " + stampLine(l.LastOK)
			}
		}
		if !l.Expires.IsZero() {
			text += ". The last of them ends " + stampLine(l.Expires)
		}
		s.item("%s.", text)
	}
	if in.MoreLinks > 0 {
		s.item("%s more than are listed here.", english.Count(in.MoreLinks, "role was assumed", "roles were assumed"))
	}
	for _, w := range i.c.Role.Warnings {
		s.item("Known beforehand: %s", mdProse(w, 600))
	}
}

// partly says what of a session's calls was not read.
func partly(a record.SessionActivity) string {
	switch {
	case !a.Partly:
		return ""
	case a.Named:
		more := ""
		if len(a.NamesCut) > 0 {
			more = ", and there can be more of " + mdCode(messages.List(a.NamesCut), 200)
		}
		return " Only its newest calls were read. Those that create persistence were queried by name" + more + "."
	default:
		return " Not everything could be read."
	}
}

package report

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// sheet is a Markdown text that is being written.
type sheet struct{ strings.Builder }

func (s *sheet) title(text string)             { fmt.Fprintf(s, "\n## %s\n\n", text) }
func (s *sheet) item(format string, of ...any) { fmt.Fprintf(s, "- "+format+"\n", of...) }

// markdown writes the report: the summary first, what is to be done last.
func (i incidentReport) markdown() string {
	var s sheet
	title, nothing := "Incident report: sessions of ", ""
	switch {
	case i.undo:
		title = "Incident report: undo of a " + i.words.Noun + " of "
	case i.drill:
		title, nothing = messages.Marked("report of a rehearsed "+i.words.Noun+" of "), "**Nothing was written.** "
	}
	fmt.Fprintf(&s, "# %s%s\n\n", title, mdCode(i.role.AccountName+"/"+i.role.Name, 130))
	last := i.events[len(i.events)-1]
	fmt.Fprintf(&s, nothing+"Request %s, read up to event %d of %s. All times are UTC. It is made from the record "+
		"of the request alone.\n",
		mdCode(i.r.ID, 40), i.r.Seq, utc(last.At))
	i.summary(&s)
	i.timeline(&s)
	if !i.drill {
		i.impact(&s)
	}
	i.proven(&s)
	i.remaining(&s)
	return s.String()
}

func (i incidentReport) summary(s *sheet) {
	s.title("Summary")
	r := i.r
	asked, mark := i.words.Ask+" ", i.words.Mark
	switch {
	case i.undo:
		asked = "undo the " + i.words.Noun + " of request " + mdCode(r.About, 40) + " of "
	case i.drill:
		asked, mark = "rehearse a "+i.words.Noun+" of ", "planned "+mark
	}
	s.item("%s asked on %s to %s%s.", mdPerson(r.Requester), utc(r.Asked), asked, mdRole(i.role))
	if r.Reason != "" {
		s.item("Their reason: %s", mdCode(r.Reason, messages.MaxReason))
	}
	s.item("%s", i.outcome())
	if r.Refused > 0 {
		s.item("%s rejected; the timeline has the details.", english.Count(r.Refused, "click was", "clicks were"))
	}
	switch p := i.proof; {
	case !p.UndoneAt.IsZero():
		s.item("**Another request undid the %s** at %s.", i.words.Noun, utc(p.UndoneAt))
	case p.Lost != nil:
		s.item("**A check at %s found the %s %s**, and it was not restored.", utc(p.Lost.At), i.words.Deny,
			pen.Found(*p.Lost))
	case p.Rewrites > 0:
		s.item("Someone changed the %s, and it was restored %s under the same approval, last at the %s **%s**.",
			i.words.Deny, english.Count(p.Rewrites, "time", "times"), i.words.Mark, utc(p.Since))
	}
	if in := i.in; in.Looks > 0 {
		t := messages.TallyOf(in)
		s.item("CloudTrail, from %s to %s: %s from %s, %d issued before the %s and %d at or after it; %s rejected; "+
			"%s unusual.", utc(in.Since), utc(in.Until), english.Count(t.Issued, "session", "sessions"),
			english.Count(t.Callers, "caller", "callers"), t.Before, mark, t.After,
			english.Count(t.Refused, "attempt", "attempts"), english.Count(len(in.Suspects), "session is", "sessions are"))
	} else if r.State == approvals.StateApplied && !i.undo {
		s.item("CloudTrail was not read yet, so it is not known who used this role.")
	}
	for _, session := range messages.Copies(i.in) {
		s.item("**Stolen:** %s was also %s. It is %s.", pen.Session(session),
			pen.UsedFrom(i.in.Activities[session.EventID].Elsewhere), pen.State(i.in, session))
	}
	if v := i.in.Verdict; v != nil {
		s.item("Verdict: **%s**, as far as CloudTrail shows.", wordOf(v.Word))
	} else if r.State == approvals.StateApplied && !i.undo {
		s.item("There is no verdict yet.")
	}
}

// outcome is how the request stands.
func (i incidentReport) outcome() string {
	r, by, at := i.r, "", utc(i.r.Ended)
	if len(r.Votes) > 0 {
		by = "Approved by " + mdPeople(r.Voters()) + ". "
	}
	switch r.State {
	case approvals.StateApplied:
		a := record.Known[record.Applied](r.Closing)
		if i.undo || a == nil {
			return by + "Done on " + at + "."
		}
		return by + fmt.Sprintf("%s on %s: %s, by the %s.", i.words.Past, at, i.words.Scope("**"+utc(a.Cutoff)+"**"),
			i.words.Document(a.Policy))
	case approvals.StateRehearsed:
		return by + "Rehearsed on " + at + "."
	case approvals.StateFailed, approvals.StateVoid:
		return by + "It failed on " + at + ": " + mdFailure(r.Closing)
	case approvals.StateDenied:
		return mdPerson(r.EndedBy) + " denied it on " + at + ". Nothing was done."
	case approvals.StateCancelled:
		return mdPerson(r.EndedBy) + " cancelled it on " + at + ". Nothing was done."
	case approvals.StateExpired:
		return "It expired on " + at + ": too few people approved in time. Nothing was done."
	case approvals.StateOpen:
		return fmt.Sprintf("It is open: %d of %d approved, until %s.", len(r.Votes), r.Required, utc(r.Deadline))
	default:
		return by + "It is " + mdCode(r.State.String(), 40) + "."
	}
}

// impact tells what the sessions did that were looked into, and the roles they assumed.
func (i incidentReport) impact(s *sheet) {
	s.title("Impact")
	in := i.in
	if in.Looks == 0 {
		s.item("Not known: no check of CloudTrail is in the record%s.", map[bool]string{
			true: " that told something",
		}[in.Failed != ""])
	}
	for _, session := range in.Sessions {
		a, looked := in.Activities[session.EventID]
		why, suspect := in.Suspects[session.EventID]
		if !looked && !suspect {
			continue
		}
		text := "The " + pen.Session(session) + ", opened " + stampLine(session.Time)
		if words := messages.Unusual(why); suspect && words != "" {
			text += ", is unusual (" + mdCode(words, 150) + ")"
		}
		switch {
		case !looked:
			text += ". What it did was not checked."
		case a.Calls == 0:
			text += ". CloudTrail shows no calls of it."
		default:
			text += fmt.Sprintf(". %s, from %s to %s.", pen.Calls(a.Calls, a.Denied, a.Services, a.Others), stampLine(a.First),
				stampLine(a.Last))
		}
		if len(a.Elsewhere) > 0 {
			text += " Its key was " + pen.UsedFrom(a.Elsewhere) + ", where it was not opened."
		}
		s.item("%s State: %s.%s", text, pen.State(in, session), partly(a))
		s.calls(a.Persistence, a.MorePersistence)
	}
	for _, l := range in.Chain {
		text := fmt.Sprintf("Role %s was assumed from %s by %s, level %d", mdOther(l), mdCode(l.From, 80),
			english.Count(l.Sessions, "session", "sessions"), l.Depth)
		if !l.First.IsZero() {
			text += ", first " + stampLine(l.First)
		}
		if l.Loop {
			text += "; it is in the chain above already"
		}
		if l.Looked {
			text += ". They made " + pen.Calls(l.Calls, l.Denied, l.Services, 0)
			if !l.LastOK.IsZero() {
				text += ", the last successful one " + stampLine(l.LastOK)
			}
		}
		if !l.Expires.IsZero() {
			text += ". The last of them ends " + stampLine(l.Expires)
		}
		s.item("%s.", text)
		s.calls(l.Persistence, 0)
	}
	if in.MoreLinks > 0 {
		s.item("%s more than are listed here.", english.Count(in.MoreLinks, "role was assumed", "roles were assumed"))
	}
	for _, w := range i.role.Warnings {
		s.item("Known beforehand: %s", mdProse(w, 600))
	}
}

// partly says what of a session's calls was not read.
func partly(a record.SessionActivity) string {
	switch {
	case !a.Partly:
		return ""
	case a.Named && len(a.NamesCut) == 0:
		return " Only its newest calls were read, and those that create persistence were queried by name."
	case a.Named:
		return " Only its newest calls were read. Those that create persistence were queried by name, and there can be " +
			"more of " +
			mdCode(messages.List(a.NamesCut), 200) + "."
	default:
		return " Not everything could be read."
	}
}

// calls lists calls below an item.
func (s *sheet) calls(calls []record.Call, more int) {
	for _, c := range calls {
		opens := ""
		if c.Opens != "" {
			opens = ", " + mdProse(c.Opens, 120)
		}
		fmt.Fprintf(s, "  - %s %s%s\n", stampLine(c.Time), pen.Call(c), opens)
	}
	if more > 0 {
		fmt.Fprintf(s, "  - and %d more of this kind\n", more)
	}
}

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
	what := "sessions of "
	if i.undo {
		what = "the " + i.words.Deny + " taken away from "
	}
	fmt.Fprintf(&s, "# Incident report: %s%s\n\n", what, mdCode(i.role.Account+"/"+i.role.Name, 130))
	last := i.events[len(i.events)-1]
	fmt.Fprintf(&s, "Request %s, read up to event %d of %s. All times are UTC. "+
		"This report is made from the record of the request and from nothing else: the same record gives the same report.\n",
		mdCode(i.r.ID, 40), i.r.Seq, utc(last.At))
	i.summary(&s)
	i.timeline(&s)
	i.impact(&s)
	i.people(&s)
	i.proven(&s)
	i.remaining(&s)
	return s.String()
}

func (i incidentReport) summary(s *sheet) {
	s.title("Summary")
	r := i.r
	asked := i.words.Ask + " "
	if i.undo {
		asked = "take the " + i.words.Deny + " of request " + mdCode(r.About, 40) + " away from "
	}
	s.item("%s asked on %s to %s%s.", mdPerson(r.Requester), utc(r.Opened), asked, mdRole(i.role))
	if r.Reason != "" {
		s.item("Their reason: %s", mdCode(r.Reason, messages.MaxReason))
	}
	s.item("%s", i.outcome())
	switch p := i.proof; {
	case !p.UndoneAt.IsZero():
		s.item("**Another request took the %s away** on %s.", i.words.Deny, utc(p.UndoneAt))
	case p.Lost != nil && p.Lost.Lost():
		s.item("**The %s was lost:** a look on %s found it %s, and it has not been written again.", i.words.Deny,
			utc(p.Lost.At), messages.TamperedWords(*p.Lost))
	case p.Lost != nil:
		s.item("**The role itself is gone:** a look on %s did not find it any more.", utc(p.Lost.At))
	case p.Rewrites > 0:
		s.item("The %s was found missing and written again %s under the same approval, last at the %s **%s**.",
			i.words.Deny, english.Count(p.Rewrites, "time", "times"), i.words.Mark, utc(p.Since))
	}
	if in := i.in; in.Looks > 0 {
		t := messages.TallyOf(in)
		s.item("CloudTrail, from %s to %s: %s from %s, %d issued before the %s and %d at or after it; "+
			"%s that issued nothing. %s out.",
			utc(in.Since), utc(in.Until), english.Count(t.Issued, "session", "sessions"),
			english.Count(t.Callers, "caller", "callers"), t.Before, i.words.Mark, t.After,
			english.Count(t.Refused, "attempt", "attempts"), english.Count(len(in.Suspects), "session stands", "sessions stand"))
	} else if r.State == approvals.StateApplied && !i.undo {
		s.item("CloudTrail has told nothing yet, so nothing is known about who used this role.")
	}
	for _, session := range messages.Copies(i.in) {
		s.item("**A copied key:** the %s was used from %s, where it was not opened.", mdSession(session),
			mdCode(i.in.Suspects[session.EventID].From[0], 60))
	}
	switch v := i.in.Verdict; {
	case v != nil && v.Word == record.WordContained:
		s.item("The last word of the looks at CloudTrail: **contained**, as far as CloudTrail tells.")
	case v != nil && v.Word == record.WordNotContained:
		s.item("The last word of the looks at CloudTrail: **not contained**.")
	case v != nil:
		s.item("The last word of the looks at CloudTrail: **unknown** whether it is contained.")
	case r.State == approvals.StateApplied && !i.undo:
		s.item("Whether it is contained has not been concluded.")
	}
}

// outcome is how the request stands.
func (i incidentReport) outcome() string {
	r := i.r
	by := ""
	if len(r.Votes) > 0 {
		by = "Approved by " + mdPeople(r.Voters()) + ". "
	}
	switch r.State {
	case approvals.StateApplied:
		if i.undo {
			return by + "Done on " + utc(r.Ended) + "."
		}
		a, err := record.Detail[record.Applied](r.Closing)
		if err != nil {
			return by + "AWS took the policy on " + utc(r.Ended) + "."
		}
		return by + fmt.Sprintf("AWS took the %s on %s: it %s.", i.words.Document(a.Policy), utc(r.Ended),
			i.words.Denies("**"+utc(a.Cutoff)+"**"))
	case approvals.StateRehearsed:
		return by + "Rehearsed on " + utc(r.Ended) + "."
	case approvals.StateFailed, approvals.StateVoid:
		how := " without a change that is known to have worked: "
		if i.drill {
			how = " before its end: "
		}
		return by + "It ended on " + utc(r.Ended) + how + mdFailure(r.Closing)
	case approvals.StateDenied:
		return mdPerson(r.EndedBy) + " denied it on " + utc(r.Ended) + ". Nothing was done."
	case approvals.StateCancelled:
		return mdPerson(r.EndedBy) + " cancelled it on " + utc(r.Ended) + ". Nothing was done."
	case approvals.StateExpired:
		return "It expired on " + utc(r.Ended) + ": too few people decided in time. Nothing was done."
	case approvals.StateOpen:
		return fmt.Sprintf("It is open: %d of %d approved, until %s.", len(r.Votes), r.Required, utc(r.Deadline))
	default:
		if i.drill {
			return by + "It is being rehearsed."
		}
		return by + "It is " + mdCode(r.State.String(), 40) + "."
	}
}

func (i incidentReport) impact(s *sheet) {
	s.title("Impact")
	in := i.in
	if in.Looks == 0 {
		s.item("Not known: no look at CloudTrail is in the record%s.", map[bool]string{
			true: " that told something",
		}[in.Failed != ""])
	}
	for _, session := range in.Sessions {
		a, looked := in.Activities[session.EventID]
		why, suspect := in.Suspects[session.EventID]
		if !looked && !suspect {
			continue
		}
		text := "The " + mdSession(session) + ", opened " + stampLine(session.Time)
		if suspect {
			text += ", stands out" + mdWhy(why)
		}
		switch {
		case !looked:
			text += ". What it did was not looked into."
		case a.Calls == 0:
			text += ". CloudTrail shows no calls of it."
		default:
			text += fmt.Sprintf(". %s, %d denied, from %s to %s: %s.", english.Count(a.Calls, "call", "calls"), a.Denied,
				stampLine(a.First), stampLine(a.Last), mdServices(a))
		}
		for _, from := range a.Elsewhere {
			text += fmt.Sprintf(" **Its key was used from %s**, where it was not opened: %s, from %s to %s.",
				mdCode(from.Address, 60), english.Count(from.Calls, "call", "calls"),
				stampLine(from.First), stampLine(from.Last))
		}
		if a.Partly {
			text += " Not everything could be read."
		}
		s.item("%s", text)
		for _, c := range a.Doors {
			fmt.Fprintf(s, "  - %s %s\n", stampLine(c.Time), mdCall(c))
		}
		if a.MoreDoors > 0 {
			fmt.Fprintf(s, "  - and %d more of this kind\n", a.MoreDoors)
		}
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
		text += ". The " + i.words.Deny + " on this role does not touch those sessions."
		if l.Looked {
			text += fmt.Sprintf(" In turn they made %s, %d of them denied", english.Count(l.Calls, "call", "calls"), l.Denied)
			if !l.LastOK.IsZero() {
				text += ", the last that was answered " + stampLine(l.LastOK)
			}
			text += "."
		}
		if !l.Expires.IsZero() {
			text += " The last of them ends " + stampLine(l.Expires) + "."
		}
		s.item("%s", text)
		for _, c := range l.Doors {
			fmt.Fprintf(s, "  - %s %s\n", stampLine(c.Time), mdCall(c))
		}
	}
	if in.MoreLinks > 0 {
		s.item("%s more than are listed here.", english.Count(in.MoreLinks, "role was assumed", "roles were assumed"))
	}
	if i.r.State == approvals.StateApplied && in.Looks > 0 {
		if t := messages.TallyOf(in); t.Before > 0 {
			s.item("%s under the %s, those of honest callers too: %s.", english.Count(t.Before,
				"session issued before the "+i.words.Mark+" falls", "sessions issued before the "+i.words.Mark+" fall"),
				i.words.Deny, i.words.Honest)
		}
	}
	for _, w := range i.role.Warnings {
		s.item("Known beforehand: %s", mdProse(w, 600))
	}
}

func mdServices(a record.SessionActivity) string {
	words := make([]string, 0, len(a.Services)+1)
	for _, one := range a.Services {
		words = append(words, fmt.Sprintf("%s %d", mdCode(one.Service, 40), one.Calls))
	}
	if a.Others > 0 {
		words = append(words, fmt.Sprintf("others %d", a.Others))
	}
	return strings.Join(words, ", ")
}

func (i incidentReport) people(s *sheet) {
	s.title("What was done, and by whom")
	r := i.r
	s.item("Asked by %s on %s.", mdPerson(r.Requester), utc(r.Opened))
	for _, v := range r.Votes {
		s.item("Approved by %s on %s.", mdPerson(v.By), utc(v.At))
	}
	if r.Refused > 0 {
		s.item("%s refused; the timeline has who pressed what.", english.Count(r.Refused, "click was", "clicks were"))
	}
	done := false
	for _, e := range i.events {
		switch e.Type {
		case approvals.EventApplied, approvals.EventRewritten, approvals.EventUndone, approvals.EventDenied,
			approvals.EventCancelled, approvals.EventExpired,
			approvals.EventFailed, approvals.EventVoided, approvals.EventForged:
			done = true
			s.item("%s: %s", utc(e.At), i.deed(e))
		case approvals.EventTampered:
			s.item("%s: %s", utc(e.At), i.deed(e))
		}
	}
	if !done {
		s.item("Nothing was written to AWS yet, as far as the record goes.")
	}
}

// deed is what an event did and, where that was a person, who.
func (i incidentReport) deed(e approvals.Event) string {
	m := i.line(e)
	if e.By == "" {
		return m.text
	}
	return m.who + " " + m.text
}

// mdWhy says why a session is looked into by itself, "" when there is nothing more to say.
func mdWhy(why record.Suspect) string {
	text := ""
	if len(why.From) > 0 {
		text = ": its key was used from " + mdCode(why.From[0], 60)
	}
	if seldom := messages.SeldomWords(why); seldom != "" {
		text += ": " + seldom
	}
	return text
}

package messages

import (
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// sheet is a Markdown text that is being written.
type sheet struct{ strings.Builder }

func (s *sheet) title(text string)             { fmt.Fprintf(s, "\n## %s\n\n", text) }
func (s *sheet) item(format string, of ...any) { fmt.Fprintf(s, "- "+format+"\n", of...) }

// markdown writes the report: the summary first, what is to be done last.
func (i incidentReport) markdown() string {
	var s sheet
	what := "sessions of "
	if i.r.Purpose == approvals.PurposeUndo {
		what = "the deny taken away from "
	}
	fmt.Fprintf(&s, "# Incident report: %s%s\n\n", what, mdCode(i.role.Account+"/"+i.role.Name, 130))
	last := i.events[len(i.events)-1]
	fmt.Fprintf(&s, "Request %s, read up to event %d of %s. All times are UTC. This report is made from the record of the request and from nothing else: the same record gives the same report.\n",
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
	asked := "revoke the active sessions of "
	if r.Purpose == approvals.PurposeUndo {
		asked = "take the deny of request " + mdCode(r.About, 40) + " away from "
	}
	s.item("%s asked on %s to %s%s.", mdPerson(r.Requester), utc(r.Opened), asked, mdRole(i.role))
	if r.Reason != "" {
		s.item("Their reason: %s", mdCode(r.Reason, limitReason))
	}
	s.item("%s", i.outcome())
	switch p := i.proof; {
	case !p.undoneAt.IsZero():
		s.item("**Another request took the deny away** on %s.", utc(p.undoneAt))
	case p.lost != nil && p.lost.Lost():
		s.item("**The deny was lost:** a look on %s found it %s, and it has not been written again.", utc(p.lost.At), p.lost.words())
	case p.lost != nil:
		s.item("**The role itself is gone:** a look on %s did not find it any more.", utc(p.lost.At))
	case p.rewrites > 0:
		s.item("The deny was found missing and written again %s under the same approval; its cutoff is now **%s**.", count(p.rewrites, "time", "times"), utc(p.cutoff))
	}
	if in := i.in; in.Looks > 0 {
		t := in.tally()
		s.item("CloudTrail, from %s to %s: %s from %s, %d issued before the cutoff and %d at or after it; %s that issued nothing. %s out by address or caller.",
			utc(in.Since), utc(in.Until), count(t.issued, "session", "sessions"), count(t.callers, "caller", "callers"), t.before, t.after,
			count(t.refused, "attempt", "attempts"), count(len(in.Suspects), "session stands", "sessions stand"))
	} else if r.State == approvals.StateApplied && r.Purpose != approvals.PurposeUndo {
		s.item("CloudTrail has told nothing yet, so nothing is known about who used this role.")
	}
	switch v := i.in.Verdict; {
	case v != nil && v.Word == WordContained:
		s.item("The last word of the looks at CloudTrail: **contained**, as far as CloudTrail tells.")
	case v != nil && v.Word == WordNotContained:
		s.item("The last word of the looks at CloudTrail: **not contained**.")
	case v != nil:
		s.item("The last word of the looks at CloudTrail: **unknown** whether it is contained.")
	case r.State == approvals.StateApplied && r.Purpose != approvals.PurposeUndo:
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
		if r.Purpose == approvals.PurposeUndo {
			return by + "Done on " + utc(r.Ended) + "."
		}
		a, err := detail[Applied](r.Closing)
		if err != nil {
			return by + "AWS took the policy on " + utc(r.Ended) + "."
		}
		return by + fmt.Sprintf("AWS took the inline policy `AWSRevokeOlderSessions` on %s: it denies everything to sessions issued before **%s**.", utc(r.Ended), utc(a.Cutoff))
	case approvals.StateFailed, approvals.StateVoid:
		return by + "It ended on " + utc(r.Ended) + " without a change that is known to have worked: " + mdFailure(r.Closing)
	case approvals.StateDenied:
		return mdPerson(r.EndedBy) + " denied it on " + utc(r.Ended) + ". Nothing was done."
	case approvals.StateCancelled:
		return mdPerson(r.EndedBy) + " cancelled it on " + utc(r.Ended) + ". Nothing was done."
	case approvals.StateExpired:
		return "It expired on " + utc(r.Ended) + ": nobody decided in time. Nothing was done."
	case approvals.StateOpen:
		return fmt.Sprintf("It is open: %d of %d approved, until %s.", len(r.Votes), r.Required, utc(r.Deadline))
	default:
		return by + "It is " + mdCode(r.State.String(), 40) + "."
	}
}

func (i incidentReport) impact(s *sheet) {
	s.title("Impact")
	in := i.in
	if in.Looks == 0 {
		s.item("Not known: no look at CloudTrail is in the record%s.", map[bool]string{true: " that told something"}[in.Failed != ""])
	}
	for _, session := range in.Sessions {
		a, looked := in.Activities[session.EventID]
		why, suspect := in.Suspects[session.EventID]
		if !looked && !suspect {
			continue
		}
		text := "The " + mdSession(session) + ", opened " + stampLine(session.Time)
		if suspect {
			text += ", stands out: the " + why.words()
		}
		switch {
		case !looked:
			text += ". What it did was not looked into."
		case a.Calls == 0:
			text += ". CloudTrail shows no calls of it."
		default:
			text += fmt.Sprintf(". %s, %d denied, from %s to %s: %s.", count(a.Calls, "call", "calls"), a.Denied, stampLine(a.First), stampLine(a.Last), mdServices(a))
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
		text := fmt.Sprintf("Role %s was assumed from %s by %s, level %d", mdCode(roleOf(l), 300), mdCode(l.From, 80), count(l.Sessions, "session", "sessions"), l.Depth)
		if !l.First.IsZero() {
			text += ", first " + stampLine(l.First)
		}
		if l.Loop {
			text += "; it is in the chain above already"
		}
		s.item("%s. The deny on this role does not touch those sessions.", text)
	}
	if in.MoreLinks > 0 {
		s.item("%s more than are listed here.", count(in.MoreLinks, "role was assumed", "roles were assumed"))
	}
	if i.r.State == approvals.StateApplied && in.Looks > 0 {
		if t := in.tally(); t.before > 0 {
			s.item("%s under the deny, those of honest callers too: they assume the role again.", count(t.before, "session issued before the cutoff falls", "sessions issued before the cutoff fall"))
		}
	}
	for _, w := range i.role.Warnings {
		s.item("Known beforehand: %s", mdProse(w, 600))
	}
}

func mdServices(a SessionActivity) string {
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
		s.item("%s refused; the timeline has who pressed what.", count(r.Refused, "click was", "clicks were"))
	}
	done := false
	for _, e := range i.events {
		switch e.Type {
		case approvals.EventApplied, approvals.EventRewritten, approvals.EventUndone, approvals.EventDenied, approvals.EventCancelled, approvals.EventExpired,
			approvals.EventFailed, approvals.EventVoided:
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
	m := line(e, i.r)
	if e.By == "" {
		return m.text
	}
	return m.who + " " + m.text
}

// proven tells the proof, fact by fact, and what no fact speaks for.
func (i incidentReport) proven(s *sheet) {
	s.title("What is proven, and what is not")
	p := i.proof
	if p.cutoff.IsZero() || i.r.Purpose == approvals.PurposeUndo {
		s.item("No deny with a cutoff was applied by this request, so nothing is proven about one.")
	} else {
		s.item("**Stored: %s.** %s", said(p.stored()), p.storedReport())
		s.item("**Effective on paper: %s.** %s", said(p.paper()), p.paperReport())
		s.item("**Enforced: %s.** %s", said(p.enforced()), p.enforcedReport())
		if p.held != nil {
			s.item("The deny held for %s: it was on the role at the last look, on %s.", span(p.held.After), utc(p.held.At))
		}
	}
	in := i.in
	for _, g := range in.Regions {
		switch {
		case !g.Covered:
			s.item("**Not covered:** region %s, %s. Nothing is known about what happened there.", mdCode(g.Name, 40), mdProse(g.Reason, 200))
		case g.Truncated:
			s.item("Region %s was read in part only: the newest events.", mdCode(g.Name, 40))
		}
	}
	if in.Failed != "" {
		s.item("The latest look at CloudTrail failed: %s", mdProse(in.Failed, 1200))
	}
	if in.LeftOut > 0 {
		s.item("%s found that the record does not keep.", count(in.LeftOut, "session was", "sessions were"))
	}
	if in.NotRead > 0 {
		s.item("%s out and not looked into.", count(in.NotRead, "session stood", "sessions stood"))
	}
	if v := in.Verdict; v != nil {
		for _, why := range v.Why {
			s.item("On the last word: %s", mdProse(why, 400))
		}
		for _, c := range v.Calls {
			s.item("A call that got through after the cutoff: %s %s", stampLine(c.Time), mdCall(c))
		}
		for _, session := range v.Sessions {
			s.item("Opened after the cutoff by a caller that was suspicious before: %s, %s", mdSession(session), stampLine(session.Time))
		}
	}
	s.item("CloudTrail is minutes late and has management calls only: no events is not no activity, and what was read from buckets and databases is not in it.")
}

func said(word string) string { return strings.ReplaceAll(word, "_", " ") }

func (p proof) storedReport() string {
	switch {
	case !p.undoneAt.IsZero():
		return "Another request took the deny away on " + utc(p.undoneAt) + "."
	case p.lost != nil && p.lost.Lost():
		return "A look on " + utc(p.lost.At) + " found it " + p.lost.words() + "."
	case p.lost != nil:
		return "A look on " + utc(p.lost.At) + " found the role itself gone; its sessions ended with it."
	case p.back == nil:
		return "The policy was not read back."
	case p.back.Equal:
		return "Read back on " + utc(p.back.At) + ": the policy on the role said what was written."
	case p.back.Error != "":
		return "The policy could not be read back: " + mdProse(p.back.Error, 1000)
	default:
		return "Read back on " + utc(p.back.At) + ": " + mdCode(p.back.Mismatch, 800)
	}
}

func (p proof) paperReport() string {
	switch s := p.simulated; {
	case s == nil:
		return "The policy simulator has not answered."
	case s.Unavailable != "":
		return "It could not be simulated: " + mdProse(s.Unavailable, 600)
	default:
		return "Simulated on " + utc(s.At) + ": a session issued a second before the cutoff is " + s.Before.words() + ", one issued a second after it is " + s.After.words() + "."
	}
}

func (p proof) enforcedReport() string {
	e := p.seen
	if e == nil {
		return "No call of an old session after the cutoff was looked for."
	}
	text := fmt.Sprintf("CloudTrail shows %s of old sessions after the cutoff that were denied, and %s that succeeded.", calls(e.Denied), calls(e.Succeeded))
	if !e.FirstDenied.IsZero() {
		text += " The first denial was on " + utc(e.FirstDenied) + "."
	}
	if !e.LastSucceeded.IsZero() {
		text += " The last success was on " + utc(e.LastSucceeded) + "."
	}
	if e.Why != "" {
		text += " " + mdProse(e.Why, 600)
	}
	return text + " As of " + utc(e.At) + "."
}

// remaining is what somebody has still to do, as far as the record shows it.
func (i incidentReport) remaining(s *sheet) {
	s.title("What remains to do")
	before := s.Len()
	r, in := i.r, i.in
	switch r.State {
	case approvals.StateApplied:
	case approvals.StateOpen, approvals.StateApproved, approvals.StateExecuting:
		s.item("Wait for the outcome of the request, and ask for this report again.")
	case approvals.StateFailed:
		if f, err := detail[Failure](r.Closing); err == nil && f.Unsure {
			s.item("Look at the role's inline policies: it is not known whether AWS took the policy.")
		}
		s.item("Ask again, or revoke the role's active sessions in the IAM console: the sessions are not known to be denied.")
	default:
		if r.Purpose != approvals.PurposeUndo {
			s.item("The sessions were not touched. If the credentials leaked all the same, ask again.")
		}
	}
	if r.State == approvals.StateApplied && r.Purpose != approvals.PurposeUndo {
		i.afterApplied(s)
	}
	for _, session := range in.Sessions {
		for _, c := range in.Activities[session.EventID].Doors {
			if c.ErrorCode == "" {
				s.item("Close what this call opened on %s: %s.", stampLine(c.Time), mdCalled(c))
			}
		}
	}
	asked := map[string]bool{}
	for _, l := range in.Chain {
		if asked[l.RoleARN] || l.Loop {
			continue
		}
		asked[l.RoleARN] = true
		s.item("Decide about the sessions of %s: a request of its own.", mdCode(roleOf(l), 300))
	}
	keys := map[string]bool{}
	for _, session := range in.Sessions {
		if _, suspect := in.Suspects[session.EventID]; !suspect || session.CallerKey == "" || keys[session.CallerKey] {
			continue
		}
		keys[session.CallerKey] = true
		s.item("Find out whether the key %s leaked, with which %s opened a session that stands out; if so, take it out of use: who holds it can open the next session.",
			mdCode(keyEnd(session.CallerKey), 10), mdCode(session.Caller, 200))
	}
	for _, g := range in.Regions {
		if !g.Covered {
			s.item("Look at CloudTrail in %s yourself: it was not covered.", mdCode(g.Name, 40))
		}
	}
	for _, e := range i.events {
		if e.Type == approvals.EventSetAside {
			s.item("Find out why a piece of work was put aside on %s: %s", utc(e.At), mdFailure(e))
		}
	}
	if s.Len() == before {
		s.item("Nothing that the record shows.")
	}
}

func (i incidentReport) afterApplied(s *sheet) {
	p := i.proof
	switch p.stored() {
	case wordNo:
		s.item("Put the deny back and find out who took it off: the policy on the role is not the one that was written.")
	case wordNotKnown:
		s.item("Look at the role's inline policy `AWSRevokeOlderSessions`: it was not read back.")
	}
	if p.enforced() == wordNo {
		s.item("Stop the calls that still get through: see the last word above.")
	}
	switch v := i.in.Verdict; {
	case v == nil:
		s.item("Ask for this report again after the last look at CloudTrail: whether it is contained has not been concluded.")
	case v.Word == WordNotContained:
		s.item("Contain it: stop new sessions by taking the caller out of the role's trust policy; if calls still get through, attach the managed policy `AWSDenyAll` to the role; " +
			"if somebody in the account undoes that, use a service control policy. Then revoke the sessions again.")
	case v.Word != WordContained:
		s.item("Find out whether it is contained: look at CloudTrail for the keys of the sessions before the cutoff.")
	}
	if word := p.stored(); word == wordYes || word == wordNotKnown {
		until := ""
		if i.role.MaxSession > 0 && i.role.MaxSession < 13*time.Hour {
			until = ", on " + utc(p.cutoff.Add(i.role.MaxSession)) + " at the latest by the role's session duration as it was"
		}
		s.item("Take the deny off when no session that it keeps out can be alive any more%s. Until then it does no harm to new sessions.", until)
	}
}

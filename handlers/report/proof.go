package report

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// proven tells the facts of what was applied, and what no fact speaks for.
func (i incidentReport) proven(s *sheet) {
	s.title("What is proven, and what is not")
	d := record.Known[record.Rehearsed](i.r.Closing)
	switch {
	case i.r.State == approvals.StateRehearsed && d != nil:
		s.item("The %s would have been written, for %s.", i.words.Document(d.Policy), i.words.Scope(i.At(d.WouldBe)))
		whole := pen
		whole.Noun, whole.Restricts = i.Noun, i.Restricts
		for _, check := range messages.DrillChecks(*d, i.words, whole) {
			s.item("%s", check)
		}
		for _, gap := range messages.DrillGaps(*d, pen) {
			s.item("Not checked: %s", gap)
		}
	case i.r.State != approvals.StateApplied || i.undo:
		s.item("No change by this request is proven.")
	default:
		for _, f := range i.Facts(i.proof) {
			s.item("**%s:** %s.", f.Name, f.Text)
		}
		if h := i.proof.Held; h != nil {
			s.item("The %s was on the %s at the last check, at %s, %s after it was applied.", i.words.Deny, i.Noun, i.At(h.At),
				messages.Span(h.After))
		}
	}
	in := i.in
	for _, g := range in.Regions {
		switch {
		case !g.Covered:
			s.item("**Not covered:** region %s, %s. What happened there is not known.", mdCode(g.Region, 40),
				mdProse(g.Reason, 200))
		case g.Truncated:
			s.item("Region %s was read in part only: the newest events.", mdCode(g.Region, 40))
		}
	}
	if in.Failed != "" {
		s.item("The latest check of CloudTrail failed: %s", mdProse(in.Failed, 1200))
	}
	if in.LeftOut > 0 {
		s.item("%s found that the record does not keep.", english.Count(in.LeftOut, "session was", "sessions were"))
	}
	if in.NotRead > 0 {
		s.item("%s unusual and not checked.", english.Count(in.NotRead, "session is", "sessions are"))
	}
	if v := in.Verdict; v != nil {
		for _, why := range v.Why {
			s.item("On the verdict: %s", mdProse(why, 400))
		}
		for _, c := range v.Calls {
			s.item("Against it: %s %s", stampLine(c.Time), i.Call(c))
		}
		for _, session := range v.Sessions {
			of := ""
			if session.Role != "" {
				of = " of role " + mdCode(session.Role, 64)
			}
			s.item("Against it: %s%s, opened %s", i.Session(session), of, stampLine(session.Time))
		}
	}
	s.item("CloudTrail is minutes late and has management calls only: no events is not no activity, " +
		"and what was read from buckets and databases is not in it.")
}

// actions are what is left to do, as far as the record shows it: what Act now lists in the thread,
// each with its command, and what the record alone knows.
func (i incidentReport) actions(s *sheet) {
	s.title("Actions")
	before, r := s.Len(), i.r
	done := ""
	for _, item := range i.Items(i.in, i.c.Role) {
		switch {
		case item.Done != "":
			done += fmt.Sprintf("- %s, nothing to do: %s\n", upper(item.Done), item.Text)
			continue
		case item.Command != "":
			item.Text += "\n  - " + mdCode(item.Command, 400)
		}
		s.item("%s", item.Text)
	}
	d := record.Known[record.Rehearsed](r.Closing)
	switch {
	case r.State == approvals.StateOpen, r.State == approvals.StateApproved, r.State == approvals.StateExecuting:
		s.item("Wait for the outcome of the request, and ask for this report again.")
	case i.in.Drill && (r.State == approvals.StateFailed || r.State == approvals.StateVoid || d != nil && !d.Clean()):
		s.item("Fix what stands above, and drill again: a real %s would most likely end the same way.", i.words.Noun)
	case r.State == approvals.StateApplied && !i.undo:
		i.afterApplied(s)
	case i.in.Drill, r.State == approvals.StateApplied:
	case r.State == approvals.StateFailed:
		s.item("Ask again, or %s in the IAM console: the sessions are not known to be blocked.", i.words.ByHand)
	case !i.undo:
		s.item("The sessions were not touched. If the credentials leaked all the same, ask again.")
	}
	for _, g := range i.in.Regions {
		if !g.Covered {
			s.item("Check CloudTrail in %s yourself: it was not covered.", mdCode(g.Region, 40))
		}
	}
	for _, e := range i.events {
		if e.Type == approvals.EventParked {
			s.item("Find out why a piece of work was given up at %s: %s", i.At(e.At), mdFailure(e))
		}
	}
	if s.WriteString(done); s.Len() == before {
		s.item("Nothing that the record shows.")
	}
}

func (i incidentReport) afterApplied(s *sheet) {
	facts := i.Facts(i.proof)
	switch facts[0].Word {
	case messages.FactNo:
		s.item("Restore the %s and find out who changed it: the %s does not have what was written.\n  - %s",
			i.words.Deny, i.Noun,
			mdCode(messages.Command+" "+i.words.Word+i.c.Role.Ref(), 160))
		for _, t := range record.All[record.Tampered](i.events, approvals.EventTampered) {
			if t.SCP != "" {
				s.item("To keep everybody but revokebot from %s, attach this service control policy to account %s:\n  - %s",
					i.words.Fence, mdCode(i.c.Role.AccountName, 64), mdCode(t.SCP, 5000))
				break
			}
		}
	case messages.FactNotKnown:
		s.item("Check %s: the %s was not verified.", i.words.Where, i.words.Deny)
	}
	switch v := i.in.Verdict; {
	case v == nil:
		s.item("Ask for this report again after the last check of CloudTrail: there is no verdict yet.")
	case i.offer() != nil:
		o := i.offer()
		s.item("%s: %s.\n  - %s", o.Name, o.Why, mdCode(messages.Command+" "+o.Words.Word+i.c.Role.Ref(), 160))
	case facts[2].Word == messages.FactNo:
		s.item("%s", i.words.Next(record.WordNotContained, i.c.FurtherByHand()))
	case v.Word != record.WordContained:
		s.item("%s", i.words.Next(v.Word, i.c.FurtherByHand()))
	}
	if v := i.in.Verdict; v != nil {
		i.harden(s, *v)
	}
	if word := facts[0].Word; word == messages.FactYes || word == messages.FactNotKnown {
		until := ""
		if end := record.RevivesUntil(i.events); !end.IsZero() {
			until = ", by " + utc(end)
		}
		s.item("%s", i.words.Leave(until))
	}
}

// offer is the measure that fits after the verdict; nil if none does.
func (i incidentReport) offer() *messages.Offer { return i.c.Offer(*i.in.Verdict, i.in) }

// harden lists what the role's documents let an attacker do, each command once.
func (i incidentReport) harden(s *sheet, v record.Conclusion) {
	for n, w := range v.Harden {
		text := "Harden: " + i.Prose(w.What) + "."
		if n == len(v.Harden)-1 || v.Harden[n+1].Command != w.Command {
			text += "\n  - " + mdCode(w.Command, 9000)
			if strings.Contains(w.Command, "main") {
				text += "\n  - Put the branch that deploys in place of `main`."
			}
		}
		if w.Terraform != "" {
			text += "\n  - Terraform: " + mdCode(w.Terraform, 300)
		}
		s.item("%s", text)
	}
}

package report

import (
	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/internal/english"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// drillMarkdown is the report of a drill. It has what a report of an incident has where that is
// true of a drill: who asked and decided, when, what was checked and what was not.
func (i incidentReport) drillMarkdown() string {
	var s sheet
	s.WriteString("# " + messages.Marked("report of a rehearsed "+i.words.Noun+" for "+
		mdCode(i.role.Account+"/"+i.role.Name, 130)) + "\n\n")
	last := i.events[len(i.events)-1]
	s.WriteString("**Nothing was written.** Drill " + mdCode(i.r.ID, 40) + ", read up to event " +
		messages.Thousands(int(i.r.Seq)) + " of " + utc(last.At) +
		". All times are UTC. This report is made from the record of the drill and from nothing else: " +
		"the same record gives the same report.\n")
	i.drillSummary(&s)
	i.drillChecks(&s)
	i.timeline(&s)
	i.drillRemaining(&s)
	return s.String()
}

func (i incidentReport) drillSummary(s *sheet) {
	s.title("Summary")
	r := i.r
	s.item("%s asked on %s to rehearse a %s for %s.", mdPerson(r.Requester), utc(r.Opened), i.words.Noun,
		mdRole(i.role))
	if r.Reason != "" {
		s.item("Their reason: %s", mdCode(r.Reason, messages.MaxReason))
	}
	s.item("%s", i.outcome())
	if len(r.Votes) > 0 {
		s.item("From the request to the last approval it took %s.", messages.Span(r.Votes[len(r.Votes)-1].At.Sub(r.Opened)))
	}
	if r.Refused > 0 {
		s.item("%s refused; the timeline has the details.", english.Count(r.Refused, "click was", "clicks were"))
	}
	if in := i.in; in.Looks > 0 {
		t := messages.TallyOf(in)
		s.item("CloudTrail, from %s to %s: %s from %s, %d issued before the %s that a %s would have had; "+
			"%s that issued nothing.",
			utc(in.Since), utc(in.Until), english.Count(t.Issued, "session", "sessions"),
			english.Count(t.Callers, "caller", "callers"), t.Before, i.words.Mark, i.words.Noun,
			english.Count(t.Refused, "attempt", "attempts"))
	}
}

func (i incidentReport) drillChecks(s *sheet) {
	s.title("What was checked, and what was not")
	d, err := record.Detail[record.Rehearsed](i.r.Closing)
	if i.r.State != approvals.StateRehearsed || err != nil {
		s.item("Nothing, as far as the record goes.")
		return
	}
	s.item("The %s would have been written, for %s.", i.words.Document(d.Policy), i.words.Scope(utc(d.WouldBe)))
	for _, check := range messages.DrillChecks(d, i.words, pen) {
		s.item("%s", check)
	}
	for _, gap := range messages.DrillGaps(d, pen) {
		s.item("Not checked: %s", gap)
	}
	for _, g := range i.in.Regions {
		if !g.Covered {
			s.item("CloudTrail was not covered in region %s, %s.", mdCode(g.Region, 40), mdProse(g.Reason, 200))
		}
	}
	if i.in.Failed != "" {
		s.item("The check of CloudTrail failed: %s", mdProse(i.in.Failed, 1200))
	}
}

func (i incidentReport) drillRemaining(s *sheet) {
	s.title("What remains to do")
	switch d, err := record.Detail[record.Rehearsed](i.r.Closing); {
	case i.r.State == approvals.StateRehearsed && err == nil && d.Clean():
		s.item("Nothing that the record shows. Drill again when roles, approvers or permissions change.")
	case i.r.State == approvals.StateRehearsed:
		s.item("Fix what is marked above, and drill again.")
	case i.r.State == approvals.StateOpen, i.r.State == approvals.StateApproved:
		s.item("Wait for the outcome, and ask for this report again.")
	case i.r.State == approvals.StateFailed, i.r.State == approvals.StateVoid:
		s.item("Fix what kept it from its end: a real %s would most likely have ended the same way. Then drill "+
			"again.", i.words.Noun)
	case i.r.State == approvals.StateExpired:
		s.item("Find out why no approver decided in time: in an incident the sessions would have stayed as they were.")
	default:
		s.item("Nothing that the record shows.")
	}
}

package report

import (
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

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
		if f, err := record.Detail[record.Failure](r.Closing); err == nil && f.Unsure {
			s.item("Look at %s: it is not known whether AWS took the policy.", i.words.Where)
		}
		s.item("Ask again, or %s in the IAM console: the sessions are not known to be denied.", i.words.ByHand)
	default:
		if !i.undo {
			s.item("The sessions were not touched. If the credentials leaked all the same, ask again.")
		}
	}
	if r.State == approvals.StateApplied && !i.undo {
		i.afterApplied(s)
	}
	for _, session := range in.Sessions {
		for _, c := range in.Activities[session.EventID].Doors {
			if c.ErrorCode == "" {
				s.item("Close what this call opened on %s: %s.", stampLine(c.Time), mdCalled(c))
			}
		}
	}
	for _, l := range in.Chain {
		for _, c := range l.Doors {
			s.item("Close what this call of role %s opened on %s: %s.", mdOther(l), stampLine(c.Time), mdCalled(c))
		}
	}
	asked := map[string]bool{}
	for _, l := range in.Chain {
		if asked[l.RoleARN] || l.Loop {
			continue
		}
		asked[l.RoleARN] = true
		s.item("Decide about the sessions of %s: a request of its own.", mdOther(l))
	}
	for _, session := range messages.Copies(in) {
		s.item("Find out how the key %s left its owner, %s: it was used from %s.", mdKey(session.AccessKeyID),
			mdCode(session.Caller, 200), mdCode(in.Suspects[session.EventID].From[0], 60))
	}
	keys := map[string]bool{}
	for _, session := range in.Sessions {
		if why := in.Suspects[session.EventID]; messages.SeldomWords(why) == "" || session.CallerAccessKey == "" ||
			keys[session.CallerAccessKey] {
			continue
		}
		keys[session.CallerAccessKey] = true
		s.item("Find out whether the key %s leaked, with which %s opened a session that stands out; if so, "+
			"take it out of use: who holds it can open the next session.",
			mdKey(session.CallerAccessKey), mdCode(session.Caller, 200))
	}
	for _, g := range in.Regions {
		if !g.Covered {
			s.item("Look at CloudTrail in %s yourself: it was not covered.", mdCode(g.Region, 40))
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
	p, policy := i.proof, ""
	if p.ReadBack != nil {
		policy = p.ReadBack.Policy
	}
	switch p.stored() {
	case wordNo:
		s.item("Put the %s back and find out who took it off: the policy on the role is not the one that was written.",
			i.words.Deny)
	case wordNotKnown:
		s.item("Look at the role's %s: it was not read back.", i.words.Document(policy))
	}
	if p.enforced() == wordNo {
		s.item("Stop the calls that still get through: see the last word above.")
	}
	switch v := i.in.Verdict; {
	case v == nil:
		s.item("Ask for this report again after the last look at CloudTrail: whether it is contained has not been concluded.")
	case v.Word == record.WordNotContained:
		s.item("%s", i.words.Contain(i.further))
	case v.Word != record.WordContained:
		s.item("Find out whether it is contained: look at CloudTrail for the keys of the sessions before the %s.",
			i.words.Mark)
	}
	if word := p.stored(); word == wordYes || word == wordNotKnown {
		until := ""
		if i.role.MaxSession > 0 && i.role.MaxSession < 13*time.Hour {
			until = ", on " + utc(p.Cutoff.Add(i.role.MaxSession)) + " at the latest by the role's session duration as it was"
		}
		s.item("%s", i.words.Leave(until))
	}
}

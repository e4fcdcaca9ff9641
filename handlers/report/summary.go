package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
	"github.com/revokebot/revokebot/internal/times"
)

// fiveLines are the summary: what happened, when, what was done by whom, what is open, and how long
// each step took.
func (i incidentReport) fiveLines(s *sheet) {
	s.title("In five lines")
	for _, l := range []struct{ name, text string }{
		{"What happened", i.what()}, {"When", i.when()}, {"Done", i.done()}, {"Open", i.open()}, {"Steps", i.steps()},
	} {
		s.item("**%s:** %s", l.name, l.text)
	}
}

func (i incidentReport) what() string {
	verdict := ""
	switch v := i.in.Verdict; {
	case i.undo:
		return "The " + i.words.Noun + " of request " + mdCode(i.r.About, 40) + " was to be undone."
	case v != nil && wordOf(v.Word) == string(record.WordUnknown):
		verdict = i.Bold("Unknown") + " whether it is contained. "
	case v != nil:
		verdict = i.Bold(upper(wordOf(v.Word))) + ", as far as CloudTrail shows. "
	case i.r.State == approvals.StateApplied:
		verdict = "There is no verdict yet. "
	}
	if i.in.Looks == 0 {
		return verdict + "It is not known who used the " + i.Noun + "."
	}
	return verdict + strings.Join(i.Findings(i.in), " ")
}

// when is the time of what is unusual, and the window that was read.
func (i incidentReport) when() string {
	in := i.in
	if in.Looks == 0 {
		return "CloudTrail was not read."
	}
	text := "nothing unusual was seen."
	if first, last := attack(in); !first.IsZero() {
		text = "unusual activity from " + i.At(first) + " to " + i.At(last) + "."
	}
	return text + " CloudTrail was read from " + i.At(in.Since) + " to " + i.At(in.Until) + "."
}

// attack is from when to when unusual sessions acted. Of a stolen key that begins where it was used
// first and not opened.
func attack(in record.Incident) (first, last time.Time) {
	for _, s := range in.Sessions {
		if _, unusual := in.Suspects[s.EventID]; !unusual {
			continue
		}
		a, began := in.Activities[s.EventID], s.Time
		if len(a.Elsewhere) > 0 {
			began = time.Time{}
		}
		for _, from := range a.Elsewhere {
			began = times.Earlier(began, from.First)
		}
		first, last = times.Earlier(first, began), times.Later(last, times.Later(began, a.Last))
	}
	if !first.IsZero() {
		for _, l := range in.Chain {
			last = times.Later(last, times.Later(l.Last, l.LastOK))
		}
	}
	return first, last
}

func (i incidentReport) done() string {
	r := i.r
	asked := i.words.Ask + " "
	switch {
	case i.undo:
		asked = "undo the " + i.words.Noun + " of "
	case i.in.Drill:
		asked = "rehearse a " + i.words.Noun + " of "
	}
	text := i.Who(r.Requester) + " asked to " + asked + mdRole(i.c.Role)
	if r.Reason != "" {
		text += ", reason " + mdCode(r.Reason, messages.MaxReason)
	}
	text += ". " + i.outcome()
	if r.Refused > 0 {
		text += " " + english.Count(r.Refused, "click was", "clicks were") + " rejected."
	}
	p := i.proof
	if who := i.changedBy(); p.Lost != nil || p.Rewrites > 0 || len(who) > 0 {
		by := "CloudTrail does not show who"
		if len(who) > 0 {
			by = messages.List(who)
		}
		text += fmt.Sprintf(" **Someone changed the %s:** %s. It was restored %s.", i.words.Deny, by,
			english.Count(p.Rewrites, "time", "times"))
	}
	switch u := r.Undone; {
	case u != nil:
		d := of[record.Undone](*u)
		text += " **Undone** at " + i.At(u.At) + " by request " + mdCode(d.Request, 40) + ": " + i.Who(d.Requester) +
			" asked, " + i.people(d.Approvers) + " approved. " + i.left(d)
	case p.Lost != nil:
		text += " **A check at " + i.At(p.Lost.At) + " found it " + i.Found(*p.Lost) + "**, and it was not restored."
	case p.Rewrites > 0:
		text += " The " + i.words.Mark + " is now **" + i.At(p.Since) + "**."
	}
	return text
}

// changedBy are those who changed the policy, each with how often.
func (i incidentReport) changedBy() (who []string) {
	times := map[string]int{}
	for _, c := range i.changes() {
		if times[c.Who]++; times[c.Who] == 1 {
			who = append(who, c.Who)
		}
	}
	for n, name := range who {
		who[n] = mdCode(name, 100) + " " + english.Count(times[name], "time", "times")
	}
	return who
}

// changes are those that others made to the policy, as far as CloudTrail shows them.
func (i incidentReport) changes() (all []record.Change) {
	for _, f := range record.All[record.Finding](i.events, approvals.EventFinding) {
		all = append(all, f.Changes...)
	}
	return all
}

// left says what an undo left, and until when old sessions work again.
func (i incidentReport) left(u record.Undone) string {
	return strings.NewReplacer("*", "**", "\n• ", " ").Replace(i.c.Left(u, utc))
}

// open names what is left to do.
func (i incidentReport) open() string {
	var open []string
	r, v := i.r, i.in.Verdict
	do := !i.undo && !i.in.Drill
	if do && (r.State == approvals.StateFailed || r.State == approvals.StateVoid) {
		open = append(open, i.words.Whom+", which are not known to be blocked")
	}
	if do && r.State == approvals.StateApplied {
		switch {
		case i.Facts(i.proof)[0].Word == messages.FactNo:
			open = append(open, "the "+i.words.Deny+", which is not on the "+i.Noun)
		case v == nil:
			open = append(open, "the verdict")
		case wordOf(v.Word) == string(record.WordUnknown):
			open = append(open, "whether "+i.words.Whom+" are blocked")
		}
	}
	for _, item := range i.Items(i.in, i.c.Role) {
		if item.Done == "" {
			open = append(open, item.Short)
		}
	}
	for _, g := range i.in.Regions {
		if !g.Covered {
			open = append(open, "region "+mdCode(g.Region, 40)+", not covered")
		}
	}
	switch {
	case !r.State.Ended():
		return "the request itself."
	case len(open) == 0:
		return "nothing that the record shows."
	default:
		return messages.List(open) + "."
	}
}

// outcome is how the request stands.
func (i incidentReport) outcome() string {
	r, by, at := i.r, "", i.At(i.r.Ended)
	if len(r.Votes) > 0 {
		by = i.people(r.Voters()) + " approved. "
	}
	switch r.State {
	case approvals.StateApplied:
		a := record.Known[record.Applied](r.Closing)
		switch {
		case i.undo && a != nil && i.c.Undo != nil:
			return by + i.left(i.c.Undo.Undone(*a))
		case i.undo || a == nil:
			return by + "Done at " + at + "."
		}
		return by + fmt.Sprintf("%s at %s: %s, by the %s.", i.words.Past, at, i.words.Scope("**"+i.At(a.Cutoff)+"**"),
			i.words.Document(a.Policy))
	case approvals.StateRehearsed:
		return by + "Rehearsed at " + at + ": nothing was written."
	case approvals.StateFailed, approvals.StateVoid:
		return by + "It failed at " + at + ": " + mdFailure(r.Closing)
	case approvals.StateDenied:
		return i.Who(r.EndedBy) + " denied it at " + at + ". Nothing was done."
	case approvals.StateCancelled:
		return i.Who(r.EndedBy) + " cancelled it at " + at + ". Nothing was done."
	case approvals.StateExpired:
		return "It expired at " + at + ": too few people approved in time. Nothing was done."
	case approvals.StateOpen:
		return fmt.Sprintf("It is open: %d of %d approved, until %s.", len(r.Votes), r.Required, i.At(r.Deadline))
	default:
		return by + "It is " + mdCode(r.State.String(), 40) + "."
	}
}

// stage is a step of the request.
type stage struct {
	Name  string    `json:"step"`
	At    time.Time `json:"at"`
	After string    `json:"after,omitempty"` // since the step before: "1m10s"

	took time.Duration
}

// stages are the steps that the request came to. What CloudTrail shows is by AWS's clock, the
// others by the store's.
func stages(r approvals.Request, events []approvals.Event, in record.Incident) (list []stage) {
	var blocked time.Time
	add := func(name string, at time.Time) {
		s := stage{Name: name, At: at.UTC()}
		if n := len(list); n > 0 {
			s.took = max(at.Sub(list[n-1].At), 0)
			s.After = s.took.Round(time.Second).String()
		}
		list = append(list, s)
	}
	add("asked", r.Asked)
	for _, e := range events {
		switch e.Type {
		case approvals.EventApproved, approvals.EventApplied, approvals.EventRehearsed:
			add(string(e.Type), e.At)
		case approvals.EventSeenDenied:
			if d := of[record.Enforcement](e); d.Denied > 0 {
				blocked = times.Earlier(blocked, d.FirstDenied)
			}
		}
	}
	for _, a := range in.Activities {
		if !a.Refused.IsZero() && !in.Cutoff.IsZero() && !a.Refused.Before(in.Cutoff) {
			blocked = times.Earlier(blocked, a.Refused)
		}
	}
	if !blocked.IsZero() {
		add("first seen blocked", blocked)
	}
	return list
}

func (i incidentReport) steps() string {
	list := stages(i.r, i.events, i.in)
	words := []string{"asked " + utc(list[0].At)}
	for _, s := range list[1:] {
		words = append(words, s.Name+" after "+messages.Span(s.took))
	}
	text := strings.Join(words, ", ")
	if i.r.State == approvals.StateApplied && !i.undo && list[len(list)-1].Name == string(approvals.EventApplied) {
		text += "; no old session was seen blocked"
	}
	return text + "."
}

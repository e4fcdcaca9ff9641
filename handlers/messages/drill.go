package messages

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
)

// rehearsed tells what would have happened, what was checked, and what was not.
func (v *view) rehearsed() *Message {
	d := record.Known[record.Rehearsed](v.r.Closing)
	if d == nil {
		return sentence("Rehearsed. Nothing was written.")
	}
	lines := []string{
		"Rehearsed, and *nothing was written*. The " + v.c.Words.Document(d.Policy) + " would have been written " +
			v.c.Words.Drill.Would(*d),
		"*Checked*",
	}
	for _, check := range DrillChecks(*d, v.c.Words, v.Pen) {
		lines = append(lines, "• "+check)
	}
	lines = append(lines, "*Not checked*")
	for _, gap := range DrillGaps(*d, v.Pen) {
		lines = append(lines, "• "+gap)
	}
	next := "For a real one, send " + Code(Command+" "+v.c.Words.Word+v.c.Role.Ref(), 160) + "."
	if !d.Clean() {
		next = "Fix what is marked above, and drill again."
	}
	return sentence(strings.Join(append(lines, next), "\n"))
}

// DrillChecks are what was found out.
func DrillChecks(d record.Rehearsed, w Words, p Pen) []string {
	checks := []string{
		"The " + p.Noun + " is the one on the card, and may be changed: read at " + p.At(d.At) + ".",
		drillSessionWords(d, w, p),
		fmt.Sprintf("The two remote steps took %d ms: %d ms to read the %s and to open the session, %d ms for a read in "+
			"place of the write.", (d.First + d.Second).Milliseconds(), d.First.Milliseconds(), p.Noun, d.Second.Milliseconds()),
	}
	if d.Size > 0 {
		checks = append(checks, "The policy fits: with it, "+w.Room(d.Size)+".")
	}
	if d.Paper.Unavailable == "" {
		works := "The policy works by the policy simulator"
		if !d.Paper.Proven {
			works = p.Bold("The policy would not work as planned")
		}
		checks = append(checks, works+", asked at "+p.At(d.Paper.At)+": "+
			w.Paper(paperWords(d.Paper.Before), paperWords(d.Paper.After))+".")
	}
	if d.MayWrite {
		for _, doc := range d.Documents {
			checks = append(checks, "revokebot may write: the policy simulator allows its role `"+doc.Slot.Kind.Facts().Put+
				"` on this "+p.Noun+".")
		}
	}
	return checks
}

func drillSessionWords(d record.Rehearsed, w Words, p Pen) string {
	who := "."
	if d.CallerARN != "" {
		who = ": " + p.Code(d.CallerARN, 300) + "."
	}
	switch {
	case !d.Own:
		return p.Bold("There is no session of its own") + ": this account is reached with revokebot's own credentials, " +
			"so CloudTrail names no person" + who
	case d.Unnamed:
		return "The session for this " + w.Noun + " could be opened, " + p.Bold("and does not name the people") +
			": AWS rejected source identity and tags" + who
	default:
		return "The session for this " + w.Noun + " could be opened and names the requester and the approvers" + who
	}
}

// DrillGaps are what is not known after it.
func DrillGaps(d record.Rehearsed, p Pen) []string {
	gaps := []string{"The write itself, and how long IAM takes to enforce it: only a real one shows that."}
	if d.Size == 0 {
		gaps = append(gaps, p.Bold("Whether the policy fits")+": "+p.Code(d.SizeUnknown, 100)+".")
	}
	if d.Paper.Unavailable != "" {
		gaps = append(gaps, p.Bold("The policy by the simulator.")+" "+p.Prose(d.Paper.Unavailable))
	}
	if !d.MayWrite {
		gaps = append(gaps, p.Bold("Whether revokebot may write.")+" "+p.Prose(d.MayWriteUnknown))
	}
	return gaps
}

// paperWords says of a session what the simulator said.
func paperWords(v role.Verdict) string {
	switch v {
	case role.DeniedByOurs:
		return "blocked by it"
	case role.DeniedByOther:
		return "blocked by another policy"
	case role.NotDenied:
		return "not blocked"
	default:
		return "answered in a way that revokebot does not know"
	}
}

func rehearsedTitle(r approvals.Request) string {
	if d, err := record.Detail[record.Rehearsed](r.Closing); err == nil && !d.Clean() {
		return "Rehearsed, with something to fix"
	}
	return "Rehearsed, nothing was written"
}

// drillOutcome sums up what was checked.
func drillOutcome(r approvals.Request) string {
	d, err := record.Detail[record.Rehearsed](r.Closing)
	switch {
	case err != nil:
		return "Nothing was written. The thread has what was checked."
	case d.Clean():
		return "All that can be checked without writing is in order, and nothing was written. " +
			"The thread has what was checked, and what was not."
	default:
		return "Nothing was written. *Not everything could be checked, or is as it should be*: the thread says what to fix."
	}
}

package messages

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// rehearsed tells what would have happened, what was checked, and what was not.
func rehearsed(before approvals.Request, e approvals.Event, c Context) *Message {
	d, err := record.Detail[record.Rehearsed](e)
	if err != nil {
		return sentence("rehearsed. Nothing was written.")
	}
	lines := []string{
		fmt.Sprintf("a %s for %s was rehearsed, and *nothing was written*. Asked for by %s, approved by %s, drill %s.",
			c.Words.Noun, roleWords(c.Role), Mention(before.Requester), fit(mentions(before.Voters()), 500),
			Code(before.ID, 40)),
		"*What would have happened*",
		"• The " + c.Words.Document(d.Policy) + " would have been written " + c.Words.Drill.Would(d),
		"*What was checked*",
	}
	p := Pen{Code, outsideSentence, bold}
	for _, check := range DrillChecks(d, c.Words, p) {
		lines = append(lines, "• "+check)
	}
	lines = append(lines, "*What was not checked*")
	for _, gap := range DrillGaps(d, p) {
		lines = append(lines, "• "+gap)
	}
	next := "Next: " + Code(Command+" "+c.Words.Word+c.Role.Account+"/"+c.Role.Name, 160) + " is the real one."
	if !d.Clean() {
		next = "Next: put right what is marked above, and drill again."
	}
	return sentence(strings.Join(append(lines, next), "\n"))
}

// Pen writes what was checked for one kind of reader: in Slack, or in a report as Markdown.
type Pen struct {
	Code  func(text string, limit int) string // a text from outside
	Prose func(text string) string            // a sentence of package aws
	Bold  func(text string) string
}

// DrillChecks are what was found out.
func DrillChecks(d record.Rehearsed, w Words, p Pen) []string {
	checks := []string{
		"The role is the one on the card, and may be touched: read on " + UTC(d.At) + ".",
		drillSessionWords(d, w, p),
		fmt.Sprintf("The two remote steps took %s: %s to read the role and to open the session, %s for a read in place of "+
			"the write.",
			millis(d.First+d.Second), millis(d.First), millis(d.Second)),
	}
	if d.Size > 0 {
		checks = append(checks, "The policy fits: with it, "+w.Room(d.Size)+".")
	}
	switch {
	case d.Unavailable != "":
	default:
		works := "The policy works on paper"
		if !d.Proven {
			works = p.Bold("The policy would not work on paper")
		}
		checks = append(checks, works+": by the policy simulator, on "+UTC(d.SimulatedAt)+", "+
			w.Paper(paperWords(d.Before), paperWords(d.After))+".")
	}
	if d.MayWrite {
		for _, doc := range d.Documents {
			checks = append(checks, "revokebot may write: the policy simulator allows its role `"+doc.Slot.Kind.Facts().Put+
				"` on this role.")
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
			"so CloudTrail names nobody" + who
	case d.Unnamed:
		return "The session for this " + w.Noun + " could be opened, " + p.Bold("and does not name the people") +
			": AWS refused source identity and tags" + who
	default:
		return "The session for this " + w.Noun + " could be opened and names the requester and everybody who approved" + who
	}
}

// DrillGaps are what is not known after it.
func DrillGaps(d record.Rehearsed, p Pen) []string {
	gaps := []string{"The write itself, and how long IAM takes to enforce it: only a real one shows that."}
	if d.Size == 0 {
		gaps = append(gaps, p.Bold("Whether the policy fits")+": "+p.Code(d.SizeUnknown, 100)+".")
	}
	if d.Unavailable != "" {
		gaps = append(gaps, p.Bold("The policy on paper.")+" "+p.Prose(d.Unavailable))
	}
	if !d.MayWrite {
		gaps = append(gaps, p.Bold("Whether revokebot may write.")+" "+p.Prose(d.MayWriteUnknown))
	}
	return gaps
}

// paperWords says of a session what the simulator said, without words that people know from a real
// one.
func paperWords(v record.Verdict) string {
	switch v {
	case record.DeniedByOurs:
		return "kept out by this policy"
	case record.DeniedByOther:
		return "kept out by another policy"
	case record.NotDenied:
		return "not kept out"
	default:
		return "answered in a way that revokebot does not know"
	}
}

// Thousands writes a number as the quota is written.
func Thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// millis writes how long a remote step took.
func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + " ms" }

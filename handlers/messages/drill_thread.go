package messages

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// drillThread is what the thread of a drill says differently from that of a revocation. It reports
// false for an event that both tell alike.
func drillThread(before approvals.Request, e approvals.Event, c Context) (*Message, bool) {
	switch e.Type {
	case approvals.EventRequested:
		return sentence(drillMark + asked(e, c) + " to look at the card above and to press Approve or Deny, " +
			"as in an incident. *Nothing is written, whoever approves.* " +
			"This thread is the record of the drill: every decision, every refused click, and what was checked."), true
	case approvals.EventApproved:
		return sentence(fmt.Sprintf("%s%s approved on %s. It is being rehearsed now.", drillMark, Mention(e.By), utc(e.At))),
			true
	case approvals.EventRehearsed:
		return rehearsed(before, e, c), true
	case approvals.EventFailed, approvals.EventVoided:
		f, err := record.Detail[record.Failure](e)
		if err != nil {
			return sentence(drillMark + "it was not rehearsed to its end. Nothing was written."), true
		}
		return askAgain(
			sentence(fmt.Sprintf("%s%s: the drill ended on %s before its end. %s Nothing was written. "+
				"A real revocation would most likely have ended the same way: put that right first.",
				drillMark, mentions(involved(before)), utc(e.At), outsideSentence(f.Sentence))), before, c), true
	case approvals.EventDelayed:
		f, err := record.Detail[record.Failure](e)
		if err != nil || before.Delays > 0 {
			return nil, true // the first delay says it; the end will be told in any case
		}
		return sentence(drillMark + "not rehearsed yet. " + outsideSentence(f.Sentence) + " It is being tried again on its " +
			"own."), true
	default:
		return nil, false
	}
}

// rehearsed tells what would have happened, what was checked, and what was not.
func rehearsed(before approvals.Request, e approvals.Event, c Context) *Message {
	d, err := record.Detail[record.Rehearsed](e)
	if err != nil {
		return sentence(drillMark + "rehearsed. Nothing was written.")
	}
	lines := []string{
		fmt.Sprintf("%sa revocation for %s was rehearsed, and *nothing was written*. Asked for by %s, approved by %s, "+
			"drill %s.",
			drillMark, roleWords(c.Role), Mention(before.Requester), fit(mentions(before.Voters()), 500), code(before.ID, 40)),
		"*What would have happened*",
		"• The " + inline(d.Policy) + " would have been written with the cutoff *" + utc(d.WouldBe) +
			"*: it would have kept out every session issued before that. " +
			"People and programs could have assumed the role again from then on.",
		"*What was checked*",
	}
	for _, check := range drillChecks(d, slackPen) {
		lines = append(lines, "• "+check)
	}
	lines = append(lines, "*What was not checked*")
	for _, gap := range drillGaps(d, slackPen) {
		lines = append(lines, "• "+gap)
	}
	next := "Next: " + code(Command+" "+c.Role.Account+"/"+c.Role.Name, 160) + " is the real one."
	if !d.Clean() {
		next = "Next: put right what is marked above, and drill again."
	}
	return sentence(strings.Join(append(lines, next), "\n"))
}

// pen writes what was checked for one kind of reader: in Slack, or in a report as Markdown.
type pen struct {
	code  func(text string, limit int) string // a text from outside
	prose func(text string) string            // a sentence of package aws
	bold  func(text string) string
}

var slackPen = pen{code, outsideSentence, func(text string) string { return "*" + text + "*" }}

// drillChecks are what was found out.
func drillChecks(d record.Rehearsed, p pen) []string {
	checks := []string{
		"The role is the one on the card, and may be touched: read on " + utc(d.At) + ".",
		drillSessionWords(d, p),
		fmt.Sprintf("The two remote steps took %s: %s to read the role and to open the session, %s for a read in place of "+
			"the write.",
			millis(d.First+d.Second), millis(d.First), millis(d.Second)),
	}
	if d.Size > 0 {
		checks = append(checks, fmt.Sprintf("The policy fits: with it, the role's inline policies have %s of %s characters.",
			thousands(d.Size), quota))
	}
	switch {
	case d.Unavailable != "":
	case d.OnPaper():
		checks = append(checks, "The policy works on paper: the policy simulator says, on "+utc(d.SimulatedAt)+
			", that it keeps out a session issued a second before the cutoff, and not one issued a second after it.")
	default:
		checks = append(checks, p.bold("The policy would not work on paper")+": by the policy simulator, a session issued "+
			"a second before the cutoff is "+paperWords(d.Before)+
			", one issued a second after it is "+paperWords(d.After)+".")
	}
	if d.MayWrite {
		checks = append(checks, "revokebot may write: the policy simulator allows its role `iam:PutRolePolicy` on this role.")
	}
	return checks
}

func drillSessionWords(d record.Rehearsed, p pen) string {
	who := "."
	if d.CallerARN != "" {
		who = ": " + p.code(d.CallerARN, 300) + "."
	}
	switch {
	case !d.Own:
		return p.bold("There is no session of its own") + ": this account is reached with revokebot's own credentials, " +
			"so CloudTrail names nobody" + who
	case d.Unnamed:
		return "The session for this revocation could be opened, " + p.bold("and does not name the people") +
			": AWS refused source identity and tags" + who
	default:
		return "The session for this revocation could be opened and names the requester and everybody who approved" + who
	}
}

// drillGaps are what is not known after it.
func drillGaps(d record.Rehearsed, p pen) []string {
	gaps := []string{"The write itself, and how long IAM takes to enforce it: only a real one shows that."}
	if d.Size == 0 {
		gaps = append(gaps, p.bold("Whether the policy fits")+" into the "+quota+" characters of the role's inline "+
			"policies: "+p.code(d.SizeUnknown, 100)+".")
	}
	if d.Unavailable != "" {
		gaps = append(gaps, p.bold("The policy on paper.")+" "+p.prose(d.Unavailable))
	}
	if !d.MayWrite {
		gaps = append(gaps, p.bold("Whether revokebot may write.")+" "+p.prose(d.MayWriteUnknown))
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

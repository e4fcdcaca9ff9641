package messages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// shownCalls is how many calls the message of a verdict tells.
const shownCalls = 8

// verdict is the last word of the looks: one of three, and what led to it.
func verdict(before approvals.Request, e approvals.Event, c Context) *Message {
	v, err := record.Detail[record.Conclusion](e)
	if err != nil {
		return nil
	}
	if was := record.Known[record.Conclusion](before.Judged); was != nil && was.Word == v.Word {
		return nil // told
	}
	var b strings.Builder
	switch v.Word {
	case record.WordContained:
		b.WriteString("*Contained*, as far as CloudTrail tells on " + UTC(e.At) + ".")
	case record.WordNotContained:
		b.WriteString(mentions(involved(before)) + ": *not contained*.")
	case record.WordSuperseded:
		return sentence("*Superseded.* " + Raw(strings.Join(v.Why, " "), 300))
	default:
		if b.WriteString("*Unknown* whether it is contained: *no activity since the cutoff*."); !v.Silent {
			b.Reset()
			b.WriteString(mentions(involved(before)) + ": *unknown* whether it is contained.")
		}
	}
	if v.Where != "" {
		b.WriteString(" " + Raw(v.Where, 600))
	}
	if !v.Next.IsZero() {
		b.WriteString(" CloudTrail is asked again on " + UTC(v.Next) + ".")
	}
	head := b.String()
	m := &Message{Blocks: []slack.Block{section(head)}}
	text := head
	if reasons := reasonsOf(v); len(reasons) > 0 {
		lines := make([]string, len(reasons))
		for i, why := range reasons {
			lines[i] = "• " + Raw(why, 300)
			text += "\n• " + Code(why, 150)
		}
		m.Blocks = append(m.Blocks, plainLines(strings.Join(lines, "\n")))
	}
	if shown := strings.Join(shownBy(v), "\n"); shown != "" {
		m.Blocks, text = append(m.Blocks, section(shown)), text+"\n"+shown
	}
	if do := fit(strings.Join(toDo(v), "\n"), limitSection); do != "" {
		m.Blocks, text = append(m.Blocks, section(do)), text+"\n"+do
	}
	next := c.Words.Next(v.Word, c.FurtherByHand())
	if v.Silent {
		next = ""
	} else {
		m.Blocks = append(m.Blocks, section(next))
		if v.Word != record.WordContained && c.Offered {
			asking(m, "further", ActionFurther, before.ID, "Ask to "+c.Further.Title, "Ask to "+c.Further.Title+" ", c.Role)
		}
	}
	m.Text = fit(text, limitText-len([]rune(next))-1) + "\n" + next
	return m
}

// shownBy are the calls and sessions that show it, a line each.
func shownBy(v record.Conclusion) (lines []string) {
	for _, c := range v.Calls[:min(len(v.Calls), shownCalls)] {
		lines = append(lines, "• "+callWords(c))
	}
	if left := len(v.Calls) - shownCalls; left > 0 || v.MoreCalls > 0 {
		lines = append(lines, "• and "+english.Count(max(left, 0)+v.MoreCalls, "more call", "more calls"))
	}
	for _, s := range v.Sessions[:min(len(v.Sessions), shownCalls)] {
		of := ""
		if s.Role != "" {
			of = " of the role " + Code(s.Role, 64)
		}
		lines = append(lines, fmt.Sprintf("• %s session %s%s, opened by %s from %s", UTC(s.Time), Code(s.SessionName, 64), of,
			Code(s.Caller, 120), Code(s.SourceAddress, 60)))
	}
	if left := len(v.Sessions) - shownCalls; left > 0 {
		lines = append(lines, "• and "+english.Count(left, "more session", "more sessions"))
	}
	return lines
}

// toDo says what to do about each thing that sessions that stood out have opened, a line each.
func toDo(v record.Conclusion) []string {
	if len(v.Doors)+len(v.Roles) == 0 {
		return nil
	}
	lines := []string{"*What they opened, and what to do about it* unless it is done already:"}
	for _, l := range v.Roles {
		how := "press Ask to revoke at it in the findings above."
		switch {
		case l.Account != "" && l.Loop: // the findings have no button for it
			how = "send " + Code(Command+" "+RoleOf(l), 150) + "."
		case l.Account == "":
			how = "its account " + Code(l.AccountID, 40) + " is not configured here, so do it there."
		}
		lines = append(lines, "• The role "+Code(RoleOf(l), 130)+": sessions of it came out of these and are not seen "+
			"stopped. Revoke them: "+how)
	}
	for _, c := range v.Doors {
		lines = append(lines, "• "+closing(c))
	}
	if v.MoreToDo > 0 {
		lines = append(lines, "• and "+english.Count(v.MoreToDo, "more, in the findings above or in CloudTrail",
			"more, in the findings above or in CloudTrail"))
	}
	return lines
}

// closing says how to close a door. Of a call that made an access key, About ends with its id.
func closing(c record.Call) string {
	about := c.Target
	at := strings.LastIndexByte(about, ' ')
	if key := about[at+1:]; c.Service == "iam" && c.Name == "CreateAccessKey" && strings.HasPrefix(key, "AKIA") {
		of := ""
		if user := strings.TrimPrefix(strings.TrimSpace(about[:max(at, 0)]), "user "); user != "" {
			of = " of the user " + Code(user, 100)
		}
		return "The access key " + Code(key, 40) + of + ", made at " + UTC(c.Time) + ": deactivate it now, and look up in " +
			"CloudTrail what it did."
	}
	text := Code(c.Service+":"+c.Name, 100)
	if about != "" {
		text += " " + Code(about, 150)
	}
	if c.Opens != "" {
		text += ", " + markup.Replace(Clean(c.Opens, 120))
	}
	return text + ", at " + UTC(c.Time) + ": take it back if nobody can say what it is for."
}

// reasonsOf are the reasons that are shown: as many as a section takes.
func reasonsOf(v record.Conclusion) []string {
	if len(v.Why) <= shownCalls {
		return v.Why
	}
	return append(slices.Clone(v.Why[:shownCalls]),
		"and "+english.Count(len(v.Why)-shownCalls, "more reason", "more reasons"))
}

func callWords(c record.Call) string {
	text := fmt.Sprintf("%s %s", UTC(c.Time), Code(c.Service+":"+c.Name, 100))
	if c.Target != "" {
		text += " " + Code(c.Target, 120)
	}
	if c.Session != "" {
		text += " with the key " + Code(KeyEnd(c.Session), 10)
	}
	if c.SourceAddress != "" {
		text += " from " + Code(c.SourceAddress, 60)
	}
	if c.ErrorCode != "" {
		return text + ": " + Code(c.ErrorCode, 60)
	}
	return text + ": answered"
}

// shownCopies is how many sessions with copied keys the sentence with the state names.
const shownCopies = 3

// Copies are the sessions whose keys were used from where they were not opened, newest first.
func Copies(in record.Incident) (found []record.Session) {
	for _, s := range in.Sessions {
		if len(in.Suspects[s.EventID].From) > 0 {
			found = append(found, s)
		}
	}
	return found
}

// copyLines say for the sentence with the state whose keys are in other hands, from where, and
// whether they are still in.
func copyLines(in record.Incident) (lines []string) {
	copied := Copies(in)
	for _, s := range copied[:min(len(copied), shownCopies)] {
		a := in.Activities[s.EventID]
		line := fmt.Sprintf("*Used from another address:* session %s of %s, opened from %s at %s. %s.",
			Code(s.SessionName, 64), Code(s.Caller, 120), Code(s.SourceAddress, 60), UTC(s.Time), usedFrom(a.Elsewhere))
		if still := stillIn(in, s, a); still != "" {
			line += " " + still
		}
		lines = append(lines, line)
	}
	if left := len(copied) - len(lines); left > 0 {
		lines = append(lines, english.Count(left, "more session was", "more sessions were")+" used from another address; "+
			"the findings have them.")
	}
	return lines
}

// usedFrom says from where a copied key was used.
func usedFrom(from []trail.Source) string {
	const shown = 3
	words := make([]string, 0, shown+1)
	for _, s := range from[:min(len(from), shown)] {
		word := fmt.Sprintf("%s (%s, %s to %s", Code(s.Address, 60), english.Count(s.Calls, "call", "calls"), UTC(s.First),
			Clock(s.Last))
		if agent := agentOf(s.UserAgent); agent != "" {
			word += ", " + Code(agent, 60)
		}
		words = append(words, word+")")
	}
	if left := len(from) - len(words); left > 0 {
		words = append(words, english.Count(left, "more address", "more addresses"))
	}
	return "*Its key was used from* " + List(words) + ", so somebody there holds a copy"
}

// agentOf is the first word of a user agent, which names the program.
func agentOf(agent string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(agent), " ")
	return first
}

// alsoFrom says what else came from the addresses at which a copied key was used: the same people
// may hold more.
func alsoFrom(in record.Incident, of record.Session, a record.SessionActivity) string {
	there := map[string]bool{}
	for _, s := range a.Elsewhere {
		there[s.Address] = true
	}
	var words []string
	for _, s := range in.Sessions {
		if !there[s.SourceAddress] || s.EventID == of.EventID || len(words) == 3 {
			continue
		}
		what := "a session of "
		if !s.Issued() {
			what = "a refused attempt to assume this role by "
		}
		words = append(words, what+Code(s.Caller, 80)+" on "+UTC(s.Time))
	}
	if len(words) == 0 {
		return ""
	}
	return "*From the same address:* " + List(words) + "."
}

// stillIn says whether a session of before the cutoff is kept out, and no more than was seen.
func stillIn(in record.Incident, s record.Session, a record.SessionActivity) string {
	answered := ""
	if !a.LastOK.IsZero() {
		answered = " Its last answered call was on " + UTC(a.LastOK) + "."
	}
	switch {
	case s.After || in.Cutoff.IsZero():
		return ""
	case in.Undone:
		return "*Not kept out:* the deny was taken away by another request."
	case !s.Expires.IsZero() && !s.Expires.After(in.Cutoff):
		return "*It had ended* by itself on " + UTC(s.Expires) + "."
	case !a.LastOK.Before(in.Cutoff) && a.LastOK.After(a.Refused):
		return "*Still in, as far as is known:* a call was answered after the cutoff, on " + UTC(a.LastOK) +
			", and none was refused since."
	case !a.Refused.IsZero() && !a.Refused.Before(in.Cutoff):
		return "*Seen denied* by an explicit deny since " + UTC(a.Refused) + "." + answered
	default:
		return "*Not known whether it is still in:* no call after the cutoff is known that tells." + answered
	}
}

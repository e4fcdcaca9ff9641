package messages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// shownCalls is how many calls the message of a verdict tells.
const shownCalls = 8

// verdict is the last word of the looks: one of three, and what led to it.
func verdict(before approvals.Request, e approvals.Event, _ Context) *Message {
	v, err := record.Detail[record.Conclusion](e)
	if err != nil {
		return nil
	}
	var b strings.Builder
	switch v.Word {
	case record.WordContained:
		b.WriteString("*Contained*, as far as CloudTrail tells on " + utc(e.At) + ".")
	case record.WordNotContained:
		b.WriteString(mentions(involved(before)) + ": *not contained*.")
	default:
		b.WriteString(mentions(involved(before)) + ": *unknown* whether it is contained.")
	}
	head := b.String()
	m := &Message{Blocks: []slack.Block{section(head)}}
	text := head
	if reasons := reasonsOf(v); len(reasons) > 0 {
		lines := make([]string, len(reasons))
		for i, why := range reasons {
			lines[i] = "• " + raw(why, 300)
			text += "\n• " + code(why, 150)
		}
		m.Blocks = append(m.Blocks, plainLines(strings.Join(lines, "\n")))
	}
	if shown := strings.Join(shownBy(v), "\n"); shown != "" {
		m.Blocks, text = append(m.Blocks, section(shown)), text+"\n"+shown
	}
	if do := fit(strings.Join(toDo(v), "\n"), limitSection); do != "" {
		m.Blocks, text = append(m.Blocks, section(do)), text+"\n"+do
	}
	next := nextRung(v.Word)
	m.Blocks = append(m.Blocks, section(next))
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
			of = " of the role " + code(s.Role, 64)
		}
		lines = append(lines, fmt.Sprintf("• %s session %s%s, opened by %s from %s", utc(s.Time), code(s.SessionName, 64), of,
			code(s.Caller, 120), code(s.SourceAddress, 60)))
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
			how = "send " + code(Command+" "+roleOf(l), 150) + "."
		case l.Account == "":
			how = "its account " + code(l.AccountID, 40) + " is not configured here, so do it there."
		}
		lines = append(lines, "• The role "+code(roleOf(l), 130)+": sessions of it came out of these and are not seen "+
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
			of = " of the user " + code(user, 100)
		}
		return "The access key " + code(key, 40) + of + ", made at " + utc(c.Time) + ": deactivate it now, and look up in " +
			"CloudTrail what it did."
	}
	text := code(c.Service+":"+c.Name, 100)
	if about != "" {
		text += " " + code(about, 150)
	}
	if c.Opens != "" {
		text += ", " + markup.Replace(clean(c.Opens, 120))
	}
	return text + ", at " + utc(c.Time) + ": take it back if nobody can say what it is for."
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
	text := fmt.Sprintf("%s %s", utc(c.Time), code(c.Service+":"+c.Name, 100))
	if c.Target != "" {
		text += " " + code(c.Target, 120)
	}
	if c.Session != "" {
		text += " with the key " + code(keyEnd(c.Session), 10)
	}
	if c.SourceAddress != "" {
		text += " from " + code(c.SourceAddress, 60)
	}
	if c.ErrorCode != "" {
		return text + ": " + code(c.ErrorCode, 60)
	}
	return text + ": answered"
}

// nextRung says what to do, the mildest step that helps first.
func nextRung(w record.Word) string {
	switch w {
	case record.WordContained:
		return "Nothing is to be done about these sessions. What they opened before the deny (keys, users, " +
			"other roles) is in the findings above: close that too. CloudTrail's data events and other logs can hold more."
	case record.WordNotContained:
		return "*Next:* where the findings above have roles that these sessions went on to, ask to revoke those by their " +
			"buttons. Stop new sessions by taking the caller out of the role's trust policy; if calls still get through, " +
			"lock the role by attaching the managed policy `AWSDenyAll`; " +
			"if somebody in the account undoes that, deny the role in a service control policy from the organisation's " +
			"management account. Then revoke the sessions again. What the sessions opened (keys, users) is in the findings " +
			"above: close that too."
	default:
		return "*Next:* where the findings above have roles that these sessions went on to, ask to revoke those by their " +
			"buttons. Look at CloudTrail yourself for the keys in the list above. If the risk is too great to wait, " +
			"stop new sessions by the role's trust policy, or lock the role with the managed policy `AWSDenyAll`. " +
			"What the sessions opened (keys, users) is in the findings above: close that too."
	}
}

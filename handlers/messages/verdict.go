package messages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// shownReasons is how many reasons the message of a verdict shows.
const shownReasons = 3

// verdict adds the word of the checks. One that says the same again edits the message, one that
// changes it is a message of its own.
func (v *view) verdict(i int, e approvals.Event) {
	c := record.Known[record.Conclusion](e)
	if c == nil || Repeats(v.events[:i+1]) {
		return
	}
	for _, later := range v.events[i+1:] {
		if next := record.Known[record.Conclusion](later); later.Type == approvals.EventVerdict && next != nil {
			if next.Word != c.Word {
				break
			}
			c = next
		}
	}
	v.post(fmt.Sprint("verdict ", e.Seq), e, v.word(*c))
}

// Repeats reports whether the last of events is a verdict that says the same as the one before it.
func Repeats(events []approvals.Event) bool {
	last := len(events) - 1
	c := record.Known[record.Conclusion](events[last])
	for _, e := range slices.Backward(events[:last]) {
		if was := record.Known[record.Conclusion](e); e.Type == approvals.EventVerdict && was != nil {
			return c != nil && c.Word == was.Word
		}
	}
	return false
}

func (v *view) word(c record.Conclusion) *Message {
	head, who, left := "", v.involved(), v.stillOpen()
	switch {
	case c.Word == record.WordSuperseded:
		return sentence("*Superseded.* " + markup.Replace(Clean(strings.Join(c.Why, " "), 300)))
	case c.Word == record.WordContained:
		if head = "*Contained*, as far as CloudTrail shows."; v.wayBack() {
			head = who + head
		}
	case c.Word == record.WordNotContained:
		head = who + "*Not contained.*"
	case quiet(c):
		head = "*No activity since the " + v.c.Words.Mark + "*, so it is not known whether old sessions are blocked."
	default:
		head = who + "*Unknown* whether it is contained."
	}
	more := markup.Replace(Clean(c.Where, 600))
	if !c.Next.IsZero() {
		more += " CloudTrail is checked again at " + v.At(c.Next) + "."
	}
	head += left // on the first line: a locked phone shows no more
	if more = strings.TrimSpace(more); more != "" {
		head += "\n" + more
	}
	m, text := &Message{Blocks: []slack.Block{section(head)}}, head
	why := c.Why[:min(len(c.Why), shownReasons)]
	if left := len(c.Why) - len(why); left > 0 {
		why = append(slices.Clone(why), "and "+english.Count(left, "more reason", "more reasons")+", in the report")
	}
	if len(why) > 0 && !quiet(c) {
		lines := make([]string, len(why))
		for i, reason := range why {
			lines[i] = "• " + Raw(reason, 300)
			text += "\n• " + Code(reason, 300)
		}
		m.Blocks = append(m.Blocks, plainLines(strings.Join(lines, "\n")))
	}
	var lines, ours []string
	for _, call := range c.Calls[:min(len(c.Calls), 1)] { // the report has all, and the sessions
		lines = append(lines, "• "+v.At(call.Time)+" "+v.Call(call))
	}
	for _, s := range v.in.Vouched {
		ours = append(ours, Code(s.Caller, 80)+" ("+Mention(s.By)+" at "+v.At(s.At)+")")
	}
	if slices.Sort(ours); len(ours) > 0 {
		lines = append(lines, "*Called ours:* "+List(ours[:min(len(ours), shownItems)])+".")
	}
	offer := v.c.Offer(c, v.in)
	if offer != nil {
		lines = append(lines, "*Next:* "+offer.Name+": "+offer.Why+".")
	} else if next := v.c.Words.Next(c.Word, v.c.FurtherByHand()); next != "" && !quiet(c) {
		lines = append(lines, "*Next:* "+next)
	}
	if weak := v.harden(c); weak != "" {
		lines = append(lines, weak)
	}
	if len(lines) > 0 {
		what := fit(strings.Join(lines, "\n"), limitSection)
		m.Blocks, text = append(m.Blocks, section(what)), text+"\n"+what
	}
	m.Text = fit(text, limitText)
	if c.Word == record.WordNotContained && v.c.Role.Kind != contain.User && !v.in.Undone {
		defer func() { m.row("plan", v.button(ActionPlan, "Plan to recreate", "Plan to recreate ")) }()
	}
	if offer != nil {
		ask := "Ask to " + strings.TrimSuffix(offer.Words.Ask, " of")
		m.row("further", threadButton(ActionFurther, ValueOf(v.r.ID, offer.Name), ask,
			ask+" "+Raw(v.c.Role.Name, limitRoleName)))
	}
	return m
}

// shortCommand is how long a command may be that the verdict shows. The report has all.
const shortCommand = 120

// harden lists what the role's own documents let an attacker do.
func (v *view) harden(c record.Conclusion) string {
	if len(c.Harden) == 0 {
		return ""
	}
	text, long := "*Harden:*", false
	for _, w := range c.Harden[:min(len(c.Harden), shownReasons)] {
		if text += " " + v.Prose(w.What); len(w.Command) <= shortCommand {
			text += ": " + Code(w.Command, shortCommand)
		} else {
			long = true
		}
		text += "."
	}
	if long || len(c.Harden) > shownReasons {
		text += " The report has the commands."
	}
	return text
}

// wayBack reports whether something is open by which an attacker may act: more than what was read.
func (v *view) wayBack() bool {
	return slices.ContainsFunc(v.Items(v.in, v.c.Role), func(i Item) bool {
		return i.Done == "" && i.kind() != "secret" && i.kind() != "session"
	})
}

// stillOpen names what is left of Act now.
func (v *view) stillOpen() string {
	var open []string
	for _, i := range v.Items(v.in, v.c.Role) {
		if i.Done == "" {
			open = append(open, i.Short)
		}
	}
	if len(open) == 0 {
		return ""
	}
	if left := len(open) - shownItems; left > 0 {
		open = append(open[:shownItems:shownItems], fmt.Sprintf("%d more", left))
	}
	return " *Still open:* " + List(open) + ". Act now in the thread has the buttons and commands."
}

// quiet reports whether it is unknown for no other reason than that no old session was used.
func quiet(c record.Conclusion) bool {
	return c.Silent && len(c.Persistence)+len(c.Roles) == 0
}

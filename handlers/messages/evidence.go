package messages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/english"
)

// evidence tells what CloudTrail shows: at most three bullets, what the answer is worth, and the
// table of the sessions that matter most.
func (v *view) evidence() *Message {
	in := v.in
	switch {
	case in.Looks == 0 && in.Failed != "":
		return sentence("*CloudTrail could not be read*, so it is not known who used this " + v.Noun + ". " +
			v.Prose(in.Failed))
	case in.Looks == 0:
		return sentence(v.checking())
	}
	head, worth := fit("*CloudTrail*\n• "+strings.Join(v.Findings(in), "\n• "), limitSection), v.coverage()
	m := &Message{Text: head + "\n" + worth, Blocks: []slack.Block{section(head), contextLine(worth)}}
	if len(in.Sessions) > 0 {
		m.Text, m.Blocks = m.Text+"\n"+tableLines(in), append(m.Blocks, table(in))
	}
	m.Text = fit(m.Text, limitText)
	return m
}

// checking tells the progress of the first check.
func (v *view) checking() string {
	if l := v.in.Looking; l != nil && l.All > 0 {
		return fmt.Sprintf("Checking CloudTrail: %d of %s done …", l.Done, english.Count(l.All, "region", "regions"))
	}
	return "Checking CloudTrail …"
}

// Copies are the sessions whose keys were used from where they were not opened: those that may have
// access first, and the newest first.
func Copies(in record.Incident) (found []record.Session) {
	for _, s := range in.Sessions {
		if len(in.Suspects[s.EventID].From) > 0 {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b record.Session) int {
		return strings.Compare(settled(in, a), settled(in, b))
	})
	return found
}

// Findings are at most three sentences: stolen sessions, unusual ones, and new callers. Honest
// sessions that come back are no news.
func (p Pen) Findings(in record.Incident) (lines []string) {
	copied := Copies(in)
	if len(copied) > 0 {
		s := copied[0]
		a := in.Activities[s.EventID]
		line := p.Bold("Stolen:") + " " + p.Session(s) + " was also " + p.UsedFrom(a.Elsewhere) + ". " + upper(p.State(in, s))
		if !a.LastOK.IsZero() && a.LastOK.Before(a.Refused) {
			line += "; last successful call at " + p.At(a.LastOK)
		}
		lines = append(lines, line+"."+more(len(copied)-1, "session was", "sessions were", "used from another address"))
	}
	var unusual, fresh []record.Session
	for _, s := range in.Sessions {
		why, suspect := in.Suspects[s.EventID]
		switch {
		case suspect && s.Issued() && !s.After && len(why.From) == 0:
			unusual = append(unusual, s)
		case s.Issued() && s.After && !in.Known(s):
			fresh = append(fresh, s)
		}
	}
	if len(unusual) > 0 {
		s, what := unusual[0], "First seen in this window:"
		if i := slices.IndexFunc(unusual, func(s record.Session) bool { return in.Suspects[s.EventID].Leaked }); i >= 0 {
			s, what = unusual[i], "Leaked:"
		}
		line := p.Bold(what) + " " + p.Session(s)
		if a, looked := in.Activities[s.EventID]; looked {
			line += ", " + p.Calls(a.Calls, a.Denied, nil, 0)
		}
		lines = append(lines, line+". "+upper(p.State(in, s))+"."+
			more(len(unusual)-1, "session is", "sessions are", "unusual"))
	}
	if len(fresh) > 0 {
		s := fresh[0]
		lines = append(lines, p.Bold("New since the "+in.Mark+":")+" "+p.Session(s)+", a caller "+in.FirstSeen(s)+"."+
			more(len(fresh)-1, "session has", "sessions have", "such a caller"))
	}
	t := TallyOf(in)
	switch {
	case len(lines) > 0:
	case t.Issued == 0:
		lines = append(lines, "No session of this role was found in the last "+Span(in.Until.Sub(in.Since))+
			". CloudTrail is minutes late, so this is no proof that there was none.")
	default:
		lines = append(lines, fmt.Sprintf("%s from %s in the last %s, none unusual so far.",
			english.Count(t.Issued, "session", "sessions"), english.Count(t.Callers, "caller", "callers"),
			Span(in.Until.Sub(in.Since))))
	}
	return lines
}

// more is a further sentence about n more of something; nothing for none.
func more(n int, one, many, what string) string {
	if n <= 0 {
		return ""
	}
	return " " + english.Count(n, "more "+one, "more "+many) + " " + what + "."
}

// coverage says what the answer is worth.
func (v *view) coverage() string {
	in, t := v.in, TallyOf(v.in)
	var covered, missing, partly []string
	for _, r := range in.Regions {
		switch word := Code(r.Region, 40); {
		case !r.Covered && r.Reason != "":
			missing = append(missing, word+" ("+markup.Replace(Clean(r.Reason, 150))+")")
		case !r.Covered:
			missing = append(missing, word)
		case r.Truncated:
			partly = append(partly, word)
		default:
			covered = append(covered, word)
		}
	}
	words := []string{fmt.Sprintf("%s, %d since the %s", english.Count(t.Issued, "session", "sessions"), t.After, in.Mark)}
	if t.Refused > 0 {
		words = append(words, english.Count(t.Refused, "attempt", "attempts")+" rejected")
	}
	if left := len(in.Sessions) - maxRows; left > 0 {
		words = append(words, fmt.Sprintf("%d more in the list (Files)", left))
	}
	if in.LeftOut > 0 {
		words = append(words, fmt.Sprintf("%d more not kept", in.LeftOut))
	}
	if len(missing) > 0 {
		words = append(words, "*Not covered:* "+List(missing))
	}
	if len(partly) > 0 {
		words = append(words, "newest events only: "+List(partly))
	}
	if len(covered) > 0 {
		words = append(words, "Regions: "+List(covered))
	}
	asOf := "As of " + v.At(in.Until) + ", minutes late"
	switch {
	case in.Drill:
		asOf += ". A drill checks once"
	case in.Last:
		asOf += ". Last check"
	default:
		asOf += ". Checked again automatically"
	}
	if words = append(words, asOf); in.Failed != "" {
		words = append(words, "*The latest check failed.* "+v.Prose(in.Failed))
	}
	for _, e := range slices.Backward(v.events) {
		if a := record.Known[record.Activity](e); e.Type == approvals.EventActivity && a != nil && a.Chosen == "" {
			switch {
			case a.Failed != "":
				words = append(words, "*What the sessions did is not known.* "+v.Prose(a.Failed))
			case a.Partly != "":
				words = append(words, v.Prose(a.Partly))
			}
			break
		}
	}
	return fit(strings.Join(words, " · "), 2900)
}

// maxRows is the most sessions the table shows: what follows must not be out of sight. Slack
// allows 100 rows and 10,000 characters in all (Slack documentation, "Table block").
const maxRows = 10

var tableTitles = []string{"Time (UTC)", "What", "Who", "From", "State now", "User agent"}

// tableCells is a row of the table.
func tableCells(in record.Incident, s record.Session) []string {
	what, agents := Pen{Code: Raw}.What(s.SessionName), []string{agent(s.UserAgent)}
	if !s.Issued() {
		what = "attempt " + Raw(s.SessionName, 64)
	}
	a := in.Activities[s.EventID]
	if names := Notable(a); len(names) > 0 {
		what += ": " + Raw(strings.Join(names, ", "), 100)
	}
	for _, from := range a.Elsewhere {
		if name := agent(from.UserAgent); name != agents[0] && len(agents) == 1 {
			agents = append(agents, name)
		}
	}
	return []string{
		strings.TrimSuffix(Clock(s.Time, in.Until), " UTC"), what, Raw(s.Caller, 80), Raw(s.SourceAddress, 60),
		StateNow(in, s, slackPen(in.Until, record.Role{}).At), Raw(strings.Join(agents, ", also "), 100),
	}
}

// agent is the first word of a user agent: the program and its version.
func agent(whole string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(whole), " ")
	return Raw(first, 40)
}

// Notable are the names of the calls of a session that matter by themselves, each once.
func Notable(a record.SessionActivity) (names []string) {
	for _, c := range a.Persistence {
		name := c.Name
		if c.ErrorCode != "" {
			name += " (rejected)"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// StateNow is the state of a session in the table, the list and the picture alike, for plain text.
func StateNow(in record.Incident, s record.Session, at func(time.Time) string) string {
	cell := Pen{Code: Raw, Prose: func(text string) string { return Raw(text, 100) }, At: at}
	state, why := cell.State(in, s), in.Suspects[s.EventID]
	if len(why.From) > 0 {
		state = "used from " + Raw(why.From[0], 60) + ", " + state
	}
	if why.Leaked {
		state = "leaked, " + state
	}
	if s.Derived {
		state += ", opened by a session"
	}
	return state
}

// shownSessions are the sessions for which a table has room: those that are unusual and those since
// the cutoff before others, and all of them newest first.
func shownSessions(in record.Incident) []record.Session {
	weight := func(s record.Session) int {
		why, suspect := in.Suspects[s.EventID]
		switch {
		case suspect && (why.Leaked || len(why.From) > 0):
			return 3
		case suspect || s.After:
			return 2
		default:
			return 1
		}
	}
	first := slices.Clone(in.Sessions)
	slices.SortStableFunc(first, func(a, b record.Session) int { return cmp.Compare(weight(b), weight(a)) })
	first = first[:min(len(first), maxRows)]
	slices.SortStableFunc(first, func(a, b record.Session) int { return b.Time.Compare(a.Time) })
	return first
}

// table stands in a message without buttons: Slack repeats a clicked message in the click, and not
// every client knows tables.
func table(in record.Incident) slack.Block {
	settings := slices.Repeat([]slack.ColumnSetting{{Align: slack.ColumnAlignmentLeft, IsWrapped: true}}, len(tableTitles))
	t := slack.NewTableBlock("sessions").WithColumnSettings(settings...)
	row := func(texts []string) {
		cells := make([]slack.TableCell, len(texts))
		for i, text := range texts {
			cells[i] = slack.NewTableRawTextCell(text)
		}
		t.AddRow(cells...)
	}
	row(tableTitles)
	for _, s := range shownSessions(in) {
		row(tableCells(in, s))
	}
	return t
}

// tableLines is the same for the fallback, and for a workspace that refuses the block.
func tableLines(in record.Incident) string {
	lines := make([]string, 0, maxRows)
	for _, s := range shownSessions(in) {
		c := tableCells(in, s)
		lines = append(lines, "• "+c[0]+" "+Code(c[1], 180)+" of "+Code(c[2], 80)+" from "+Code(c[3], 60)+" with "+
			Code(c[5], 100)+": "+Code(c[4], 150))
	}
	return strings.Join(lines, "\n")
}

// Tally counts an incident's sessions.
type Tally struct{ Issued, Before, After, Callers, Refused int }

// TallyOf counts the sessions of an incident.
func TallyOf(in record.Incident) Tally {
	var t Tally
	callers := map[string]bool{}
	for _, s := range in.Sessions {
		switch {
		case !s.Issued():
			t.Refused++
			continue
		case s.After:
			t.After++
		default:
			t.Before++
		}
		t.Issued, callers[s.CallerIdentity()] = t.Issued+1, true
	}
	t.Callers = len(callers)
	return t
}

// The menu from which a session is chosen. The value of each choice is the request's id and the
// mark of the session.
const ActionSession = "revokebot_session"

// ValueOf joins a request's id and a mark; PartsOf takes them apart again.
func ValueOf(request, mark string) string { return request + "/" + mark }

// PartsOf is the reverse of ValueOf; a value without a mark is a request's id.
func PartsOf(value string) (request, mark string) {
	request, mark, _ = strings.Cut(value, "/")
	return request, mark
}

// sessionMenu offers the sessions whose calls can be looked up; nil when there are none.
func (v *view) sessionMenu() slack.Block {
	const most = 100 // options that Slack allows in a menu (Slack documentation, "Select menu element")
	var options []*slack.OptionBlockObject
	for _, s := range v.in.Sessions {
		if !s.Issued() || s.AccessKeyID == "" || len(options) == most {
			continue
		}
		label := s.Time.UTC().Format("15:04:05") + " " + Raw(s.SessionName, 30) + " from " + Raw(s.SourceAddress, 20)
		options = append(options, slack.NewOptionBlockObject(ValueOf(v.r.ID, s.Mark()), plainText(cut(label, 75)), nil))
	}
	if len(options) == 0 {
		return nil
	}
	menu := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plainText("Choose a session"), ActionSession,
		options...)
	block := slack.NewSectionBlock(mrkdwn("What did a session do?"), nil, slack.NewAccessory(menu))
	block.BlockID = "choose"
	return block
}

// chosen tells what the session did that a member chose from the menu.
func (v *view) chosen(a record.Activity) *Message {
	text := Mention(a.Asked) + " "
	switch {
	case a.Failed != "":
		return sentence(text + "What the session did is not known. " + v.Prose(a.Failed) + " Choose it again to retry.")
	case len(a.Sessions) == 0 || a.Session == nil:
		return nil
	}
	did, s := a.Sessions[0], *a.Session
	text += upper(v.Session(s)) + ": " + v.Calls(did.Calls, did.Denied, did.Services, did.Others)
	if len(did.Elsewhere) > 0 {
		text += ", " + v.UsedFrom(did.Elsewhere)
	}
	text += ". " + upper(v.State(v.in, s)) + "."
	for _, c := range did.Persistence {
		text += "\n• " + v.At(c.Time) + " " + v.Call(c)
	}
	for _, l := range a.Chain {
		text += "\n• assumed " + Code(RoleOf(l), 130) + ", " + english.Count(l.Sessions, "session", "sessions")
	}
	if a.Partly != "" {
		text += "\n" + v.Prose(a.Partly)
	}
	return sentence(text)
}

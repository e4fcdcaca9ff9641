package messages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/handlers/record"
)

// MaxRows is the most sessions a table shows, so that what follows it in the thread is not out of
// sight: Slack allows 100 rows, the header included, and 10,000 characters in all (Slack
// documentation, "Table block").
const MaxRows = 20

// tableBudget keeps a table well below Slack's 10,000 characters.
const tableBudget = 8500

// column is one column of the table.
type column struct {
	title string
	wrap  bool
	cell  func(in record.Incident, s record.Session) string
}

// tableColumns are the columns that the incident needs: those that say nothing about any session
// are left out, so that a phone shows the others.
func tableColumns(in record.Incident) []column {
	columns := []column{
		{
			"Time (UTC)", true, func(_ record.Incident, s record.Session) string {
				return s.Time.UTC().Format("2006-01-02 15:04:05")
			},
		},
		{"Who", true, func(_ record.Incident, s record.Session) string { return Raw(s.Caller, 120) }},
		{"Cutoff", true, outcomeCell},
		{"Session name", true, func(_ record.Incident, s record.Session) string { return Raw(s.SessionName, 64) }},
		{"Source address", false, func(_ record.Incident, s record.Session) string { return Raw(s.SourceAddress, 60) }},
		{"Region", false, func(_ record.Incident, s record.Session) string { return Raw(s.Region, 30) }},
		{"Key", false, func(_ record.Incident, s record.Session) string { return Raw(KeyEnd(s.AccessKeyID), 10) }},
	}
	var mfa, identity bool
	for _, s := range in.Sessions {
		mfa, identity = mfa || s.MFA != "", identity || s.SourceIdentity != ""
	}
	if identity {
		columns = append(columns, column{
			"Source identity", true, func(_ record.Incident, s record.Session) string { return Raw(s.SourceIdentity, 64) },
		})
	}
	if mfa {
		columns = append(columns, column{
			"MFA", false, func(_ record.Incident, s record.Session) string { return Raw(string(s.MFA), 20) },
		})
	}
	return columns
}

// outcomeCell says on which side of the cutoff a session is, or what the attempt got, and what is
// special about it.
func outcomeCell(in record.Incident, s record.Session) string {
	var words string
	switch {
	case !s.Issued() && s.Uncertain:
		words = "refused, role not named"
	case !s.Issued():
		words = "refused: " + Raw(s.ErrorCode, 40)
	case s.After && in.Known(s):
		words = "after, known caller"
	case s.After:
		words = "after, new caller"
	default:
		words = "before"
	}
	if s.Derived {
		words += ", made by a session"
	}
	if why := SuspectWords(in.Suspects[s.EventID]); why != "" {
		words += ", " + why
	}
	return words
}

// SuspectWords says why a session is looked into by itself. They hold foreign text: for cells and
// lists, not for markup.
func SuspectWords(s record.Suspect) string {
	switch seldom := SeldomWords(s); {
	case len(s.From) == 0:
		return seldom
	case seldom == "":
		return "used from " + Raw(s.From[0], 60)
	default:
		return "used from " + Raw(s.From[0], 60) + ", " + seldom
	}
}

// SeldomWords says what of the session is first seen in the window.
func SeldomWords(s record.Suspect) string {
	switch {
	case s.Address && s.Caller:
		return "caller and address first seen in this window"
	case s.Address:
		return "address first seen in this window"
	case s.Caller:
		return "caller first seen in this window"
	default:
		return ""
	}
}

// Table shows the sessions, newest first, as many as Slack takes; nil when there are none. It
// stands in a message without buttons.
func Table(in record.Incident) *Message {
	if len(in.Sessions) == 0 {
		return nil
	}
	columns := tableColumns(in)
	settings := make([]slack.ColumnSetting, len(columns))
	titles := make([]string, len(columns))
	for i, c := range columns {
		settings[i] = slack.ColumnSetting{Align: slack.ColumnAlignmentLeft, IsWrapped: c.wrap}
		titles[i] = c.title
	}
	t := slack.NewTableBlock("sessions").WithColumnSettings(settings...)
	row := func(texts []string) (used int) {
		cells := make([]slack.TableCell, len(texts))
		for i, text := range texts {
			cells[i] = slack.NewTableRawTextCell(text)
			used += len([]rune(text))
		}
		t.AddRow(cells...)
		return used
	}
	used, shown := row(titles), 0
	for _, cells := range tableRows(in, columns) {
		size := 0
		for _, text := range cells {
			size += len([]rune(text))
		}
		if used+size > tableBudget {
			break
		}
		used += row(cells)
		shown++
	}
	note := tableNote(in, shown)
	text := fit(note+"\n"+tableLines(in, 8), limitText)
	return &Message{Text: text, Blocks: []slack.Block{section(note), t}, Simpler: tableAsText(in)}
}

// tableRows are the cells of the sessions that are shown.
func tableRows(in record.Incident, columns []column) [][]string {
	var rows [][]string
	for _, s := range shownSessions(in) {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = c.cell(in, s)
		}
		rows = append(rows, cells)
	}
	return rows
}

// shownSessions are the sessions for which a table has room: those that stand out and those since
// the cutoff before others, and all of them newest first.
func shownSessions(in record.Incident) []record.Session {
	weight := func(s record.Session) int {
		why, suspect := in.Suspects[s.EventID]
		switch {
		case suspect && len(why.From) > 0:
			return 3
		case suspect || s.After:
			return 2
		default:
			return 1
		}
	}
	first := slices.Clone(in.Sessions)
	slices.SortStableFunc(first, func(a, b record.Session) int { return cmp.Compare(weight(b), weight(a)) })
	first = first[:min(len(first), MaxRows)]
	slices.SortStableFunc(first, func(a, b record.Session) int { return b.Time.Compare(a.Time) })
	return first
}

// tableNote stands above the table.
func tableNote(in record.Incident, shown int) string {
	note := "*Sessions of the role*, newest first; \"before\" and \"after\" are about the cutoff " + UTC(in.Cutoff) + "."
	if in.Drill {
		note = "*Sessions of the role*, newest first; \"before\" and \"after\" are about " + UTC(in.Cutoff) +
			", the cutoff that a revocation would have had."
	}
	if left := len(in.Sessions) - shown; left > 0 && in.Drill {
		note += fmt.Sprintf(" %d are shown, those that stand out and the newest, of %d.", shown, len(in.Sessions))
	} else if left > 0 {
		note += fmt.Sprintf(" %d are shown, those that stand out and the newest; %d more are in the list below.", shown, left)
	}
	return note
}

// tableAsText is the same in preformatted text, for a workspace that refuses the block.
func tableAsText(in record.Incident) *Message {
	columns := tableColumns(in)
	all := tableRows(in, columns)
	const most = 2600 // of a section's 3,000 characters, before & < > are escaped
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = len([]rune(c.title))
		for _, cells := range all {
			cells[i] = cut(strings.ReplaceAll(cells[i], "`", "'"), 32)
			widths[i] = max(widths[i], len([]rune(cells[i])))
		}
	}
	line := func(cells []string) string {
		var b strings.Builder
		for i, text := range cells {
			b.WriteString(text + strings.Repeat(" ", widths[i]-len([]rune(text))+2))
		}
		return markup.Replace(strings.TrimRight(b.String(), " "))
	}
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.title
	}
	text, shown := line(titles), 0
	for _, cells := range all {
		next := line(cells)
		if len([]rune(text))+len([]rune(next)) > most {
			break
		}
		text, shown = text+"\n"+next, shown+1
	}
	note := tableNote(in, shown)
	return &Message{
		Text:   fit(note+"\n"+tableLines(in, 8), limitText),
		Blocks: []slack.Block{section(note), section("```" + text + "```")},
	}
}

// tableLines is the table as lines of text.
func tableLines(in record.Incident, most int) string {
	var b strings.Builder
	for i, s := range shownSessions(in) {
		if i == most {
			fmt.Fprintf(&b, "\nand %d more", len(in.Sessions)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "• %s, %s, session %s, from %s, %s, %s", s.Time.UTC().Format("2006-01-02 15:04:05"),
			Code(s.Caller, 80), Code(s.SessionName, 64),
			Code(s.SourceAddress, 60), Code(s.Region, 30), Code(outcomeCell(in, s), 80))
	}
	return b.String()
}

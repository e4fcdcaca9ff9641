package messages

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
)

// MaxRows is the most sessions a table shows: Slack allows 100 rows, the header included, and 10,000 characters in all
// (Slack documentation, "Table block").
const MaxRows = 60

// tableBudget keeps a table well below Slack's 10,000 characters.
const tableBudget = 8500

// evidence tells what CloudTrail answered: one sentence, the table, and what the answer is worth.
func evidence(e approvals.Event, _ Context) *Message {
	v, err := detail[Evidence](e)
	if err != nil {
		return nil
	}
	if v.Failed != "" {
		return sentence("*CloudTrail could not be asked* on " + utc(e.At) + ", so nothing is known about who used this role. " + markup.Replace(clean(v.Failed, 1200)))
	}
	head := evidenceHead(v)
	coverage := evidenceCoverage(v)
	m := &Message{Blocks: []slack.Block{section(head)}}
	text := head
	if len(v.Rows) > 0 {
		table, shown := sessionTable(v)
		m.Blocks = append(m.Blocks, table)
		if left := len(v.Rows) - shown + len(v.Others); left > 0 {
			coverage = fmt.Sprintf("%d older sessions are not shown here. ", left) + coverage
		}
		text += "\n" + sessionLines(v, 5)
	}
	m.Blocks = append(m.Blocks, contextLine(coverage))
	m.Text = fit(text+"\n"+coverage, limitText)
	return m
}

// EvidenceAsText is the same without a table, for a workspace that refuses it.
func EvidenceAsText(e approvals.Event) *Message {
	v, err := detail[Evidence](e)
	if err != nil || v.Failed != "" {
		return nil
	}
	return sentence(evidenceHead(v) + "\n" + sessionLines(v, 12) + "\n" + evidenceCoverage(v))
}

func evidenceHead(v Evidence) string {
	issued := v.Before + v.After
	window := fmt.Sprintf("between %s and %s", utc(v.Since), utc(v.Until))
	refused := ""
	if v.Refused > 0 {
		refused = " " + count(v.Refused, "attempt", "attempts") + " to assume it issued nothing."
	}
	switch {
	case v.FollowUp > 0 && len(v.Rows) == 0:
		return "*CloudTrail, last look.* No further sessions of this role showed up in the events " + window + "."
	case v.FollowUp > 0:
		return fmt.Sprintf("*CloudTrail, looked again.* %s that the earlier look did not show: %d issued before the cutoff, %d at or after it.%s",
			count(issued, "session", "sessions"), v.Before, v.After, refused)
	case issued == 0:
		return "*CloudTrail shows no sessions* of this role issued " + window + ". That is not the same as none: it is minutes late." + refused
	default:
		return fmt.Sprintf("*CloudTrail shows %s* of this role issued %s: %d before the cutoff, %d at or after it. Newest first.%s",
			count(issued, "session", "sessions"), window, v.Before, v.After, refused)
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func evidenceCoverage(v Evidence) string {
	var covered, missing, partly []string
	for _, r := range v.Regions {
		switch {
		case !r.Covered:
			word := code(r.Name, 40)
			if r.Reason != "" {
				word += " (" + markup.Replace(clean(r.Reason, 150)) + ")"
			}
			missing = append(missing, word)
		case r.Truncated:
			partly = append(partly, code(r.Name, 40))
		default:
			covered = append(covered, code(r.Name, 40))
		}
	}
	var b strings.Builder
	if len(covered) > 0 {
		b.WriteString("Regions asked: " + list(covered) + ". ")
	}
	if len(partly) > 0 {
		b.WriteString("Only the newest events were read in " + list(partly) + ". ")
	}
	if len(missing) > 0 {
		b.WriteString("*Not covered:* " + list(missing) + ". ")
	}
	b.WriteString("Asked for AssumeRole, AssumeRoleWithSAML and AssumeRoleWithWebIdentity by role ARN; CloudTrail is minutes late, so the newest sessions may be missing.")
	return fit(b.String(), 2900)
}

// sessionTable shows as many sessions as the budget of characters allows, the newest.
func sessionTable(v Evidence) (*slack.TableBlock, int) {
	left := slack.ColumnSetting{Align: slack.ColumnAlignmentLeft}
	wrapped := slack.ColumnSetting{Align: slack.ColumnAlignmentLeft, IsWrapped: true}
	t := slack.NewTableBlock("sessions").WithColumnSettings(left, wrapped, wrapped, left, left, left)
	titles := []string{"Time (UTC)", "Who", "Session name", "Source address", "Region", "Cutoff"}
	row := func(texts []string) {
		cells := make([]slack.TableCell, len(texts))
		for i, text := range texts {
			cells[i] = slack.NewTableRawTextCell(text)
		}
		t.AddRow(cells...)
	}
	row(titles)
	used, shown := 0, 0
	for _, s := range v.Rows {
		cells := sessionCells(s)
		for _, text := range cells {
			used += len([]rune(text))
		}
		if shown == MaxRows || used > tableBudget {
			break
		}
		row(cells)
		shown++
	}
	return t, shown
}

func sessionCells(s Session) []string {
	relation := "before"
	switch {
	case s.ErrorCode != "":
		relation = "not issued: " + raw(s.ErrorCode, 40)
	case s.After:
		relation = "after"
	}
	return []string{
		s.Time.UTC().Format("2006-01-02 15:04:05"), raw(s.Caller, 120), raw(s.SessionName, 64),
		raw(s.SourceAddress, 60), raw(s.Region, 30), relation,
	}
}

// sessionLines is the table as text.
func sessionLines(v Evidence, most int) string {
	var b strings.Builder
	for i, s := range v.Rows {
		if i == most {
			fmt.Fprintf(&b, "\nand %d more", len(v.Rows)-i+len(v.Others))
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		c := sessionCells(s)
		fmt.Fprintf(&b, "• %s, %s, session %s, from %s, %s, %s", c[0], code(c[1], 80), code(c[2], 64), code(c[3], 60), code(c[4], 30), code(c[5], 60))
	}
	return b.String()
}

package messages

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// drillMark begins whatever is said of a drill, in blocks, fallbacks, buttons and files: nobody is
// to take it for a revocation, nor to sleep through a revocation because of it.
const drillMark = "DRILL: "

// quota is the room for all inline policies of a role together (IAM User Guide, "IAM and AWS STS
// quotas").
const quota = "10,240"

// Drilled is a message that says of itself that it is of a drill: first of all, in the blocks as in
// the fallback. What says so already stays as it is.
func Drilled(m *Message) *Message {
	if m == nil {
		return nil
	}
	out := &Message{Text: fit(marked(m.Text), limitText), Blocks: slices.Clone(m.Blocks), Simpler: Drilled(m.Simpler)}
	if len(out.Blocks) == 0 {
		return out
	}
	switch b := out.Blocks[0].(type) {
	case *slack.HeaderBlock:
		out.Blocks[0] = header(marked(b.Text.Text))
	case *slack.SectionBlock:
		if b.Text != nil {
			same := *b
			same.Text = markedObject(*b.Text)
			out.Blocks[0] = &same
			break
		}
		out.Blocks = slices.Insert(out.Blocks, 0, section(drillMark+"nothing is written."))
	default:
		out.Blocks = slices.Insert(out.Blocks, 0, section(drillMark+"nothing is written."))
	}
	return out
}

// drilledIf marks a message of a drill, and leaves others alone.
func drilledIf(drill bool, m *Message) *Message {
	if drill {
		return Drilled(m)
	}
	return m
}

func marked(text string) string {
	if strings.HasPrefix(text, drillMark) {
		return text
	}
	return drillMark + text
}

// markedIf marks a text of a drill that was written here.
func markedIf(drill bool, text string) string {
	if drill {
		return marked(text)
	}
	return text
}

func markedObject(t slack.TextBlockObject) *slack.TextBlockObject {
	if t.Type == slack.MarkdownType {
		t.Text = fit(marked(t.Text), limitSection)
	} else {
		t.Text = cut(marked(t.Text), limitSection)
	}
	return &t
}

// thousands writes a number as the quota is written.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// millis writes how long a remote step took.
func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + " ms" }

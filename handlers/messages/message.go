package messages

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// Message is what is sent: blocks, and the fallback text that says the same.
type Message struct {
	Text   string
	Blocks []slack.Block
}

// Forms are the message and what is sent in its place when Slack refuses it, the best first: its
// text in one block, and alone.
func (m *Message) Forms() []*Message { return []*Message{m, sentence(m.Text), {Text: m.Text}} }

// Limits of Block Kit that the texts here are cut to, in Unicode code points (Slack documentation,
// "Blocks"). Those on whole messages are this project's own: Slack refuses messages from some
// undocumented 13,000 characters on.
const (
	limitHeader  = 150
	limitSection = 3000
	limitText    = 4000 // of a fallback text; longer ones are cut or refused
	limitMessage = 10000
)

// mrkdwn is a text that was put together here; what came from outside is in it only through Code.
func mrkdwn(text string) *slack.TextBlockObject {
	t := slack.NewTextBlockObject(slack.MarkdownType, fit(text, limitSection), false, false)
	t.Verbatim = true
	return t
}

func section(text string) slack.Block { return slack.NewSectionBlock(mrkdwn(text), nil, nil) }

// plainSection shows a text from outside as it is.
func plainSection(text string, limit int) slack.Block {
	return plainLines(Raw(text, limit))
}

// plainLines shows lines that went through raw one by one.
func plainLines(text string) slack.Block {
	return slack.NewSectionBlock(plainText(text), nil, nil)
}

// packed puts lines that went through Raw into as few blocks as take them.
func packed(lines []string) (blocks []slack.Block) {
	for len(lines) > 0 {
		text, n := lines[0], 1
		for n < len(lines) && utf8.RuneCountInString(text)+1+utf8.RuneCountInString(lines[n]) <= limitSection {
			text, n = text+"\n"+lines[n], n+1
		}
		blocks, lines = append(blocks, plainLines(text)), lines[n:]
	}
	return blocks
}

func header(text string) slack.Block {
	return slack.NewHeaderBlock(plainText(cut(text, limitHeader)))
}

func contextLine(text string) slack.Block { return slack.NewContextBlock("", mrkdwn(text)) }

// sentence is a message of one section, whose fallback is the same text.
func sentence(text string) *Message {
	text = fit(text, limitSection)
	return &Message{Text: text, Blocks: []slack.Block{section(text)}}
}

// drillMark begins every text of a drill, in blocks, fallbacks, buttons and files, so that no
// reader confuses a drill with a revocation.
const drillMark = "DRILL: "

// Drilled marks a message that leaves: it says of itself that it is of a drill, first of all, in
// the blocks as in the fallback. What says so already stays as it is. Its buttons are marked where
// they are made.
func Drilled(m *Message) *Message {
	if m == nil {
		return nil
	}
	return &Message{Text: fit(Marked(m.Text), limitText), Blocks: drilled(m.Blocks)}
}

// Leaving is a message as it leaves: one of a drill says so.
func (c Context) Leaving(m *Message) *Message {
	if c.Drill {
		return Drilled(m)
	}
	return m
}

// LeavingForm is a form as it leaves.
func (c Context) LeavingForm(form slack.ModalViewRequest) slack.ModalViewRequest {
	if !c.Drill {
		return form
	}
	form.Title = plainText(Marked(form.Title.Text))
	form.Blocks.BlockSet = drilled(form.Blocks.BlockSet)
	return form
}

// drilled marks the first of some blocks.
func drilled(blocks []slack.Block) []slack.Block {
	blocks = slices.Clone(blocks)
	if len(blocks) == 0 {
		return blocks
	}
	switch b := blocks[0].(type) {
	case *slack.HeaderBlock:
		blocks[0] = header(Marked(b.Text.Text))
		return blocks
	case *slack.SectionBlock:
		if b.Text != nil {
			same := *b
			same.Text = markedObject(*b.Text)
			blocks[0] = &same
			return blocks
		}
	}
	return slices.Insert(blocks, 0, section(drillMark+"nothing is written."))
}

func Marked(text string) string {
	if strings.HasPrefix(text, drillMark) {
		return text
	}
	return drillMark + text
}

// markedIf marks a text of a drill that was written here.
func markedIf(drill bool, text string) string {
	if drill {
		return Marked(text)
	}
	return text
}

func markedObject(t slack.TextBlockObject) *slack.TextBlockObject {
	if t.Type == slack.MarkdownType {
		t.Text = fit(Marked(t.Text), limitSection)
	} else {
		t.Text = cut(Marked(t.Text), limitSection)
	}
	return &t
}

// within cuts a message to what Slack takes: 50 blocks and the characters of limitMessage. What is
// left out is said.
func within(m *Message) *Message {
	const most = 48
	used, kept := 0, []slack.Block(nil)
	for _, b := range m.Blocks {
		size := blockSize(b)
		if len(kept) == most || used+size > limitMessage-300 {
			kept = append(kept, contextLine("More was found than fits here; the list has the sessions."))
			break
		}
		used, kept = used+size, append(kept, b)
	}
	m.Blocks = kept
	return m
}

func blockSize(b slack.Block) int {
	switch b := b.(type) {
	case *slack.SectionBlock:
		if b.Text != nil {
			return len([]rune(b.Text.Text)) + 100
		}
	case *slack.ContextBlock:
		n := 0
		for _, e := range b.ContextElements.Elements {
			if t, ok := e.(*slack.TextBlockObject); ok {
				n += len([]rune(t.Text))
			}
		}
		return n
	}
	return 100
}

package messages

import "github.com/slack-go/slack"

// Message is what is sent: blocks, and the fallback text that says the same.
type Message struct {
	Text   string
	Blocks []slack.Block
	// Simpler says the same with older blocks, for a workspace that refuses Blocks; nil: Text alone is
	// the simpler form.
	Simpler *Message
}

// Forms are the message and what is sent in its place when Slack refuses it, the best first.
func (m *Message) Forms() []*Message {
	forms := []*Message{m}
	if m.Simpler != nil {
		forms = append(forms, m.Simpler)
	}
	return append(forms, &Message{Text: m.Text})
}

// Limits of Block Kit that the texts here are cut to, in Unicode code points (Slack documentation,
// "Blocks"). Those on whole messages are this project's own: Slack refuses messages from some
// undocumented 13,000 characters on.
const (
	limitHeader  = 150
	limitSection = 3000
	limitField   = 2000
	limitText    = 4000 // of a fallback text; longer ones are cut or refused
	limitMessage = 10000
)

// mrkdwn is a text that was put together here; what came from outside is in it only through code.
func mrkdwn(text string) *slack.TextBlockObject {
	t := slack.NewTextBlockObject(slack.MarkdownType, fit(text, limitSection), false, false)
	t.Verbatim = true
	return t
}

func section(text string) slack.Block { return slack.NewSectionBlock(mrkdwn(text), nil, nil) }

// plainSection shows a text from outside as it is.
func plainSection(text string, limit int) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.PlainTextType, raw(text, limit), false, false), nil, nil)
}

// plainLines shows lines that went through raw one by one.
func plainLines(text string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.PlainTextType, text, false, false), nil, nil)
}

func header(text string) slack.Block {
	return slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, cut(text, limitHeader), false, false))
}

func contextLine(text string) slack.Block { return slack.NewContextBlock("", mrkdwn(text)) }

// sentence is a message of one section, whose fallback is the same text.
func sentence(text string) *Message {
	text = fit(text, limitSection)
	return &Message{Text: text, Blocks: []slack.Block{section(text)}}
}

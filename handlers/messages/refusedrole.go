package messages

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	limitStep         = 500
	limitSteps        = 10
	limitRefused      = 700
	sayDocument       = "The service control policy, ready to be used:"
	documentElsewhere = "The service control policy is in the message itself."
)

// RefusedRole answers a request for a role that must not be touched: why, what to do instead, and
// the policy for it. The sentences are package aws's, with foreign text quoted in them.
func RefusedRole(sentence string, steps []string, document string) *Message {
	if len(steps) == 0 {
		return Plain(sentence)
	}
	m := &Message{Text: code(sentence, limitRefused)}
	lines := make([]string, 0, len(steps))
	for i, step := range steps[:min(len(steps), limitSteps)] {
		lines = append(lines, fmt.Sprintf("%d. %s", i+1, raw(step, limitStep)))
		m.Text += fmt.Sprintf("\n%d. %s", i+1, code(step, limitStep))
	}
	m.Blocks = append(m.Blocks, plainSection(sentence, limitSection))
	// Slack cuts a text object at 3,000 characters, so long steps stand in several.
	for len(lines) > 0 {
		text, n := lines[0], 1
		for n < len(lines) && utf8.RuneCountInString(text)+1+utf8.RuneCountInString(lines[n]) <= limitSection {
			text, n = text+"\n"+lines[n], n+1
		}
		m.Blocks = append(m.Blocks, plainLines(text))
		lines = lines[n:]
	}
	m.Text = fit(m.Text, limitText-len(documentElsewhere)-1)
	block := jsonBlock(document, limitSection)
	if block == "" {
		return m
	}
	m.Blocks = append(m.Blocks, section(sayDocument), section(block))
	if whole := strings.Join([]string{m.Text, sayDocument, block}, "\n"); utf8.RuneCountInString(whole) <= limitText {
		m.Text = whole
	} else {
		m.Text += "\n" + documentElsewhere
	}
	return m
}

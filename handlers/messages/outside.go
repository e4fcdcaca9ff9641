package messages

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/revokebot/revokebot/internal/times"
)

// ellipsis marks a text that was cut.
const ellipsis = "…"

// Clean makes one line of visible characters out of a text from outside: control characters and
// line breaks become spaces, and characters that hide or turn text around are dropped. It keeps at
// most limit characters (Unicode code points), the mark of a cut included.
func Clean(text string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			space = b.Len() > 0
			continue
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs) || !unicode.IsGraphic(r):
			continue
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		b.WriteRune(r)
		n++
		if n > limit {
			break
		}
	}
	return cut(b.String(), limit)
}

// cut keeps at most limit characters, the mark of a cut included.
func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	runes := []rune(text)
	return string(runes[:max(limit-1, 0)]) + ellipsis
}

// fit keeps at most limit characters of a mrkdwn text, the mark of a cut included, and never cuts
// inside a code span, a <…> or an &…; so that what was data before the cut is data after it.
func fit(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	end, n := 0, 0
	var inCode, inTag, inEntity bool
	for i, r := range text {
		if !inCode && !inTag && !inEntity {
			end = i
		}
		if n == limit-1 {
			break
		}
		switch r {
		case '`':
			inCode = !inCode
		case '<':
			inTag = true
		case '>':
			inTag = false
		case '&':
			inEntity = true
		case ';':
			inEntity = false
		}
		n++
	}
	return text[:end] + ellipsis
}

var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Code shows a text from outside in mrkdwn, as code: nothing inside a code span is formatted,
// linked or pinged once &, < and > are escaped and back-ticks are replaced (Slack documentation,
// "Formatting message text").
func Code(text string, limit int) string {
	text = Clean(strings.ReplaceAll(text, "`", "'"), limit)
	if text == "" {
		return "`-`"
	}
	return "`" + markup.Replace(text) + "`"
}

// jsonBlock shows a JSON document as it is to be used, as a code block of at most limit characters,
// or "" when it is longer: half a document is of no use. What could end the block, hide or turn
// text around is written in JSON's own way.
func jsonBlock(document string, limit int) string {
	var b strings.Builder
	for _, r := range document {
		switch {
		case r == '\n', r >= ' ' && r <= '~' && r != '`':
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
	}
	block := "```\n" + markup.Replace(b.String()) + "\n```"
	if document == "" || utf8.RuneCountInString(block) > limit {
		return ""
	}
	return block
}

func bold(text string) string { return "*" + text + "*" }

// Raw shows a text from outside where Slack parses nothing: plain_text objects and raw_text cells.
// Both must not be empty.
func Raw(text string, limit int) string {
	if text = Clean(text, limit); text == "" {
		return "-"
	}
	return text
}

var (
	personID = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`)
	groupID  = regexp.MustCompile(`^S[A-Z0-9]{1,30}$`)
	channel  = regexp.MustCompile(`^[CGD][A-Z0-9]{1,30}$`)
)

// Mention names a person or a user group of the workspace so that Slack shows, and notifies, them.
// Anything that is not an id is shown as code.
func Mention(id string) string {
	switch {
	case personID.MatchString(id):
		return "<@" + id + ">"
	case groupID.MatchString(id):
		return "<!subteam^" + id + ">"
	default:
		return Code(id, 40)
	}
}

// Channel names a channel so that Slack links it.
func Channel(id string) string {
	if channel.MatchString(id) {
		return "<#" + id + ">"
	}
	return Code(id, 40)
}

// List joins words as a sentence would: "a, b and c".
func List(words []string) string { return listed(words, "and") }

func listed(words []string, last string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
	}
}

// mentions names several people.
func mentions(ids []string) string { return List(mentioned(ids)) }

func mentioned(ids []string) []string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = Mention(id)
	}
	return words
}

// UTC writes a moment as evidence does: to the second, in UTC. The zero time is "not known".
func UTC(t time.Time) string {
	return Clock(t, time.Time{})
}

// Clock writes a moment in UTC, without its date if that is the date of day.
func Clock(t, day time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return times.Clock(t, day)
}

// local writes a moment in the reader's own zone, by Slack's date token, with UTC for those who get
// the fallback. The time comes first, because the date can be "today": "at 7:02 PM today".
func local(t time.Time) string {
	if t.IsZero() {
		return UTC(t)
	}
	return fmt.Sprintf("<!date^%d^{time} {date_short_pretty}|%s>", t.Unix(), UTC(t))
}

// Span writes a duration in the units people say: "15 min", "12 h", "1 h 30 min", "45 s".
func Span(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d/time.Hour), int(d/time.Minute)%60, int(d/time.Second)%60
	switch {
	case h > 0 && m == 0:
		return fmt.Sprintf("%d h", h)
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case m > 0 && s == 0:
		return fmt.Sprintf("%d min", m)
	case m > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	default:
		return fmt.Sprintf("%d s", s)
	}
}

// Both writes a moment in the reader's own zone and in UTC.
func Both(t time.Time) string {
	if t.IsZero() {
		return UTC(t)
	}
	return local(t) + " (" + UTC(t) + ")"
}

// upper makes a sentence of words that begin with a small letter.
func upper(words string) string { return strings.ToUpper(words[:1]) + words[1:] }

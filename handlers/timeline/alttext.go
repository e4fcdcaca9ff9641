package timeline

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/revokebot/revokebot/internal/english"
	"github.com/revokebot/revokebot/internal/times"
)

// MaxAltText is the most characters of an alternative text. Slack takes 1,000 for an uploaded file
// (Slack documentation, "files.getUploadURLExternal", alt_txt_too_large).
const MaxAltText = 1000

const (
	altLabel = 60 // most characters of a label
	altTitle = 100
)

// AltText tells in words what PNG draws: the window, the cutoff, and for each row how many sessions
// of which kind, when the first began and the last ended, and which marks there are. What does not
// fit is counted.
func AltText(p Picture) string {
	s := scaleOf(p)
	text := cutRunes(p.Title, altTitle) + ". From " + s.start.Format(time.DateOnly+" 15:04") + " to " +
		s.end.Format(time.DateOnly+" 15:04") + " UTC"
	if !p.Cutoff.IsZero() {
		text += p.named(", cutoff ") + p.Cutoff.UTC().Format(time.DateTime)
	}
	text += "."
	for i, r := range p.Rows {
		one, left := " "+inWords(p, r), len(p.Rows)-i
		if i == MaxRows || utf8.RuneCountInString(text+one)+len(notTold(left)) > MaxAltText {
			return text + notTold(left)
		}
		text += one
	}
	return text
}

func notTold(n int) string {
	return fmt.Sprintf(" %s not told here.", english.Count(n, "more row is", "more rows are"))
}

func cutRunes(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + ellipsis
}

// inWords is one row: "user alice: 2 sessions issued before the cutoff, 10:00 to 12:00; 3 calls; 1
// denied call at 12:01:07."
func inWords(p Picture, r Row) string {
	const minute, second = "2 Jan 15:04", "2 Jan 15:04:05"
	var parts []string
	for kind, w := range barWords {
		var first, last time.Time
		open, n, past := false, 0, ""
		for _, b := range r.Bars {
			if b.Kind != BarKind(kind) {
				continue
			}
			if !strings.Contains(past, b.Past) {
				past = strings.TrimPrefix(past+" or "+b.Past, " or ")
			}
			if n++; n == 1 || b.Start.Before(first) {
				first = b.Start
			}
			last, open = times.Later(last, times.Later(b.Start, b.End)), open || b.End.IsZero()
		}
		what := p.named(english.Count(n, w.one, w.many)) + ", " + first.UTC().Format(minute)
		switch {
		case n == 0:
			continue
		case open:
			what += " on"
		case BarKind(kind) != BarDeniedAttempt:
			what += " to " + last.UTC().Format(minute)
		}
		if past != "" {
			what += p.named(", past the cutoff ") + past
		}
		parts = append(parts, what)
	}
	for kind, w := range markWords {
		var last time.Time
		n := 0
		for _, m := range r.Marks {
			switch {
			case m.Kind != MarkKind(kind):
			case m.Name != "":
				parts = append(parts, m.title())
			default:
				n, last = n+1, times.Later(last, m.At)
			}
		}
		if n > 0 {
			parts = append(parts, english.Count(n, w.one, w.many)+", last "+last.UTC().Format(second))
		}
	}
	label := cutRunes(r.Label, altLabel)
	if r.Note != "" {
		label += " (" + cutRunes(r.Note, altTitle) + ")"
	}
	return label + ": " + strings.Join(parts, "; ") + "."
}

package timeline

import (
	"cmp"
	"fmt"
	"slices"
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
	head := cutRunes(cmp.Or(clean(p.Title), "Sessions over time"), altTitle) + ". From " +
		s.start.Format(time.DateOnly+" 15:04") + " to " + s.end.Format(time.DateOnly+" 15:04") + " UTC"
	if !p.Cutoff.IsZero() {
		head += ", cutoff " + p.Cutoff.UTC().Format("2006-01-02 15:04:05")
	}
	head += "."
	if len(p.Rows) == 0 && p.LeftOut <= 0 {
		return head + " Nothing was seen in this window."
	}
	text := head
	for i, r := range p.Rows {
		one := " " + inWords(r)
		rest := tail(len(p.Rows) - i - 1 + max(p.LeftOut, 0))
		if i == MaxRows || utf8.RuneCountInString(text+one+rest) > MaxAltText {
			return text + tail(len(p.Rows)-i+max(p.LeftOut, 0))
		}
		text += one
	}
	return text + tail(max(p.LeftOut, 0))
}

func tail(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" %s not told here.", english.Count(n, "more row is", "more rows are"))
}

func cutRunes(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + ellipsis
}

func minute(t time.Time) string { return t.UTC().Format("2 Jan 15:04") }

// inWords is one row: "user alice: 2 sessions issued before the cutoff, 10:00 to 12:00; 3 calls; 1
// denied call at 12:01:07."
func inWords(r Row) string {
	var parts []string
	for _, kind := range []struct {
		kind      BarKind
		one, many string
	}{
		{BarSuspicious, "suspicious session", "suspicious sessions"},
		{BarBefore, "session issued before the cutoff", "sessions issued before the cutoff"},
		{BarAfter, "session issued after the cutoff", "sessions issued after the cutoff"},
		{BarUnknown, "session", "sessions"},
		{BarDeniedAttempt, "attempt that issued nothing", "attempts that issued nothing"},
	} {
		var first, last time.Time
		open, n := false, 0
		for _, b := range r.Bars {
			if b.Kind != kind.kind && (kind.kind != BarUnknown || b.Kind > BarUnknown && b.Kind <= BarDeniedAttempt) {
				continue
			}
			n++
			if first.IsZero() || b.Start.Before(first) {
				first = b.Start
			}
			last, open = times.Later(last, times.Later(b.Start, b.End)), open || b.End.IsZero()
		}
		switch {
		case n == 0:
		case kind.kind == BarDeniedAttempt:
			parts = append(parts, fmt.Sprintf("%s, first %s", english.Count(n, kind.one, kind.many), minute(first)))
		case open:
			parts = append(parts, fmt.Sprintf("%s, from %s on", english.Count(n, kind.one, kind.many), minute(first)))
		default:
			parts = append(parts, fmt.Sprintf("%s, %s to %s", english.Count(n, kind.one, kind.many), minute(first),
				minute(last)))
		}
	}
	for _, kind := range []struct {
		kind      MarkKind
		one, many string
	}{
		{MarkDoor, "call that opens a door", "calls that open a door"},
		{MarkDenial, "denied call", "denied calls"},
		{MarkCall, "call", "calls"},
	} {
		var at []time.Time
		for _, m := range r.Marks {
			if m.Kind == kind.kind || kind.kind == MarkCall && m.Kind != MarkDenial && m.Kind != MarkDoor {
				at = append(at, m.At)
			}
		}
		if len(at) == 0 {
			continue
		}
		last := slices.MaxFunc(at, time.Time.Compare)
		parts = append(parts, fmt.Sprintf("%s, last %s", english.Count(len(at), kind.one, kind.many),
			last.UTC().Format("2 Jan 15:04:05")))
	}
	if len(parts) == 0 {
		parts = []string{"nothing seen"}
	}
	return cutRunes(cmp.Or(clean(r.Label), "not known"), altLabel) + ": " + strings.Join(parts, "; ") + "."
}

package timeline

import (
	"cmp"
	"fmt"
	"image"
	"slices"
	"time"

	"github.com/revokebot/revokebot/internal/english"
	"github.com/revokebot/revokebot/internal/times"
)

// Measures in pixels.
const (
	width     = 1200
	margin    = 32
	plotLeft  = margin
	plotRight = width - margin

	titleLine = 62  // baselines
	windowRow = 102 //
	flagTop   = 122
	flagHigh  = 40
	plotTop   = flagTop + flagHigh + 10

	textHigh  = 40 // of a row's label
	laneHigh  = 26
	laneGap   = 5
	marksHigh = 30
	rowGap    = 20

	axisHigh   = 76
	legendHigh = 42
	minBar     = 8  // so that a short session is seen
	attemptBar = 26 // of an attempt, around its moment
)

// layout is a picture with every place in it known.
type layout struct {
	Picture
	scale
	title, window string
	rows          []row
	bottom        int // of the rows
	notes         []string
	legend        [][]entry // by line
	height        int
}

// row is one caller with its place.
type row struct {
	label, note string
	top, height int
	lanes       int
	bars        []bar
	marks       []mark
	marksTop    int
}

// bar is one session with its place. From split on it is drawn as a frame.
type bar struct {
	kind          BarKind
	x0, x1, split int
	lane          int
	cutLeft       bool // it began before the window
	cutRight      bool // it goes on after the window, or its end is not known
}

type mark struct {
	kind MarkKind
	x    int
}

// arrange gives everything its place.
func arrange(p Picture, t *typeset) *layout {
	l := &layout{Picture: p, scale: scaleOf(p)}
	l.title = t.visible(t.title, cmp.Or(p.Title, "Sessions over time"), plotRight-plotLeft)
	l.window = l.start.Format("Mon 2 Jan 2006 15:04") + " to " + windowEnd(l.start, l.end) + " UTC"
	y, left := plotTop, max(p.LeftOut, 0)
	beyond := 0 // bars and marks outside the window
	for i, given := range p.Rows {
		r, outside := l.placeRow(given, t, y)
		if i == MaxRows || y+r.height > maxHeight-axisHigh-6*legendHigh {
			left += len(p.Rows) - i
			break
		}
		beyond += outside
		l.rows = append(l.rows, r)
		y += r.height + rowGap
	}
	if len(l.rows) == 0 {
		y += textHigh + laneHigh
	}
	l.bottom = y
	if left > 0 {
		l.notes = append(l.notes, fmt.Sprintf("%s not shown here.", english.Count(left, "more row is", "more rows are")))
	}
	if beyond > 0 {
		l.notes = append(l.notes, fmt.Sprintf("%s outside this window or too many to draw.",
			english.Count(beyond, "more thing is", "more things are")))
	}
	if !p.Cutoff.IsZero() && !l.covers(p.Cutoff) {
		where := "before"
		if p.Cutoff.After(l.end) {
			where = "after"
		}
		l.notes = append(l.notes, fmt.Sprintf("The cutoff, %s, lies %s this window.",
			p.Cutoff.UTC().Format("2 Jan 2006 15:04:05 UTC"), where))
	}
	l.legend = l.entries(t)
	l.height = l.bottom + axisHigh + len(l.notes)*legendHigh + len(l.legend)*legendHigh + margin
	return l
}

func windowEnd(start, end time.Time) string {
	if start.Format(time.DateOnly) == end.Format(time.DateOnly) {
		return end.Format("15:04")
	}
	return end.Format("Mon 2 Jan 2006 15:04")
}

// placeRow gives one row its place, and counts what is not drawn in it.
func (l *layout) placeRow(given Row, t *typeset, top int) (r row, outside int) {
	const between = 20
	r.top = top
	r.label = t.visible(t.label, cmp.Or(clean(given.Label), "not known"), plotRight-plotLeft)
	if left := plotRight - plotLeft - t.width(t.label, r.label) - between; left > 60 {
		r.note = t.visible(t.small, given.Note, left)
	}
	r.bars, outside = l.bars(given.Bars)
	var off int
	r.marks, off = l.marks(given.Marks)
	outside += off
	r.lanes = stack(r.bars)
	r.height = textHigh + max(r.lanes, 1)*(laneHigh+laneGap)
	r.marksTop = r.top + r.height
	if len(r.marks) > 0 {
		r.height += marksHigh
	}
	return r, outside
}

// bars gives the bars of a row their places, in the order in which they begin.
func (l *layout) bars(given []Bar) (list []bar, outside int) {
	sorted := slices.Clone(given)
	slices.SortStableFunc(sorted, func(a, b Bar) int { return a.Start.Compare(b.Start) })
	for _, g := range sorted {
		end := g.End
		if end.IsZero() {
			end = times.Later(l.end, g.Start)
		}
		if end.Before(g.Start) {
			end = g.Start
		}
		if g.Kind == BarDeniedAttempt {
			end = g.Start
		}
		if end.Before(l.start) || g.Start.After(l.end) || len(list) == maxBars {
			outside++
			continue
		}
		b := bar{
			kind: g.Kind, x0: l.x(g.Start), x1: l.x(end), cutLeft: g.Start.Before(l.start), cutRight: end.After(l.end) ||
				g.End.IsZero(),
		}
		switch {
		case g.Kind == BarDeniedAttempt:
			b.x0, b.cutLeft, b.cutRight = b.x0-attemptBar/2, false, false
			b.x0 = min(max(b.x0, plotLeft), plotRight-attemptBar)
			b.x1 = b.x0 + attemptBar
		case b.x1-b.x0 < minBar:
			b.x1 = min(b.x0+minBar, plotRight)
			b.x0 = b.x1 - minBar
		}
		b.split = b.x1
		if !l.Cutoff.IsZero() && g.Start.Before(l.Cutoff) && (g.Kind == BarBefore || g.Kind == BarSuspicious) {
			b.split = min(max(l.x(l.Cutoff), b.x0+minBar/2), b.x1)
		}
		list = append(list, b)
	}
	return list, outside
}

// stack puts bars that overlap above one another, and returns how many lanes that takes.
func stack(bars []bar) int {
	var ends []int
	for i := range bars {
		b := &bars[i]
		b.lane = slices.IndexFunc(ends, func(end int) bool { return end+4 <= b.x0 })
		switch {
		case b.lane >= 0:
		case len(ends) < maxLanes:
			b.lane = len(ends)
			ends = append(ends, 0)
		default:
			b.lane = slices.Index(ends, slices.Min(ends))
		}
		ends[b.lane] = max(ends[b.lane], b.x1)
	}
	return len(ends)
}

// apart is how far apart, in pixels, marks of a kind are drawn at least; those that fall together
// are one.
var apart = map[MarkKind]int{MarkCall: 4, MarkDenial: 8, MarkDoor: 10}

// marks gives the marks of a row their places.
func (l *layout) marks(given []Mark) (list []mark, outside int) {
	for _, g := range given {
		if !l.covers(g.At) {
			outside++
			continue
		}
		kind := g.Kind
		if kind < MarkCall || kind > MarkDoor {
			kind = MarkCall
		}
		list = append(list, mark{kind: kind, x: l.x(g.At)})
	}
	// Calls first, so that what matters more is drawn over them.
	slices.SortFunc(list, func(a, b mark) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.x, b.x)) })
	drawn := list[:0]
	for _, m := range list {
		if n := len(drawn); n == 0 || drawn[n-1].kind != m.kind || m.x-drawn[n-1].x >= apart[m.kind] {
			drawn = append(drawn, m)
		}
	}
	return drawn, outside
}

// entry is one line of the legend: a sample and what it means.
type entry struct {
	bar   BarKind
	mark  MarkKind
	words string
	x     int

	unseen bool
}

const (
	sampleWide = 52
	entryGap   = 36
)

// entries are what the picture uses, in lines that fit.
func (l *layout) entries(t *typeset) [][]entry {
	var bars [BarDeniedAttempt + 1]bool
	var marks [MarkDoor + 1]bool
	frames := false
	for _, r := range l.rows {
		for _, b := range r.bars {
			if b.kind > BarUnknown && b.kind <= BarDeniedAttempt {
				bars[b.kind] = true
			} else {
				bars[BarUnknown] = true
			}
			frames = frames || b.split < b.x1
		}
		for _, m := range r.marks {
			marks[m.kind] = true
		}
	}
	before, suspicious := "session issued before the cutoff", "suspicious session"
	const past = " (empty: past the cutoff)"
	switch {
	case frames && bars[BarBefore]:
		before += past
	case frames:
		suspicious += past
	}
	var all []entry
	for kind, words := range map[BarKind]string{
		BarUnknown: "session", BarBefore: before, BarAfter: "session issued after it",
		BarSuspicious: suspicious, BarDeniedAttempt: "attempt that issued nothing",
	} {
		if bars[kind] {
			all = append(all, entry{bar: kind, words: words})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.bar, b.bar) })
	for kind, words := range []string{MarkCall: "call", MarkDenial: "denied call", MarkDoor: "call that opens a door"} {
		if marks[kind] {
			all = append(all, entry{mark: MarkKind(kind), words: words})
		}
	}
	if len(l.unseen()) > 0 {
		all = append(all, entry{unseen: true, words: "not looked at"})
	}
	var lines [][]entry
	x := plotRight
	for _, e := range all {
		wide := sampleWide + t.width(t.small, e.words)
		if x+wide > plotRight || len(lines) == 0 {
			lines, x = append(lines, nil), plotLeft
		}
		e.x = x
		lines[len(lines)-1] = append(lines[len(lines)-1], e)
		x += wide + entryGap
	}
	return lines
}

// lane is the rectangle of a bar.
func (r row) lane(b bar) image.Rectangle {
	top := r.top + textHigh + b.lane*(laneHigh+laneGap)
	return image.Rect(b.x0, top, b.x1, top+laneHigh)
}

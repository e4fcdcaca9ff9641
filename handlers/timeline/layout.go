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
	goesOn        bool // after the window, or its end is not known
}

type mark struct {
	kind MarkKind
	x    int
}

// arrange gives everything its place.
func arrange(p Picture, t *typeset) *layout {
	l := &layout{Picture: p, scale: scaleOf(p)}
	l.title = t.visible(t.title, p.Title, plotRight-plotLeft)
	l.window = l.start.Format("Mon 2 Jan 2006 15:04") + " to " + windowEnd(l.start, l.end) + " UTC"
	y, left := plotTop, 0
	beyond := 0 // bars and marks outside the window
	for i, given := range p.Rows {
		r, outside := l.placeRow(given, t, y)
		if i == MaxRows || y+r.height > maxHeight-axisHigh-6*legendHigh {
			left = len(p.Rows) - i
			break
		}
		beyond += outside
		l.rows = append(l.rows, r)
		y += r.height + rowGap
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
	r.label = t.visible(t.label, given.Label, plotRight-plotLeft)
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
		b := bar{kind: g.Kind, x0: l.x(g.Start), x1: l.x(end), goesOn: end.After(l.end) || g.End.IsZero()}
		switch {
		case g.Kind == BarDeniedAttempt:
			b.goesOn, b.x0 = false, min(max(b.x0-attemptBar/2, plotLeft), plotRight-attemptBar)
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
var apart = map[MarkKind]int{MarkCall: 4, MarkDenial: 8, MarkPersistence: 10}

// marks gives the marks of a row their places.
func (l *layout) marks(given []Mark) (list []mark, outside int) {
	for _, g := range given {
		if !l.covers(g.At) {
			outside++
			continue
		}
		list = append(list, mark{kind: g.Kind, x: l.x(g.At)})
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

// entry is one line of the legend: a sample, drawn around a height, and what it means.
type entry struct {
	sample func(c *canvas, x, mid int)
	words  string
	x      int
}

const (
	sampleWide = 52
	entryGap   = 36
)

// entries are what the picture uses, in lines that fit.
func (l *layout) entries(t *typeset) [][]entry {
	var all []entry
	for kind, w := range barWords {
		kind, used, frames := BarKind(kind), false, false
		for _, r := range l.rows {
			for _, b := range r.bars {
				if b.kind == kind {
					used, frames = true, frames || b.split < b.x1
				}
			}
		}
		if frames {
			w.one += " (empty: past the cutoff)"
		}
		if used {
			all = append(all, entry{words: w.one, sample: func(c *canvas, x, mid int) {
				drawBar(c, bar{kind: kind, split: x + 42}, image.Rect(x, mid-laneHigh/2, x+42, mid+laneHigh/2))
			}})
		}
	}
	for kind, w := range markWords {
		kind := MarkKind(kind)
		if slices.ContainsFunc(l.rows, func(r row) bool {
			return slices.ContainsFunc(r.marks, func(m mark) bool { return m.kind == kind })
		}) {
			all = append(all, entry{words: w.one, sample: func(c *canvas, x, mid int) { drawMark(c, kind, x+20, mid) }})
		}
	}
	if len(l.unseen()) > 0 {
		all = append(all, entry{words: "not looked at", sample: func(c *canvas, x, mid int) {
			box := image.Rect(x, mid-laneHigh/2, x+42, mid+laneHigh/2)
			c.unseen(box)
			c.frame(box, 1, edge)
		}})
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

package timeline

import (
	"fmt"
	"image"
	"image/color"
	"slices"
	"time"

	"github.com/revokebot/revokebot/internal/english"
)

// Measures in pixels.
const (
	width     = 840
	margin    = 24
	plotLeft  = margin
	plotRight = width - margin

	titleLine = 58 // baselines
	windowRow = 98 //
	flagTop   = 118
	flagHigh  = 42
	flagRoom  = flagHigh + 14 // from the top of the flag to the first row

	textHigh  = 40 // of a row's label
	lineHigh  = 34 // of a text below it
	laneHigh  = 34
	laneGap   = 5
	marksHigh = 32
	rowGap    = 20

	axisHigh   = 84
	headHigh   = 64 // of the band's title
	legendHigh = 42
	minBar     = 8  // so that a short session is seen
	attemptBar = 34 // of an attempt, around its moment
)

// layout is a picture with every place in it known.
type layout struct {
	Picture
	panel
	zoom          *panel // nil without a band
	title, window string
	notes         []string
	legend        [][]entry // by line
	height        int
}

// panel is rows over one window.
type panel struct {
	scale
	cutoff  time.Time
	mark    string // what the cutoff is called
	heading string // above the flag; may be empty
	flag    int    // top of the cutoff's flag
	rows    []row
	bottom  int // of the rows
}

// row is one caller with its place.
type row struct {
	label       string
	note        []string // by line
	colour      color.RGBA
	top, height int
	lanesTop    int
	lanes       int
	bars        []bar
	marks       []mark
	marksTop    int
	names       []name
}

// bar is one session with its place. From split on it is drawn as a frame.
type bar struct {
	kind          BarKind
	x0, x1, split int
	lane          int
	goesOn        bool // after the window, or its end is not known
	past          string
}

type mark struct {
	kind MarkKind
	x    int
}

// name is the name of a mark, in a line below the marks.
type name struct {
	text        string
	x, at, line int
}

// arrange gives everything its place.
func arrange(p Picture, t *typeset) *layout {
	l := &layout{Picture: p, panel: panel{scale: scaleOf(p), cutoff: p.Cutoff, mark: p.named("cutoff"), flag: flagTop}}
	l.title = t.visible(t.title, p.Title, plotRight-plotLeft)
	l.window = l.start.Format("Mon 2 Jan 2006 15:04") + " to " + windowEnd(l.start, l.end) + " UTC"
	zoom, matter := p.attack()
	if zoom.Sub(l.scale) {
		l.zoom = &panel{scale: zoom, cutoff: p.Cutoff, mark: l.mark}
		what := "Unusual sessions, "
		if slices.ContainsFunc(matter, func(r Row) bool { return r.rank() == 2 }) {
			what = "The attack, "
		}
		l.zoom.heading = what + zoom.start.Format("15:04") + " to " + zoom.end.Format("15:04") + " UTC"
	}
	const end = maxHeight - axisHigh - 8*legendHigh
	most := end
	if l.zoom != nil {
		most = maxAbove
	}
	left, beyond := l.place(p.Rows[:min(len(p.Rows), MaxRows)], t, most, l.zoom == nil)
	if left += max(len(p.Rows)-MaxRows, 0); left > 0 {
		l.notes = append(l.notes, english.Count(left, "more caller is", "more callers are")+" in the list (CSV).")
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
		l.notes = append(l.notes, fmt.Sprintf(p.named("The cutoff, %s, lies %s this window."),
			p.Cutoff.UTC().Format("2 Jan 2006 15:04:05 UTC"), where))
	}
	bottom := l.bottom + axisHigh
	if l.zoom != nil {
		l.zoom.flag = bottom + headHigh
		l.zoom.place(matter[:min(len(matter), maxZoomed)], t, end, true)
		bottom = l.zoom.bottom + axisHigh
		if n := len(matter) - len(l.zoom.rows); n > 0 {
			l.notes = append(l.notes, english.Count(n, "unusual caller is", "unusual callers are")+" not shown larger.")
		}
	}
	l.legend = l.entries(t)
	l.height = bottom + len(l.notes)*legendHigh + len(l.legend)*legendHigh + margin
	return l
}

func windowEnd(start, end time.Time) string {
	if start.Format(time.DateOnly) == end.Format(time.DateOnly) {
		return end.Format("15:04")
	}
	return end.Format("Mon 2 Jan 2006 15:04")
}

// place gives rows their places above a height, with the names of marks or without, and counts rows
// for which there is no room and what is not drawn in the others.
func (p *panel) place(rows []Row, t *typeset, most int, names bool) (left, beyond int) {
	y := p.flag + flagRoom
	for i, given := range rows {
		r, outside := p.placeRow(given, t, y, names)
		if y+r.height > most {
			left = len(rows) - i
			break
		}
		beyond += outside
		p.rows = append(p.rows, r)
		y += r.height + rowGap
	}
	p.bottom = y
	return left, beyond
}

// placeRow gives one row its place, and counts what is not drawn in it.
func (p *panel) placeRow(given Row, t *typeset, top int, names bool) (r row, outside int) {
	r.top, r.colour = top, grey
	r.label = t.visible(t.label, given.Label, plotRight-plotLeft)
	if given.Note != "" {
		r.note, r.colour = t.wrapped(given.Note, plotRight-plotLeft, 2), given.colour()
	}
	r.bars, outside = p.bars(given.Bars)
	var off int
	r.marks, off = p.marks(given.Marks)
	outside += off
	r.lanes = stack(r.bars)
	r.lanesTop = r.top + textHigh + len(r.note)*lineHigh
	r.marksTop = r.lanesTop + max(r.lanes, 1)*(laneHigh+laneGap)
	r.height = r.marksTop - r.top
	if len(r.marks) > 0 {
		r.height += marksHigh
	}
	if names {
		r.names = p.names(given.Marks, t)
		for _, n := range r.names {
			r.height = max(r.height, r.marksTop-r.top+marksHigh+(n.line+1)*lineHigh)
		}
	}
	return r, outside
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
			all = append(all, entry{words: l.named(w.one), sample: func(c *canvas, x, mid int) {
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
	top := r.lanesTop + b.lane*(laneHigh+laneGap)
	return image.Rect(b.x0, top, b.x1, top+laneHigh)
}

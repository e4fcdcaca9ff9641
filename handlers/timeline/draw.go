package timeline

import (
	"image"
	"time"
)

// draw draws a picture: what is behind first.
func (l *layout) draw(c *canvas) {
	c.fill(c.img.Bounds(), paper)
	c.frame(c.img.Bounds(), 2, edge) // where the theme is as light as the paper
	for _, part := range l.unseen() {
		c.unseen(image.Rect(part[0], plotTop-rowGap/2, part[1], l.bottom))
	}
	c.write(c.text.title, ink, plotLeft, titleLine, l.title)
	c.write(c.text.small, grey, plotLeft, windowRow, c.text.visible(c.text.small, l.window, plotRight-plotLeft))
	l.axis(c)
	for _, r := range l.rows {
		c.fill(image.Rect(plotLeft, r.top-rowGap/2, plotRight, r.top-rowGap/2+1), grid)
	}
	for _, r := range l.rows {
		for _, b := range r.bars {
			drawBar(c, b, r.lane(b))
		}
	}
	l.cutoffLine(c)
	for _, r := range l.rows {
		end := l.behind(c, plotLeft, r.top+28, r.label, true)
		if r.note != "" {
			l.behind(c, end+20, r.top+28, r.note, false)
		}
		for _, m := range r.marks {
			drawMark(c, m.kind, m.x, r.marksTop+marksHigh/2)
		}
	}
	l.cutoffFlag(c)
	y := l.bottom + axisHigh
	for _, note := range l.notes {
		y += legendHigh
		c.write(c.text.small, ink, plotLeft, y-10, c.text.visible(c.text.small, note, plotRight-plotLeft))
	}
	for _, line := range l.legend {
		y += legendHigh
		for _, e := range line {
			e.sample(c, e.x, y-legendHigh/2)
			c.write(c.text.small, ink, e.x+sampleWide, y-legendHigh/2+9, e.words)
		}
	}
}

// behind writes a text on paper of its own, so that lines behind it do not run through it.
func (l *layout) behind(c *canvas, x, y int, text string, bold bool) int {
	face, col := c.text.small, grey
	if bold {
		face, col = c.text.label, ink
	}
	wide := c.text.width(face, text)
	c.fill(image.Rect(x, y-26, x+wide, y+9), paper)
	c.write(face, col, x, y, text)
	return x + wide
}

func (l *layout) axis(c *canvas) {
	c.fill(image.Rect(plotLeft, l.bottom, plotRight, l.bottom+2), grey)
	free := 0 // from where on there is room for a label
	for _, t := range l.ticks() {
		x := l.x(t.at)
		c.fill(image.Rect(x, plotTop-rowGap/2, x+1, l.bottom), grid)
		c.fill(image.Rect(x, l.bottom, x+2, l.bottom+8), grey)
		half := c.text.width(c.text.small, t.label) / 2
		at := min(max(x-half, plotLeft), plotRight-2*half)
		if at < free {
			continue
		}
		c.write(c.text.small, grey, at, l.bottom+34, t.label)
		if t.day != "" {
			wide := c.text.width(c.text.small, t.day)
			c.write(c.text.small, grey, min(max(x-half, plotLeft), plotRight-wide), l.bottom+64, t.day)
		}
		free = at + 2*half + 12
	}
}

// cutoffLine is a line of dashes over the whole height.
func (l *layout) cutoffLine(c *canvas) {
	if l.Cutoff.IsZero() || !l.covers(l.Cutoff) {
		return
	}
	x := l.x(l.Cutoff)
	c.fill(image.Rect(x-4, flagTop+flagHigh, x+4, l.bottom), paper)
	for y := flagTop + flagHigh; y < l.bottom; y += 18 {
		c.fill(image.Rect(x-2, y, x+2, min(y+12, l.bottom)), ink)
	}
}

// cutoffFlag names the line.
func (l *layout) cutoffFlag(c *canvas) {
	if l.Cutoff.IsZero() || !l.covers(l.Cutoff) {
		return
	}
	form := "15:04:05"
	if l.start.Format(time.DateOnly) != l.end.Format(time.DateOnly) {
		form = "2 Jan 15:04:05"
	}
	text := "cutoff " + l.Cutoff.UTC().Format(form) + " UTC"
	wide := c.text.width(c.text.small, text) + 24
	x := l.x(l.Cutoff)
	left := min(max(x-wide/2, plotLeft), plotRight-wide)
	c.fill(image.Rect(left, flagTop, left+wide, flagTop+flagHigh), ink)
	c.polygon(ink, image.Pt(x-9, flagTop+flagHigh), image.Pt(x+9, flagTop+flagHigh), image.Pt(x, flagTop+flagHigh+10))
	c.write(c.text.small, paper, left+12, flagTop+29, text)
}

// drawBar draws a bar: filled up to where it splits, a frame from there on.
func drawBar(c *canvas, b bar, r image.Rectangle) {
	col := barColours[b.kind]
	full := r
	full.Max.X = b.split
	c.fill(r, paper)
	switch b.kind {
	case BarBefore:
		c.fill(full, col)
	case BarAfter:
		c.fill(full, col)
		c.stripes(full.Inset(3), true, paper)
	case BarSuspicious:
		c.fill(full, col)
		for x := full.Min.X + 6; x+5 <= full.Max.X-3; x += 14 { // dots, as on a warning tape
			c.fill(image.Rect(x, r.Min.Y+7, x+5, r.Min.Y+12), paper)
			c.fill(image.Rect(x+7, r.Max.Y-11, min(x+12, full.Max.X), r.Max.Y-6), paper)
		}
	case BarDeniedAttempt:
		c.cross((r.Min.X+r.Max.X)/2, (r.Min.Y+r.Max.Y)/2, r.Dy()/2-6, 4, col)
	}
	c.frame(r, 3, col)
	if b.goesOn { // an arrow
		c.fill(image.Rect(r.Max.X-3, r.Min.Y, r.Max.X, r.Max.Y), paper)
		c.polygon(col, image.Pt(r.Max.X-12, r.Min.Y), image.Pt(r.Max.X, (r.Min.Y+r.Max.Y)/2), image.Pt(r.Max.X-12, r.Max.Y))
	}
}

// drawMark draws a mark around its middle, on a rim of paper that keeps it apart from its
// neighbours.
func drawMark(c *canvas, k MarkKind, x, y int) {
	switch k {
	case MarkDenial:
		c.cross(x, y, 13, 9, paper)
		c.cross(x, y, 11, 5, red)
	case MarkPersistence:
		c.diamond(x, y, 16, paper)
		c.diamond(x, y, 14, ink)
		c.diamond(x, y, 9, orange)
	default:
		c.fill(image.Rect(x-1, y-10, x+2, y+10), ink)
	}
}

package timeline

import (
	"image"
	"image/color"
	"time"

	"golang.org/x/image/font"
)

// draw draws a picture: what is behind first.
func (l *layout) draw(c *canvas) {
	c.fill(c.img.Bounds(), paper)
	c.frame(c.img.Bounds(), 2, edge) // where the theme is as light as the paper
	c.write(c.text.title, ink, plotLeft, titleLine, l.title)
	c.write(c.text.small, grey, plotLeft, windowRow, c.text.visible(c.text.small, l.window, plotRight-plotLeft))
	l.panel.draw(c)
	y := l.bottom + axisHigh
	if z := l.zoom; z != nil {
		// A thick line marks the band's part of the window.
		c.fill(image.Rect(l.x(z.start), l.bottom-4, l.x(z.end), l.bottom+6), ink)
		c.write(c.text.label, ink, plotLeft, z.flag-22, c.text.visible(c.text.label, z.heading, plotRight-plotLeft))
		z.draw(c)
		y = z.bottom + axisHigh
	}
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

// draw draws the rows over their window.
func (p *panel) draw(c *canvas) {
	for _, part := range p.unseen() {
		c.unseen(image.Rect(part[0], p.top(), part[1], p.bottom))
	}
	p.axis(c)
	for _, r := range p.rows {
		c.fill(image.Rect(plotLeft, r.top-rowGap/2, plotRight, r.top-rowGap/2+1), grid)
		for _, b := range r.bars {
			drawBar(c, b, r.lane(b))
			drawPast(c, b, r.lane(b))
		}
	}
	p.cutoffLine(c)
	for _, r := range p.rows {
		behind(c, c.text.label, ink, plotLeft, r.top+28, r.label)
		for i, note := range r.note {
			behind(c, c.text.small, r.colour, plotLeft, r.top+textHigh+i*lineHigh+24, note)
		}
		for _, n := range r.names {
			c.fill(image.Rect(n.at, r.marksTop, n.at+2, r.marksTop+marksHigh+n.line*lineHigh+8), edge)
		}
		for _, m := range r.marks {
			drawMark(c, m.kind, m.x, r.marksTop+marksHigh/2)
		}
		for _, n := range r.names {
			behind(c, c.text.small, ink, n.x, r.marksTop+marksHigh+n.line*lineHigh+25, n.text)
		}
	}
	p.cutoffFlag(c)
}

// top is that of the plot.
func (p *panel) top() int { return p.flag + flagRoom - rowGap/2 }

// behind writes a text on a ground of its own, so that lines behind it do not run through it.
func behind(c *canvas, face font.Face, col color.RGBA, x, y int, text string) {
	c.fill(image.Rect(x, y-25, x+c.text.width(face, text), y+8), paper)
	c.write(face, col, x, y, text)
}

func (p *panel) axis(c *canvas) {
	c.fill(image.Rect(plotLeft, p.bottom, plotRight, p.bottom+2), grey)
	free := 0 // from where on there is room for a label
	for _, t := range p.ticks() {
		x := p.x(t.at)
		c.fill(image.Rect(x, p.top(), x+1, p.bottom), grid)
		c.fill(image.Rect(x, p.bottom, x+2, p.bottom+8), grey)
		half := c.text.width(c.text.small, t.label) / 2
		at := min(max(x-half, plotLeft), plotRight-2*half)
		if at < free {
			continue
		}
		c.write(c.text.small, grey, at, p.bottom+36, t.label)
		if t.day != "" {
			wide := c.text.width(c.text.small, t.day)
			c.write(c.text.small, grey, min(max(x-half, plotLeft), plotRight-wide), p.bottom+68, t.day)
		}
		free = at + 2*half + 12
	}
}

// cutoffLine is a line of dashes over the whole height.
func (p *panel) cutoffLine(c *canvas) {
	if p.cutoff.IsZero() || !p.covers(p.cutoff) {
		return
	}
	x := p.x(p.cutoff)
	c.fill(image.Rect(x-4, p.flag+flagHigh, x+4, p.bottom), paper)
	for y := p.flag + flagHigh; y < p.bottom; y += 18 {
		c.fill(image.Rect(x-2, y, x+2, min(y+12, p.bottom)), ink)
	}
}

// cutoffFlag names the line.
func (p *panel) cutoffFlag(c *canvas) {
	if p.cutoff.IsZero() || !p.covers(p.cutoff) {
		return
	}
	form := "15:04:05"
	if p.start.Format(time.DateOnly) != p.end.Format(time.DateOnly) {
		form = "2 Jan 15:04:05"
	}
	text := p.mark + " " + p.cutoff.UTC().Format(form) + " UTC"
	wide := c.text.width(c.text.small, text) + 24
	x := p.x(p.cutoff)
	left := min(max(x-wide/2, plotLeft), plotRight-wide)
	bottom := p.flag + flagHigh
	c.fill(image.Rect(left, p.flag, left+wide, bottom), ink)
	c.polygon(ink, image.Pt(x-9, bottom), image.Pt(x+9, bottom), image.Pt(x, bottom+10))
	c.write(c.text.small, paper, left+12, p.flag+30, text)
}

// drawPast writes what holds past the cutoff into the empty part of a bar, if there is room.
func drawPast(c *canvas, b bar, r image.Rectangle) {
	wide := c.text.width(c.text.small, b.past)
	if x := b.split + 10; b.past != "" && x+wide+14 <= b.x1 {
		c.write(c.text.small, ink, x, r.Max.Y-9, b.past)
	}
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
	case BarUnusual:
		c.fill(full, col)
		c.stripes(full.Inset(3), false, paper)
	case BarStolen:
		c.fill(full, col)
		for x := full.Min.X + 6; x+5 <= full.Max.X-3; x += 14 { // dots, as on a warning tape
			c.fill(image.Rect(x, r.Min.Y+8, x+5, r.Min.Y+13), paper)
			c.fill(image.Rect(x+7, r.Max.Y-13, min(x+12, full.Max.X), r.Max.Y-8), paper)
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

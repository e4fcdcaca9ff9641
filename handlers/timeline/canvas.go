package timeline

import (
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/vector"
)

// The colours. Each of those that carry a meaning has at least 4.5 to 1 against paper.
var (
	paper  = color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}
	ink    = color.RGBA{0x1D, 0x1C, 0x1D, 0xFF}
	grey   = color.RGBA{0x4A, 0x49, 0x4C, 0xFF}
	grid   = color.RGBA{0xE2, 0xE2, 0xE6, 0xFF} // says nothing by itself
	shade  = color.RGBA{0xD6, 0xD6, 0xDC, 0xFF} // not covered
	edge   = color.RGBA{0x8D, 0x8C, 0x92, 0xFF}
	blue   = color.RGBA{0x12, 0x64, 0xA3, 0xFF} // issued before
	green  = color.RGBA{0x00, 0x6B, 0x4F, 0xFF} // issued after
	red    = color.RGBA{0xA8, 0x11, 0x35, 0xFF} // suspicious, and what was denied
	orange = color.RGBA{0xA8, 0x50, 0x00, 0xFF} // creates persistence
)

// palette has the colours, each in the shades to paper that smooth edges are made of: a picture of
// few colours is a fifth of the bytes.
var palette = func() (all color.Palette) {
	const shades = 8
	for _, c := range []color.RGBA{paper, ink, grey, grid, shade, edge, blue, green, red, orange} {
		for n := range shades {
			part := func(c uint8) uint8 { return uint8((int(c)*(shades-n) + 0xFF*n) / shades) }
			all = append(all, color.RGBA{part(c.R), part(c.G), part(c.B), 0xFF})
		}
	}
	return all
}()

// canvas is what is drawn on.
type canvas struct {
	img  *image.Paletted
	text *typeset
}

func uniform(col color.Color) *image.Uniform { return image.NewUniform(col) }

func (c *canvas) fill(r image.Rectangle, col color.Color) {
	draw.Draw(c.img, r, uniform(col), image.Point{}, draw.Src)
}

// frame draws the outline of a rectangle, inside it.
func (c *canvas) frame(r image.Rectangle, thick int, col color.Color) {
	c.fill(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+thick), col)
	c.fill(image.Rect(r.Min.X, r.Max.Y-thick, r.Max.X, r.Max.Y), col)
	c.fill(image.Rect(r.Min.X, r.Min.Y, r.Min.X+thick, r.Max.Y), col)
	c.fill(image.Rect(r.Max.X-thick, r.Min.Y, r.Max.X, r.Max.Y), col)
}

// stripes draws slanting lines over a rectangle, rising to the right or to the left.
func (c *canvas) stripes(r image.Rectangle, right bool, col color.RGBA) {
	const apart, thick = 14, 4
	r = r.Intersect(c.img.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		first := y % apart
		if right {
			first = apart - first
		}
		for x := r.Min.X - r.Min.X%apart + first - apart; x < r.Max.X; x += apart {
			c.fill(image.Rect(x, y, x+thick, y+1).Intersect(r), col)
		}
	}
}

// unseen fills what was not covered: wide pale stripes, behind everything.
func (c *canvas) unseen(r image.Rectangle) {
	c.fill(r, shade)
	c.stripes(r, true, paper)
}

// polygon fills a shape with smooth edges.
func (c *canvas) polygon(col color.Color, points ...image.Point) {
	box := image.Rectangle{Min: points[0], Max: points[0]}
	for _, p := range points {
		box = box.Union(image.Rectangle{Min: p, Max: p.Add(image.Pt(1, 1))})
	}
	z := vector.NewRasterizer(box.Dx(), box.Dy())
	for i, p := range points {
		x, y := float32(p.X-box.Min.X), float32(p.Y-box.Min.Y)
		if i == 0 {
			z.MoveTo(x, y)
		} else {
			z.LineTo(x, y)
		}
	}
	z.ClosePath()
	z.Draw(c.img, box, uniform(col), image.Point{})
}

// diamond is the mark of a call that create persistence, around its middle.
func (c *canvas) diamond(x, y, half int, col color.Color) {
	c.polygon(col, image.Pt(x, y-half), image.Pt(x+half, y), image.Pt(x, y+half), image.Pt(x-half, y))
}

// cross is the mark of a denial, around its middle.
func (c *canvas) cross(x, y, half, thick int, col color.Color) {
	t := thick
	c.polygon(col, image.Pt(x-half, y-half+t), image.Pt(x-half+t, y-half), image.Pt(x+half, y+half-t),
		image.Pt(x+half-t, y+half))
	c.polygon(col, image.Pt(x+half, y-half+t), image.Pt(x+half-t, y-half), image.Pt(x-half, y+half-t),
		image.Pt(x-half+t, y+half))
}

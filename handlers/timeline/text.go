package timeline

import (
	"fmt"
	"image/color"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Sizes of text in pixels.
const (
	sizeTitle = 34
	sizeLabel = 28
	sizeSmall = 26
)

const (
	ellipsis = "…"
	unknown  = '□' // stands for a character that the fonts do not have; they have this one
)

// fonts are parsed once; they are safe to use at the same time, faces made of them are not.
var fonts = sync.OnceValues(func() ([2]*sfnt.Font, error) {
	regular, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return [2]*sfnt.Font{}, err // unreachable: it is part of the program
	}
	bold, err := opentype.Parse(gobold.TTF)
	return [2]*sfnt.Font{regular, bold}, err
})

// typeset is the faces of one picture.
type typeset struct {
	title, label, small font.Face
	known               *sfnt.Font // what is asked which characters there are
	buffer              sfnt.Buffer
}

func newType() (*typeset, error) {
	f, err := fonts()
	if err != nil {
		return nil, fmt.Errorf("timeline: fonts: %w", err)
	}
	t := &typeset{known: f[0]}
	for _, face := range []struct {
		face *font.Face
		font *sfnt.Font
		size float64
	}{{&t.title, f[1], sizeTitle}, {&t.label, f[1], sizeLabel}, {&t.small, f[0], sizeSmall}} {
		if *face.face, err = opentype.NewFace(face.font, &opentype.FaceOptions{Size: face.size, DPI: 72}); err != nil {
			return nil, fmt.Errorf("timeline: fonts: %w", err)
		}
	}
	return t, nil
}

// visible makes a text one of characters that can be drawn, cut to a width in pixels.
func (t *typeset) visible(face font.Face, text string, most int) string {
	text = t.drawable(text)
	if t.width(face, text) <= most {
		return text
	}
	runes := []rune(text)
	// What fits is found by halving: a text can be long.
	fits, over := 0, len(runes)
	for over-fits > 1 {
		if n := (fits + over) / 2; t.width(face, string(runes[:n])+ellipsis) <= most {
			fits = n
		} else {
			over = n
		}
	}
	return strings.TrimRight(string(runes[:fits]), " ") + ellipsis
}

// wrapped is a small text in at most so many lines of a width in pixels.
func (t *typeset) wrapped(text string, most, lines int) (all []string) {
	for len(all) < lines-1 && t.width(t.small, t.drawable(text)) > most {
		head := ""
		for _, word := range strings.SplitAfter(text, " ") {
			if t.width(t.small, t.drawable(head+word)) > most {
				break
			}
			head += word
		}
		if head == "" {
			break // a word that is too long
		}
		all, text = append(all, t.drawable(strings.TrimSpace(head))), text[len(head):]
	}
	return append(all, t.visible(t.small, text, most))
}

// drawable replaces what the fonts do not have.
func (t *typeset) drawable(text string) string {
	return strings.Map(func(r rune) rune {
		if i, err := t.known.GlyphIndex(&t.buffer, r); err != nil || i == 0 {
			return unknown
		}
		return r
	}, text)
}

func (t *typeset) width(face font.Face, text string) int {
	return font.MeasureString(face, text).Ceil()
}

// write draws a text whose baseline begins at x, y.
func (c *canvas) write(face font.Face, col color.Color, x, y int, text string) {
	d := font.Drawer{Dst: c.img, Src: uniform(col), Face: face, Dot: fixed.P(x, y)}
	d.DrawString(text)
}

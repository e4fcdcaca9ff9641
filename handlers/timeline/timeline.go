// Package timeline draws what happened over time as a picture: a row for each caller, their
// sessions as bars, the cutoff as a line, calls and denials as marks. It knows nothing of Slack, of
// AWS or of a request's log: the caller makes a Picture of those.
//
// Where something is unusual and the window is long, a band below shows the time of the attack
// again, larger, with the names of marks.
//
// The picture is a PNG of 840 pixels' width, as high as its rows need and at most maxHeight. It is
// made to be read on a phone, where it is shown at half its size, and in light and dark themes
// alike: it brings its own opaque background, no text is smaller than 26 pixels, text and shapes
// have a contrast of at least 4.5 to 1, and whatever means something differs by shape or pattern
// and not by colour alone. AltText tells the same to those who do not see it.
//
// Text is one line of visible characters, as messages.Raw makes it. It is cut to its place, and a
// character that the fonts (Go Regular and Go Bold, which are part of the program) do not have
// becomes a visible box. The same Picture gives the same bytes.
//
// To make a Picture of sessions: one Row for each caller, in the order in which they should be read
// (the suspicious ones first: rows that do not fit are left out from the end); one Bar for each
// session, from its issue to its expiry; one Mark for each call that was seen. Start and End are
// the window that was looked at, so that an empty stretch means that nothing was seen in it; where
// they leave the cutoff just outside or at the edge, the picture goes on past it, and marks what
// not covered at. A window that is long before the first session is better begun there: a minute
// of twelve hours is a pixel and a half.
package timeline

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"time"
)

// Limits of a picture. What is above them is left out, and the picture says so.
const (
	MaxRows   = 10
	maxZoomed = 5    // rows of the band
	maxAbove  = 1200 // pixels above the band
	maxHeight = 2700 // pixels
	maxBars   = 500  // of a row
	maxLanes  = 3    // of bars above one another in a row; what overlaps more is drawn over one another
)

// Picture is what is drawn. All times are shown in UTC.
type Picture struct {
	Title      string
	Start, End time.Time // the window; an hour if End is not after Start
	Cutoff     time.Time // zero: no line
	Mark       string    // what the line is called; "" is "cutoff"
	Rows       []Row
}

// named puts what the line is called into words about the cutoff.
func (p Picture) named(words string) string {
	return strings.ReplaceAll(words, "cutoff", cmp.Or(p.Mark, "cutoff"))
}

// Row is one caller.
type Row struct {
	Label string // who, such as "Lambda function payments"
	Note  string // why it is red or amber; may be empty
	Bars  []Bar
	Marks []Mark
}

// Bar is one session, or one attempt to get one.
type Bar struct {
	Start time.Time
	End   time.Time // zero: not known, it is drawn to the end of the window
	Kind  BarKind
	// Past is what holds past the cutoff, such as "blocked": from there on the bar is empty. It is
	// filled where this is empty: the session has access, or it is not known why it should not.
	Past string
}

// BarKind says what a bar means.
type BarKind int

// Kinds of bars.
const (
	BarBefore        BarKind = iota // issued before the cutoff
	BarAfter                        // issued at or after the cutoff
	BarUnusual                      // first seen: amber, no accusation
	BarStolen                       // used from where it was not opened, or leaked: red
	BarDeniedAttempt                // an attempt that issued nothing: its Start is drawn
)

// Mark is one moment.
type Mark struct {
	At   time.Time
	Kind MarkKind
	Name string // such as "CreateAccessKey"; may be empty
}

// title is a mark in words: "09:46 CreateAccessKey".
func (m Mark) title() string { return m.At.UTC().Format("15:04") + " " + m.Name }

// MarkKind says what a mark means.
type MarkKind int

// Kinds of marks.
const (
	MarkCall        MarkKind = iota // a call that was answered: a thin line
	MarkDenial                      // a call that was denied: a cross
	MarkPersistence                 // persistence, privilege escalation, a pivot: a diamond
)

// words name one thing, and many.
type words struct{ one, many string }

// barWords and barColours are what bars are called and how they look; markWords the names of marks.
var (
	barWords = [...]words{
		BarBefore:        {"session issued before the cutoff", "sessions issued before the cutoff"},
		BarAfter:         {"session issued after the cutoff", "sessions issued after the cutoff"},
		BarUnusual:       {"unusual session", "unusual sessions"},
		BarStolen:        {"stolen session", "stolen sessions"},
		BarDeniedAttempt: {"attempt that issued nothing", "attempts that issued nothing"},
	}
	barColours = [...]color.RGBA{
		BarBefore: blue, BarAfter: green, BarUnusual: orange, BarStolen: red, BarDeniedAttempt: red,
	}
	markWords = [...]words{
		MarkCall: {"call", "calls"}, MarkDenial: {"denied call", "denied calls"},
		MarkPersistence: {"call that gives new access", "calls that give new access"},
	}
)

// PNG draws a picture.
func PNG(p Picture) ([]byte, error) {
	t, err := newType()
	if err != nil {
		return nil, err
	}
	l := arrange(p, t)
	c := &canvas{img: image.NewPaletted(image.Rect(0, 0, width, l.height), palette), text: t}
	l.draw(c)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, c.img); err != nil {
		return nil, fmt.Errorf("timeline: %w", err)
	}
	return out.Bytes(), nil
}

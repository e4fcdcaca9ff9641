// Package timeline draws what happened over time as a picture: a row for each caller, their
// sessions as bars, the cutoff as a line, calls and denials as marks. It knows nothing of Slack, of
// AWS or of a request's log: whoever has those makes a Picture of them.
//
// The picture is a PNG of 1200 pixels' width, as high as its rows need and at most maxHeight. It is
// made to be read on a phone, where it is shown at a third of its size, and in light and dark
// themes alike: it brings its own opaque background, no text is smaller than 22 pixels, text and
// shapes have a contrast of at least 4.5 to 1, and whatever means something differs by shape or
// pattern and not by colour alone. AltText tells the same to those who do not see it.
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
// nobody looked at. A window that is long before the first session is better begun there: a minute
// of twelve hours is a pixel and a half.
package timeline

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"time"
)

// Limits of a picture. What is above them is left out, and the picture says so.
const (
	MaxRows   = 24
	maxHeight = 2700 // pixels
	maxBars   = 500  // of a row
	maxLanes  = 3    // of bars above one another in a row; what overlaps more is drawn over one another
)

// Picture is what is drawn. All times are shown in UTC.
type Picture struct {
	Title      string
	Start, End time.Time // the window; an hour if End is not after Start
	Cutoff     time.Time // zero: no line
	Rows       []Row
}

// Row is one caller.
type Row struct {
	Label string // who, such as "Lambda function payments"
	Note  string // more about them, such as "3 sessions from 203.0.113.10"; may be empty
	Bars  []Bar
	Marks []Mark
}

// Bar is one session, or one attempt to get one.
type Bar struct {
	Start time.Time
	End   time.Time // zero: not known, it is drawn to the end of the window
	Kind  BarKind
}

// BarKind says what a bar means.
type BarKind int

// Kinds of bars.
const (
	BarBefore BarKind = iota // issued before the cutoff; what lies past the cutoff is drawn as a frame
	BarAfter                 // issued at or after the cutoff
	// from a caller or address that is suspicious, issued whenever; past the cutoff as BarBefore if
	// issued before it
	BarSuspicious
	BarDeniedAttempt // an attempt that issued nothing: its Start is drawn
)

// Mark is one moment.
type Mark struct {
	At   time.Time
	Kind MarkKind
}

// MarkKind says what a mark means.
type MarkKind int

// Kinds of marks.
const (
	MarkCall        MarkKind = iota // a call that was answered: a thin line
	MarkDenial                      // a call that was denied: a cross
	MarkPersistence                 // a call that opens a door, such as CreateAccessKey: a diamond
)

// words name one thing, and many.
type words struct{ one, many string }

// barWords and barColours are what bars are called and how they look; markWords the names of marks.
var (
	barWords = [...]words{
		BarBefore:        {"session issued before the cutoff", "sessions issued before the cutoff"},
		BarAfter:         {"session issued after the cutoff", "sessions issued after the cutoff"},
		BarSuspicious:    {"suspicious session", "suspicious sessions"},
		BarDeniedAttempt: {"attempt that issued nothing", "attempts that issued nothing"},
	}
	barColours = [...]color.RGBA{BarBefore: blue, BarAfter: green, BarSuspicious: red, BarDeniedAttempt: red}
	markWords  = [...]words{
		MarkCall: {"call", "calls"}, MarkDenial: {"denied call", "denied calls"},
		MarkPersistence: {"call that opens a door", "calls that open a door"},
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

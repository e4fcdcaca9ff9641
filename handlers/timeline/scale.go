package timeline

import (
	"image/color"
	"math"
	"time"

	"github.com/revokebot/revokebot/internal/times"
)

// scale puts moments into the width of the plot.
type scale struct {
	start, end time.Time
	from, span float64      // seconds
	seen       [2]time.Time // the window that was looked at; what is drawn can be a little more, for the cutoff
}

// scaleOf is the window of a picture.
func scaleOf(p Picture) scale {
	start, end := p.Start, p.End
	if !end.After(start) {
		end = start.Add(time.Hour)
	}
	seen := [2]time.Time{start.UTC(), end.UTC()}
	// The cutoff lies a little ahead of the moment at which it was written, and so of a check right
	// after it; and what is past it needs room to be seen.
	near, room := end.Sub(start)/4, end.Sub(start)/16
	switch c := p.Cutoff; {
	case c.IsZero():
	case !c.Before(start) && c.Sub(end) < near && end.Sub(c) < room:
		end = c.Add(room)
	case c.Before(start) && start.Sub(c) < near:
		start = c.Add(-room / 4)
	}
	s := scale{start: start.UTC(), end: end.UTC(), from: seconds(start), seen: seen}
	s.span = math.Max(seconds(end)-s.from, 1e-3)
	return s
}

// Sub reports whether a scale shows a part of another large enough to be worth a band.
func (s scale) Sub(whole scale) bool { return s.span > 0 && s.span*1.5 < whole.span }

// attack is the time of what is unusual, and the rows that are: the last hour, or more where it
// began earlier, of what was looked at.
func (p Picture) attack() (s scale, rows []Row) {
	const hour, most, room = time.Hour, 4 * time.Hour, 3 * time.Minute
	var first, last time.Time
	for _, r := range p.Rows {
		if r.rank() == 0 {
			continue
		}
		rows = append(rows, r)
		for _, m := range r.Marks {
			last = times.Later(last, m.At)
			if m.Name != "" {
				first = times.Earlier(first, m.At)
			}
		}
	}
	if len(rows) == 0 {
		return scale{}, nil
	}
	whole := scaleOf(p)
	if last = times.Later(last, p.Cutoff).Add(2 * room); last.Before(p.End) && p.End.Sub(last) < hour/2 {
		last = p.End
	}
	if last.After(whole.end) {
		last = whole.end
	}
	start := last.Add(-hour)
	if !first.IsZero() && first.Add(-room).Before(start) {
		start = times.Later(first.Add(-room), last.Add(-most))
	}
	start = times.Later(start.Truncate(time.Minute), whole.start)
	from := seconds(start)
	return scale{start: start.UTC(), end: last.UTC(), from: from, span: seconds(last) - from, seen: whole.seen}, rows
}

// rank says how much a row is unusual: red, amber, or not at all.
func (r Row) rank() (rank int) {
	for _, b := range r.Bars {
		switch {
		case r.Note == "":
		case b.Kind == BarStolen:
			rank = 2
		case b.Kind == BarUnusual, b.Kind == BarDeniedAttempt:
			rank = max(rank, 1)
		}
	}
	return rank
}

func (r Row) colour() color.RGBA { return [...]color.RGBA{grey, orange, red}[r.rank()] }

func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }

// place is where a moment lies, as a part of the window: 0 at its start, 1 at its end.
func (s scale) place(t time.Time) float64 { return (seconds(t) - s.from) / s.span }

// x is the pixel of a moment, at the edges of the plot for those outside the window.
func (s scale) x(t time.Time) int {
	part := math.Min(math.Max(s.place(t), 0), 1)
	return plotLeft + int(math.Round(part*(plotRight-plotLeft)))
}

// unseen are the parts of the plot, from one pixel to another, that was not covered.
func (s scale) unseen() (parts [][2]int) {
	if s.seen[0].After(s.start) {
		parts = append(parts, [2]int{plotLeft, s.x(s.seen[0])})
	}
	if s.seen[1].Before(s.end) {
		parts = append(parts, [2]int{s.x(s.seen[1]), plotRight})
	}
	return parts
}

func (s scale) covers(t time.Time) bool { return !t.Before(s.start) && !t.After(s.end) }

// steps are the distances between two ticks that people read easily.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 28 * day,
}

const (
	day = 24 * time.Hour
	// tickApart is how far apart ticks are at least, in pixels, for their labels to have room.
	tickApart = 120
)

// tick is one labelled moment of the axis.
type tick struct {
	at    time.Time
	label string
	day   string // below the label, where the day begins to be another
}

// ticks are round moments in UTC, at most a dozen.
func (s scale) ticks() []tick {
	need := s.span * tickApart / (plotRight - plotLeft) // seconds
	step := steps[len(steps)-1]
	for _, one := range steps {
		if one.Seconds() >= need {
			step = one
			break
		}
	}
	at := s.start.Truncate(step)
	if at.Before(s.start) {
		at = at.Add(step)
	}
	var list []tick
	for previous := ""; !at.After(s.end) && len(list) < 20; at = at.Add(step) {
		t := s.tick(at, step, previous)
		if t.day != "" {
			previous = t.day
		}
		list = append(list, t)
	}
	return list
}

func (s scale) tick(at time.Time, step time.Duration, previous string) tick {
	t := tick{at: at, label: at.Format("15:04"), day: at.Format("2 Jan 2006")}
	switch {
	case step >= day:
		t.label = at.Format("2 Jan")
		t.day = at.Format("2006")
	case step < time.Minute:
		t.label = at.Format("15:04:05")
	}
	if t.day == previous {
		t.day = ""
	}
	return t
}

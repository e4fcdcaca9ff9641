package timeline

import (
	"cmp"
	"slices"

	"github.com/revokebot/revokebot/internal/times"
)

// maxNames is how many lines of names a row has.
const maxNames = 6

// names gives the names of marks their places: each begins at its mark, in the first line that has
// room for it. What finds no room is left out.
func (p *panel) names(given []Mark, t *typeset) (list []name) {
	given = slices.Clone(given)
	slices.SortStableFunc(given, func(a, b Mark) int { return a.At.Compare(b.At) })
	var ends [maxNames]int
	seen := map[string]bool{}
	for _, m := range given {
		text := t.visible(t.small, m.title(), plotRight-plotLeft)
		if m.Name == "" || !p.covers(m.At) || seen[text] {
			continue
		}
		seen[text] = true
		wide, at := t.width(t.small, text), p.x(m.At)
		x := max(min(at-6, plotRight-wide), plotLeft)
		for line := range ends {
			if ends[line] == 0 || ends[line]+14 <= x {
				ends[line] = x + wide
				list = append(list, name{text, x, at, line})
				break
			}
		}
	}
	return list
}

// bars gives the bars of a row their places, in the order in which they begin.
func (p *panel) bars(given []Bar) (list []bar, outside int) {
	sorted := slices.Clone(given)
	slices.SortStableFunc(sorted, func(a, b Bar) int { return a.Start.Compare(b.Start) })
	for _, g := range sorted {
		end := g.End
		if end.IsZero() {
			end = times.Later(p.end, g.Start)
		}
		if end.Before(g.Start) {
			end = g.Start
		}
		if g.Kind == BarDeniedAttempt {
			end = g.Start
		}
		if end.Before(p.start) || g.Start.After(p.end) || len(list) == maxBars {
			outside++
			continue
		}
		b := bar{kind: g.Kind, x0: p.x(g.Start), x1: p.x(end), goesOn: end.After(p.end) || g.End.IsZero()}
		switch {
		case g.Kind == BarDeniedAttempt:
			b.goesOn, b.x0 = false, min(max(b.x0-attemptBar/2, plotLeft), plotRight-attemptBar)
			b.x1 = b.x0 + attemptBar
		case b.x1-b.x0 < minBar:
			b.x1 = min(b.x0+minBar, plotRight)
			b.x0 = b.x1 - minBar
		}
		b.split = b.x1
		if g.Past != "" && !p.cutoff.IsZero() && g.Start.Before(p.cutoff) && g.Kind != BarDeniedAttempt {
			b.past, b.split = g.Past, min(max(p.x(p.cutoff), b.x0+minBar/2), b.x1)
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
func (p *panel) marks(given []Mark) (list []mark, outside int) {
	for _, g := range given {
		if !p.covers(g.At) {
			outside++
			continue
		}
		list = append(list, mark{kind: g.Kind, x: p.x(g.At)})
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

package measure

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// row is one line of the table. An empty aim is one that nobody set.
type row struct {
	what, measured, floor, aim string
	met                        bool
}

// table is what a run found.
type table struct {
	rows []row
}

// add adds a figure that has no aim.
func (t *table) add(what, measured, floor string) {
	t.rows = append(t.rows, row{what: what, measured: measured, floor: floor})
}

// aim adds a figure with an aim, and whether it was met.
func (t *table) aim(what, measured, floor, aim string, met bool) {
	t.rows = append(t.rows, row{what, measured, floor, aim, met})
}

// missed lists the aims that were not met.
func (t *table) missed() []string {
	var missed []string
	for _, r := range t.rows {
		if r.aim != "" && !r.met {
			missed = append(missed, fmt.Sprintf("%s: %s, aim %s", r.what, r.measured, r.aim))
		}
	}
	return missed
}

// String is the table in Markdown, readable as it stands.
func (t *table) String() string {
	cells := [][]string{{"", "revokebot", "floor", "aim", "met"}}
	for _, r := range t.rows {
		met := ""
		if r.aim != "" {
			met = map[bool]string{true: "yes", false: "**no**"}[r.met]
		}
		cells = append(cells, []string{r.what, r.measured, r.floor, r.aim, met})
	}
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)), 3)
		}
	}
	rule := make([]string, len(widths))
	for i, w := range widths {
		rule[i] = strings.Repeat("-", w)
	}
	var b strings.Builder
	for _, line := range slices.Insert(cells, 1, rule) {
		b.WriteByte('|')
		for i, cell := range line {
			fmt.Fprintf(&b, " %s%s |", cell, strings.Repeat(" ", widths[i]-len([]rune(cell))))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// percentile is the smallest of the values that p percent of them do not exceed; 0 without values.
// It sorts a copy.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// ratio is a divided by b; 0 without a b.
func ratio[T ~int64 | ~float64](a, b T) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// short writes a duration with three digits at most, and its unit.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	default:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	}
}

// megabytes writes a number of bytes, in MB of a million bytes.
func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// thousands writes a whole number with commas.
func thousands(n int) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

const (
	blockBegins = "<!-- make bench: begin -->"
	blockEnds   = "<!-- make bench: end -->"
)

// putBlock replaces what stands between the two marks of a document.
func putBlock(document, block string) (string, error) {
	head, rest, begins := strings.Cut(document, blockBegins)
	_, tail, ends := strings.Cut(rest, blockEnds)
	if !begins || !ends {
		return "", fmt.Errorf("there is no block between %s and %s", blockBegins, blockEnds)
	}
	return head + blockBegins + "\n" + strings.TrimSpace(block) + "\n" + blockEnds + tail, nil
}

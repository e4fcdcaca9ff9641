package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/revokebot/revokebot/internal/english"
	"github.com/revokebot/revokebot/internal/finding"
)

// report is all that doctor found, in the order in which it is told.
type report struct{ parts []part }

type part struct {
	name  string
	lines []finding.Finding
}

func (r *report) add(name string, lines ...finding.Finding) {
	for i := range lines {
		l := &lines[i]
		l.Check, l.Saw, l.Fix, l.Source = printable(l.Check), printable(l.Saw), printable(l.Fix), printable(l.Source)
	}
	r.parts = append(r.parts, part{name, lines})
}

// printable makes foreign text, such as names of people and channels, harmless to a terminal: one
// line, and nothing that moves the cursor or turns the direction of writing.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		default:
			return r
		}
	}, text)
}

func (r *report) count(state finding.State) int {
	n := 0
	for _, p := range r.parts {
		for _, l := range p.lines {
			if l.State == state {
				n++
			}
		}
	}
	return n
}

// writeText prints one line for each check: the state, what was looked at, what was seen, and the
// fix as the last sentence.
func (r *report) writeText(w io.Writer) error {
	var b strings.Builder
	for _, p := range r.parts {
		if len(p.lines) == 0 {
			continue
		}
		b.WriteString(p.name + "\n")
		for _, l := range p.lines {
			words := []string{l.Saw}
			if l.Source != "" {
				words = append(words, "("+l.Source+")")
			}
			if l.Fix != "" {
				words = append(words, l.Fix)
			}
			fmt.Fprintf(&b, "  %-7s  %s: %s\n", l.State, l.Check, strings.Join(words, " "))
		}
		b.WriteString("\n")
	}
	warnings, failures := r.count(finding.Warning), r.count(finding.Failure)
	fmt.Fprintf(&b, "%d ok, %s, %s. ", r.count(finding.OK), english.Count(warnings, "warning", "warnings"),
		english.Count(failures, "failure", "failures"))
	if failures > 0 {
		fmt.Fprintf(&b, "NOT READY: fix %s (each line says how) and run doctor again.\n",
			english.Plural(failures, "it", "them"))
	} else {
		b.WriteString("Nothing that was checked would stop a revocation.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeJSON prints one object.
func (r *report) writeJSON(w io.Writer) error {
	type check struct {
		Section string `json:"section"`
		finding.Finding
	}
	type summary struct {
		OK       int `json:"ok"`
		Warnings int `json:"warnings"`
		Failures int `json:"failures"`
	}
	out := struct {
		OK      bool    `json:"ok"`
		Summary summary `json:"summary"`
		Checks  []check `json:"checks"`
	}{Summary: summary{r.count(finding.OK), r.count(finding.Warning), r.count(finding.Failure)}}
	out.OK = out.Summary.Failures == 0
	for _, p := range r.parts {
		for _, l := range p.lines {
			out.Checks = append(out.Checks, check{strings.ToLower(p.name), l})
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

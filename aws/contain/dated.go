package contain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// mostAhead is how far ahead of the clock a date may lie that someone else wrote. A later one is no
// revocation but a lock of sessions that do not exist yet: it is neither adopted nor guarded nor
// restored.
const mostAhead = time.Hour

// dated is what measures whose document is a revocation have in common.
type dated struct{}

// want returns the revocation for the first usable place, or for the place that was promised last
// if that is usable.
func (dated) want(s State, places []Slot, promised []Document) (Document, error) {
	if s.Now.IsZero() {
		return Document{}, errors.New("contain: AWS's time is not known")
	}
	promises, last, err := read(places, promised)
	if err != nil {
		return Document{}, err
	}
	var there []time.Time // in the usable places, zero if nothing is there
	var usable []Slot
	for _, place := range places {
		d, err := s.Found(place)
		if err != nil {
			return Document{}, err
		}
		at, ok := readRevocation(d.Text)
		if ok && (believed(s.Now, at) || slices.ContainsFunc(promises, at.Equal)) || d.Text == "" {
			usable, there = append(usable, place), append(there, at)
		}
	}
	if len(usable) == 0 {
		return Document{}, noPlace(s.Principal, places)
	}
	i := max(0, slices.Index(usable, last))
	cutoff := ceilSecond(s.Now).Add(max(s.Margin, 0))
	for _, at := range append(promises, there[i]) {
		cutoff = later(cutoff, at)
	}
	return Document{usable[i], revocation(earlier(ceilSecond(cutoff), latestDate))}, nil
}

// read returns the cutoffs that were promised for such slots, and the place that was promised last.
func read(places []Slot, promised []Document) (cutoffs []time.Time, last Slot, err error) {
	for _, d := range promised {
		if d.Slot.Kind != places[0].Kind {
			continue // of another document of the measure
		}
		at, ok := readRevocation(d.Text)
		if !ok {
			return nil, Slot{}, fmt.Errorf("contain: what was promised for %s is not a revocation", d.Slot.Label())
		}
		cutoffs = append(cutoffs, at)
		if slices.Contains(places, d.Slot) {
			last = d.Slot
		}
	}
	return cutoffs, last, nil
}

func noPlace(p Principal, places []Slot) *Refusal {
	labels := make([]string, len(places))
	for i, place := range places {
		labels[i] = place.Label()
	}
	names, them := strings.Join(labels, " and ")+" hold documents", "them"
	if len(places) == 1 {
		names, them = labels[0]+" holds a document", "it"
	}
	return &Refusal{places[0], NoPlace, names + " on " + p.title() +
		" that revokebot did not write, and it never writes over " + them +
		". Delete one that you do not need in the IAM console, then ask again."}
}

// believed reports whether a date can be one of a revocation, by AWS's clock.
func believed(now, cutoff time.Time) bool { return !cutoff.After(ceilSecond(now.Add(mostAhead))) }

// Gap compares cutoffs. The very cutoff that was written is enough however far ahead the clock has
// it.
func (dated) Gap(now time.Time, there, written Document) Gap {
	at, ok := readRevocation(there.Text)
	wanted, ours := readRevocation(written.Text)
	switch {
	case there.Text == "":
		return Gone
	case !ok || !ours || there.Slot.Kind != written.Slot.Kind || !believed(now, at) && !at.Equal(wanted):
		return Foreign
	case at.Before(wanted):
		return Earlier
	default:
		return Covers
	}
}

// Without puts back what was there before, if that is nothing or a revocation that is not later
// than ours: Want takes up the cutoff that it finds, so a later one was not there.
func (dated) Without(there Document, w Written) (Document, error) {
	at, ok := readRevocation(there.Text)
	before, exact := readRevocation(w.Before)
	ours := ok && w.wrote(there.Text)
	switch {
	case there.Slot != w.Slot:
		return Document{}, notOurs(there.Slot)
	case there.Text == w.Before, !ours && same(there.Text, w.Before):
		return there, nil
	case !ours:
		return Document{}, notOurs(there.Slot)
	case w.Before != "" && (!exact || before.After(at)):
		return Document{}, notRestored(there.Slot)
	}
	return Document{w.Slot, w.Before}, nil
}

// Cutoff is the document's date.
func (dated) Cutoff(now time.Time, d Document) time.Time {
	if at, ok := readRevocation(d.Text); ok && believed(now, at) {
		return at
	}
	return time.Time{}
}

// Ends is the end of the longest session that can have been issued before the cutoff.
func (dated) Ends(d Document, p Principal) time.Time {
	at, ok := readRevocation(d.Text)
	if !ok {
		return time.Time{}
	}
	return at.Add(max(p.Kind.longest(), p.LongestSession))
}

// Probes are two sessions, issued a second before the cutoff and a second after it.
func (dated) Probes(d Document) []Probe {
	at, ok := readRevocation(d.Text)
	if !ok {
		return nil
	}
	return []Probe{issued(at.Add(-time.Second), true), issued(at.Add(time.Second), false)}
}

// Policy is the document itself.
func (dated) Policy(d Document) string { return d.Text }

// Denies compares the issue time. A call with a user's access key has none, and the condition does
// not hold for it.
func (dated) Denies(d Document, c Call) Answer {
	at, ok := readRevocation(d.Text)
	switch {
	case !ok:
		return Unknown
	case c.LongTerm || c.neverDenied():
		return No
	case c.Issued.IsZero():
		return Unknown
	case c.Issued.Before(at):
		return Yes
	default:
		return No
	}
}

func issued(at time.Time, denied bool) Probe {
	return Probe{[]ContextKey{{issueTimeKey, "date", []string{at.UTC().Format(issueTimeFormat)}}}, denied}
}

// ceilSecond rounds up to a whole second, in UTC. Issue times have whole seconds and the comparison
// is strict: a session of the running second is denied.
func ceilSecond(t time.Time) time.Time {
	whole := t.UTC().Truncate(time.Second)
	if whole.Before(t) {
		whole = whole.Add(time.Second)
	}
	return whole
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

package contain

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// Document is what a slot says. Text is "" if nothing is there, the ARN in an attached policy's
// slot, and Active or Inactive in an access key's.
type Document struct {
	Slot Slot   `json:"slot"`
	Text string `json:"text,omitempty"`
}

// Change is one promise: what a slot said when it was read, and what was about to be written.
type Change struct {
	Slot   Slot   `json:"slot"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`

	// Trusted are the unique ids of the principals that Before names, by ARN; only of trust policies.
	Trusted map[string]string `json:"trusted,omitempty"`

	// Guard is a promise of the guard. What it saw was put there by the one who took our document
	// away.
	Guard bool `json:"guard,omitempty"`

	// Other is a change by another request in force that shares the slot: what it wrote stays.
	Other bool `json:"other,omitempty"`
}

// Written is what one request promised for one slot.
type Written struct {
	Slot    Slot
	Before  string            // what was there and is not ours
	After   []string          // all of these are ours: AWS may have taken a write without an answer
	Others  []string          // what other requests in force wrote, which stays
	Trusted map[string]string // of Before
}

// Fold returns what the promises of one request come to, one entry for each slot, in the order in
// which the slots were promised first.
//
// Before is what the newest promise saw that the request had not promised before it. Promises of
// the guard do not count; a slot that only the guard has promised had nothing in it that is worth
// keeping.
func Fold(changes []Change) []Written {
	var all []Written
	for _, c := range changes {
		i := slices.IndexFunc(all, func(w Written) bool { return w.Slot == c.Slot })
		if c.Other {
			if i >= 0 {
				all[i].Others = append(all[i].Others, c.After)
			}
			continue
		}
		if i < 0 {
			i, all = len(all), append(all, Written{Slot: c.Slot})
		}
		w := &all[i]
		if !c.Guard && !w.wrote(c.Before) {
			w.Before, w.Trusted = c.Before, c.Trusted
		}
		if !slices.Contains(w.After, c.After) {
			w.After = append(w.After, c.After)
		}
	}
	return all
}

// wrote reports whether a text is one that was promised.
func (w Written) wrote(text string) bool {
	return slices.ContainsFunc(w.After, func(after string) bool { return same(after, text) })
}

// same reports whether two texts say the same: byte for byte, or as revocations with the same
// cutoff.
func same(a, b string) bool {
	if a == b {
		return true
	}
	atA, okA := readRevocation(a)
	atB, okB := readRevocation(b)
	return okA && okB && atA.Equal(atB)
}

type restore struct {
	measure Measure
	written []Written
}

// Restore returns the undo of what a request has written by a measure: its documents are what was
// there before. Each slot that was promised is a document of its own.
func Restore(m Measure, written []Written) Measure { return restore{m, written} }

// Places are the slots that were promised.
func (r restore) Places(Target) [][]Slot {
	places := make([][]Slot, len(r.written))
	for i, w := range r.written {
		places[i] = []Slot{w.Slot}
	}
	return places
}

// Reads is nothing.
func (restore) Reads(Target) []Slot { return nil }

// Trusts are the principals whose unique ids Want has to know.
func (r restore) Trusts() (arns []string) {
	for _, w := range r.written {
		arns = slices.AppendSeq(arns, maps.Keys(w.Trusted))
	}
	return arns
}

// Want is what is there without what was written. What is as it should be stays.
func (r restore) Want(s State, _ []Document) ([]Document, error) {
	wanted, refused := make([]Document, len(r.written)), make([]error, len(r.written))
	for i, w := range r.written {
		there, err := s.Found(w.Slot)
		if err != nil {
			return nil, err
		}
		wanted[i], refused[i] = r.measure.Without(there, w)
		if arns := w.changed(s.Trusted); len(arns) > 0 && refused[i] == nil && wanted[i] != there {
			wanted[i], refused[i] = Document{}, rebound(arns)
		}
	}
	return wanted, errors.Join(refused...)
}

// Gap is none if there says what was put back.
func (restore) Gap(_ time.Time, there, written Document) Gap {
	switch {
	case there.Slot != written.Slot:
		return Foreign
	case same(there.Text, written.Text):
		return Covers
	case there.Text == "":
		return Gone
	default:
		return Changed
	}
}

// Without is refused: an undo is not undone, the measure is asked for again.
func (restore) Without(there Document, _ Written) (Document, error) {
	return Document{}, notOurs(there.Slot)
}

package contain

import (
	"errors"
	"time"
)

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

// Want is what is there without what was written. What is as it should be stays.
func (r restore) Want(s State, _ []Document) ([]Document, error) {
	wanted, refused := make([]Document, len(r.written)), make([]error, len(r.written))
	for i, w := range r.written {
		there, err := s.Found(w.Slot)
		if err != nil {
			return nil, err
		}
		wanted[i], refused[i] = r.measure.Without(there, w)
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

package contain

import "time"

// Dated is what tests need to write a measure with a dated document.
type DatedDocument struct{ dated }

// WantDated is the dated document's Want.
func WantDated(s State, places []Slot, promised []Document) (Document, error) {
	return dated{}.want(s, places, promised)
}

// Revocation is the document with a cutoff.
func Revocation(cutoff time.Time) string { return revocation(cutoff) }

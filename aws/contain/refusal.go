package contain

import (
	"errors"
	"slices"
)

// ErrNotOurs is the refusal of an undo where someone else's document is in the slot.
var ErrNotOurs = errors.New("what is there is not what was written")

// Refusal says why a document is not written.
type Refusal struct {
	Slot     Slot // one of the document's places
	Reason   Reason
	Sentence string // for people: why, and what to do
}

// Reason is why a document is not written, for code. The zero value is unknown.
type Reason string

// The reasons.
const (
	NoPlace     Reason = "no_place"     // foreign documents hold all of its places
	NotOurs     Reason = "not_ours"     // what is there is not what was written; ErrNotOurs
	NotRestored Reason = "not_restored" // what was there before must not be written by the bot
)

// Error returns the sentence.
func (r *Refusal) Error() string { return r.Sentence }

// Is makes errors.Is find ErrNotOurs.
func (r *Refusal) Is(target error) bool { return target == ErrNotOurs && r.Reason == NotOurs }

// RefusalOf finds in an error of Want the refusal of the document with these places. It is nil if
// there is none.
func RefusalOf(err error, places []Slot) *Refusal {
	if r, ok := err.(*Refusal); ok && slices.Contains(places, r.Slot) {
		return r
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if r := RefusalOf(e, places); r != nil {
				return r
			}
		}
	}
	return nil
}

func notOurs(s Slot) *Refusal {
	return &Refusal{s, NotOurs, s.Label() + " is not what revokebot wrote: someone changed it. It stays as it is. " +
		"Look at it in the IAM console and decide there."}
}

func notRestored(s Slot) *Refusal {
	return &Refusal{s, NotRestored, "Before the request, " + s.Label() + " held something that is not exactly a " +
		"revocation. " +
		"revokebot never writes such a document. Nothing was undone. Delete or replace the policy in the IAM console."}
}

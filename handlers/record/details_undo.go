package record

import (
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

// Facts is what the subject of a request holds: the role, and of a request to undo also
// what that is about. Of a drill the role is in Drill and nowhere else: code that takes a drill for
// a revocation finds no role to write to.
type Facts struct {
	Role
	Undo  *Undoing `json:"undo,omitempty"`
	Drill *Role    `json:"drill,omitempty"`
}

// Undoing is the policy that a request is to take away, as it was when that was asked for. The
// request it is of is the request's About.
type Undoing struct {
	Card      string    `json:"card,omitempty"` // address of the earlier request's card
	Requester string    `json:"requester"`      // of the earlier request
	Approvers []string  `json:"approvers"`      // of the earlier request
	Applied   time.Time `json:"applied"`        // when that was applied

	Policy string `json:"policy,omitempty"` // its name; empty: the IAM console's
	// that the request had promised; only what these wrote is taken away
	Changes []contain.Change `json:"changes"`
	Slots   Stands           `json:"slots,omitempty"` // what the undo would leave of them

	Cutoff        time.Time `json:"cutoff"`                  // of the policy that goes
	RestoreCutoff time.Time `json:"restore_cutoff,omitzero"` // the highest that would stand then
	RevivesUntil  time.Time `json:"revives_until"`           // until when sessions that are denied now can be alive
	Revives       bool      `json:"revives,omitempty"`       // some could be, when this was asked for
	Words         string    `json:"words,omitempty"`         // what the requester typed to say that they mean it
	// the role was as before the policy already, when this was asked for
	Gone bool `json:"gone,omitempty"`
}

// Stays reports whether all that is to be undone was there before, so that it is left there.
func (u Undoing) Stays() bool {
	return len(u.Changes) > 0 && !slices.ContainsFunc(contain.Fold(u.Changes), func(w contain.Written) bool {
		return w.Before == "" || !slices.Contains(w.After, w.Before)
	})
}

// Undone is what an outcome of the undoing says.
func (u Undoing) Undone(a Applied) Undone {
	return Undone{
		At: a.At, Cutoff: u.Cutoff, Slots: a.Slots, Found: a.AlreadyThere && !a.Promised, Stays: u.Stays(),
		Revives: a.Revives, RevivesUntil: u.RevivesUntil, Seen: a.Seen,
	}
}

// As is the undoing with what an outcome left in place of what was foreseen.
func (u Undoing) As(a Applied) Undoing {
	u.Slots, u.RestoreCutoff = a.Slots, a.RestoreCutoff
	return u
}

// Fate is what an undo does to a slot.
type Fate string

// The fates.
const (
	FateRemoved  Fate = "removed"  // our document is taken away
	FateRestored Fate = "restored" // the earlier document is put in the place of ours
	FateSame     Fate = "same"     // it was as before already
	FateForeign  Fate = "foreign"  // someone else's document stays
	FateFailed   Fate = "failed"   // AWS refused the change: our document stays
)

// Stand is what a slot says after an undo, as far as known, and why.
type Stand struct {
	contain.Document
	Fate Fate `json:"fate"`
}

// FateOf is the fate of a slot in which a document takes the place of another.
func FateOf(there, wanted contain.Document) Fate {
	switch {
	case there == wanted:
		return FateSame
	case wanted.Text == "":
		return FateRemoved
	default:
		return FateRestored
	}
}

// Stands are what an undo leaves, slot by slot.
type Stands []Stand

// Restores reports whether a policy that was there before stands again.
func (s Stands) Restores() bool {
	return slices.ContainsFunc(s, func(d Stand) bool {
		return d.Text != "" && d.Slot.Kind != contain.KeyStatus && (d.Fate == FateRestored || d.Fate == FateSame)
	})
}

// Undone is the Detail of an EventUndone: another request took the policy of this one away.
type Undone struct {
	Request      string    `json:"request"`
	Card         string    `json:"card,omitempty"` // address of its card
	Requester    string    `json:"requester"`
	Approvers    []string  `json:"approvers"`
	At           time.Time `json:"at"`
	Cutoff       time.Time `json:"cutoff"`
	Slots        Stands    `json:"slots,omitempty"` // what was left
	Found        bool      `json:"found,omitempty"` // it was gone already, and not by that request
	Stays        bool      `json:"stays,omitempty"` // it was there before, and was left there
	Revives      bool      `json:"revives,omitempty"`
	RevivesUntil time.Time `json:"revives_until"`
	Seen         Seen      `json:"seen,omitempty"`
}

// Expired is the Detail of an EventPolicyExpired: no session that the policy keeps out can be alive
// any more.
type Expired struct {
	Cutoff   time.Time `json:"cutoff"`
	Since    time.Time `json:"since"`
	Restores bool      `json:"restores,omitempty"` // a clean-up puts an earlier policy back
}

package record

import (
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
)

// Rehearsed is the Detail of an EventRehearsed: what a revocation would have done, and what was
// checked on the way. Its members are not named as those of what was written are.
type Rehearsed struct {
	WouldBe   time.Time          `json:"would_be_cutoff,omitzero"`
	Policy    string             `json:"policy,omitempty"` // its name; empty: the IAM console's
	Documents []contain.Document `json:"would_be_documents"`
	At        time.Time          `json:"read_at"` // AWS's clock when the role was read

	CallerARN string `json:"caller_arn,omitempty"`
	Own       bool   `json:"own_session"`       // a session of this drill alone, which may only read
	Unnamed   bool   `json:"unnamed,omitempty"` // it could not name the people

	First  time.Duration `json:"first_step"`  // reading the role and opening the session
	Second time.Duration `json:"second_step"` // a read in place of the write

	Size        int    `json:"policy_characters,omitempty"` // of Quota; 0: not known
	SizeUnknown string `json:"size_unknown,omitempty"`      // why, in a few words written in package aws

	Before          Verdict   `json:"before,omitempty"` // of a session issued a second before the would-be cutoff
	After           Verdict   `json:"after,omitempty"`  // of one issued a second after it
	Proven          bool      `json:"proven,omitempty"` // each session is as the measure is to have it
	SimulatedAt     time.Time `json:"simulated_at,omitzero"`
	Unavailable     string    `json:"unavailable,omitempty"` // why it could not be simulated, a sentence
	MayWrite        bool      `json:"may_write"`
	MayWriteUnknown string    `json:"may_write_unknown,omitempty"` // why it is not known, a sentence
}

// Clean reports whether all that a drill can check was found in order. That an account has no
// session of its own, or one that names no people, is what its configuration accepts.
func (d Rehearsed) Clean() bool { return d.Proven && d.MayWrite && d.Size > 0 }

// WouldBeSince is the moment that would have parted sessions, zero before a drill came to it. A
// drill has no other.
func WouldBeSince(events []approvals.Event) time.Time {
	for e, d := range All[Rehearsed](events, approvals.EventRehearsed) {
		return since(d.WouldBe, d.At, e)
	}
	return time.Time{}
}

// IsDrill reads from a log whether it is that of a drill.
func IsDrill(events []approvals.Event) bool {
	if len(events) == 0 || events[0].Type != approvals.EventRequested {
		return false
	}
	o, err := Detail[approvals.Opening](events[0])
	return err == nil && o.Purpose.Mode() == approvals.ModeDrill
}

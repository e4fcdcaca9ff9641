package record

import (
	"time"

	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
)

// Tampered is the Detail of an EventTampered: what a check of the role found instead of the policy,
// and what is done about it.
type Tampered struct {
	State   role.CheckState `json:"state"`
	Cutoff  time.Time       `json:"cutoff"`            // what was to be there
	Found   time.Time       `json:"found,omitzero"`    // the cutoff that was there; zero: no deny that works
	At      time.Time       `json:"at,omitzero"`       // AWS's clock at the check
	Promise time.Time       `json:"promise,omitzero"`  // the cutoff that is about to be written; zero: nothing, or none
	Policy  string          `json:"policy,omitempty"`  // the name of the policy that was missed; empty: the IAM console's
	Rewrite int             `json:"rewrite,omitempty"` // which time it is that it is written again
	Resumed bool            `json:"resumed,omitempty"` // the same loss, told before: the promise has become a later one
	// the same loss, told before: it could not be written again as promised
	Told bool   `json:"told,omitempty"`
	Anew bool   `json:"anew,omitempty"` // the schedule of checks begins anew with it
	Why  string `json:"why,omitempty"`  // a sentence: why nothing is written
	SCP  string `json:"scp,omitempty"`  // a service control policy to be advised, JSON

	Changes []contain.Change `json:"changes,omitempty"` // that are about to be made; none: nothing is written
}

// Writing reports whether something is about to be written.
func (t Tampered) Writing() bool { return len(t.Changes) > 0 }

// Losses are the states that a Tampered can have.
func Losses() []role.CheckState {
	return []role.CheckState{role.Gone, role.Weakened, role.RoleGone, role.RoleReplaced}
}

// Lost reports whether the role is there without the policy.
func (t Tampered) Lost() bool { return t.State == role.Gone || t.State == role.Weakened }

// Rewritten is the Detail of an EventRewritten: AWS accepted the policy again.
type Rewritten struct {
	Applied
	Rewrite int      `json:"rewrite"`
	Back    ReadBack `json:"back"` // what the check after the write found
}

// Held is the Detail of an EventHeld: the last check found the policy in place.
type Held struct {
	At     time.Time     `json:"at,omitzero"`      // AWS's clock at the last check
	After  time.Duration `json:"after"`            // since the policy was applied
	Cutoff time.Time     `json:"cutoff"`           // on the role at that look
	Losses int           `json:"losses,omitempty"` // how often an earlier check missed it
}

// Change is one write or removal of the policy by another caller, as CloudTrail shows it.
type Change struct {
	trail.Change
	Cutoff time.Time `json:"cutoff,omitzero"` // of what was put; zero: none that works
}

// MaxRewrites is how often a policy is written again under one approval.
const MaxRewrites = 5

package record

import (
	"time"

	"github.com/revokebot/revokebot/aws/role"
)

// Simulated is the Detail of an EventSimulated: what the policy simulator says of two sessions.
type Simulated struct {
	Cutoff time.Time `json:"cutoff"`
	role.Simulation
}

// Blocks reports whether the simulator says that what was written blocks old sessions.
func (s Simulated) Blocks() bool { return s.Before == role.DeniedByOurs }

// Enforcement is the Detail of an EventSeenDenied: what CloudTrail shows of old sessions after the
// cutoff. Calls of sts:GetCallerIdentity never count.
type Enforcement struct {
	State EnforcementState `json:"state"`
	// calls of old sessions that were denied after the cutoff
	Denied        int       `json:"denied"`
	Succeeded     int       `json:"succeeded"`               // and those that were not
	FirstDenied   time.Time `json:"first_denied,omitzero"`   //
	LastSucceeded time.Time `json:"last_succeeded,omitzero"` //
	Why           string    `json:"why,omitempty"`           // a sentence
	At            time.Time `json:"at,omitzero"`             // up to when CloudTrail was asked
}

// EnforcementState sums it up. What is not one of these is unknown.
type EnforcementState string

// The states.
const (
	SeenDenied    EnforcementState = "denied"     // calls were denied, and none succeeded later than the propagation time
	SeenNotDenied EnforcementState = "not_denied" // calls succeeded later than that
	SeenUnknown   EnforcementState = "unknown"    // not enough was seen
)

package record

import "time"

// Simulated is the Detail of an EventSimulated: what the policy simulator says of two sessions.
type Simulated struct {
	Cutoff      time.Time `json:"cutoff"`
	At          time.Time `json:"at,omitzero"` // AWS's clock
	Before      Verdict   `json:"before,omitempty"`
	After       Verdict   `json:"after,omitempty"`
	Proven      bool      `json:"proven,omitempty"`      // each session is as the measure is to have it
	Unavailable string    `json:"unavailable,omitempty"` // a sentence: why it could not be simulated
}

// Verdict is what the simulator says of one session, in package aws's words. The zero value is
// unknown.
type Verdict string

// The verdicts.
const (
	DeniedByOurs  Verdict = "denied_by_ours"
	DeniedByOther Verdict = "denied_by_other"
	NotDenied     Verdict = "not_denied"
)

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

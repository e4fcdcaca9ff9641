package messages

import "time"

// Simulated is the Detail of an EventSimulated: what the policy simulator says of two sessions.
type Simulated struct {
	Cutoff      time.Time `json:"cutoff"`
	At          time.Time `json:"at,omitzero"` // AWS's clock
	Before      Verdict   `json:"before,omitempty"`
	After       Verdict   `json:"after,omitempty"`
	Unavailable string    `json:"unavailable,omitempty"` // a sentence: why it could not be simulated
}

// Verdict is what the simulator says of one session, in package aws's words. The zero value is unknown.
type Verdict string

// The verdicts.
const (
	DeniedByOurs  Verdict = "denied_by_ours"
	DeniedByOther Verdict = "denied_by_other"
	NotDenied     Verdict = "not_denied"
)

func (v Verdict) words() string {
	switch v {
	case DeniedByOurs:
		return "denied by this policy"
	case DeniedByOther:
		return "denied by another policy"
	case NotDenied:
		return "not denied"
	default:
		return "answered in a way that revokebot does not know"
	}
}

// mark sums up a simulation that does not show what it should.
func (s Simulated) mark() string {
	switch {
	case s.Before == DeniedByOurs && s.After == DeniedByOther:
		return "yes, and new sessions are denied by another policy"
	case s.Before == DeniedByOther:
		return "not known, another policy denies it already"
	case s.Before == "" || s.After == "":
		return "not known"
	default:
		return "no"
	}
}

// Enforcement is the Detail of an EventSeenDenied: what CloudTrail shows of old sessions after the cutoff. Calls of
// sts:GetCallerIdentity never count.
type Enforcement struct {
	State         EnforcementState `json:"state"`
	Denied        int              `json:"denied"`                  // calls of old sessions that were denied after the cutoff
	Succeeded     int              `json:"succeeded"`               // and those that were not
	FirstDenied   time.Time        `json:"first_denied,omitzero"`   //
	LastSucceeded time.Time        `json:"last_succeeded,omitzero"` //
	Why           string           `json:"why,omitempty"`           // a sentence
	At            time.Time        `json:"at,omitzero"`             // up to when CloudTrail was asked
}

// EnforcementState sums it up. What is not one of these is unknown.
type EnforcementState string

// The states.
const (
	SeenDenied    EnforcementState = "denied"     // calls were denied, and none succeeded later than the propagation time
	SeenNotDenied EnforcementState = "not_denied" // calls succeeded later than that
	SeenUnknown   EnforcementState = "unknown"    // not enough was seen
)

// Tampered is the Detail of an EventTampered: what a look at the role found instead of the deny.
type Tampered struct {
	State    string    `json:"state"`            // gone, weakened, role_gone or role_replaced, as package aws says it
	Cutoff   time.Time `json:"cutoff"`           // what was to be there
	Found    time.Time `json:"found,omitzero"`   // the cutoff that was there; zero: no deny that works
	At       time.Time `json:"at,omitzero"`      // AWS's clock
	Promise  time.Time `json:"promise,omitzero"` // the cutoff that is about to be written; zero: nothing is written
	Previous string    `json:"previous,omitempty"`
	Document string    `json:"document,omitempty"` // what is about to be written
	Rewrite  int       `json:"rewrite,omitempty"`  // which time it is that it is written again
	Why      string    `json:"why,omitempty"`      // a sentence: why nothing is written
	RailSCP  string    `json:"rail_scp,omitempty"` // a service control policy that keeps others from the role's inline policies
}

// Lost reports whether the role is there without the deny.
func (t Tampered) Lost() bool { return t.State == "gone" || t.State == "weakened" }

// words says what was found, in the middle of a sentence.
func (t Tampered) words() string {
	switch {
	case t.State == "gone":
		return "gone"
	case t.State == "weakened" && t.Found.IsZero():
		return "there without a deny that works"
	case t.State == "weakened":
		return "there with the earlier cutoff " + utc(t.Found)
	default:
		return "in a state that revokebot does not know"
	}
}

// Rewritten is the Detail of an EventRewritten: AWS took the deny again.
type Rewritten struct {
	Cutoff    time.Time `json:"cutoff"`
	At        time.Time `json:"at,omitzero"` // AWS's clock
	Document  string    `json:"document"`
	Rewrite   int       `json:"rewrite"`
	Writes    int       `json:"writes,omitempty"`
	CallerARN string    `json:"caller_arn,omitempty"`
	Back      ReadBack  `json:"back"` // what the look after the write found
}

// Held is the Detail of an EventHeld: the last look found the deny in place.
type Held struct {
	At     time.Time     `json:"at,omitzero"` // AWS's clock at the last look
	After  time.Duration `json:"after"`       // since the deny was applied
	Cutoff time.Time     `json:"cutoff"`      // on the role at that look
}

func (h Held) text() string {
	return "The deny *held for " + span(h.After) + "*: it was on the role at the last look, on " + utc(h.At) + "."
}

package aws

import "time"

// Containment is the last word about a revocation. The zero value is ContainmentUnknown, and never a pass.
type Containment int

// The states of containment.
const (
	ContainmentUnknown Containment = iota
	Contained
	NotContained
)

// String is the word as people read it.
func (v Containment) String() string {
	switch v {
	case Contained:
		return "contained"
	case NotContained:
		return "not contained"
	default:
		return "unknown"
	}
}

// JudgeInput is what was found after a revocation.
type JudgeInput struct {
	Cutoff     time.Time // zero: nothing was revoked, and the verdict is unknown
	Propagated time.Time // from when on a success counts against the deny; before the cutoff it means the cutoff

	Sessions   []Session           // of Lookup, the whole window
	Suspects   []Suspect           // of Suspects over the same sessions
	Activities map[string]Activity // of what was looked at, by access key
	Chain      []ChainLink         // sessions of other roles that came out of them

	Regions []RegionCoverage // of Lookup
	AskedAt time.Time        // of Lookup: AWS's clock at the last answer
	Limited bool             // Lookup returned fewer sessions than there are
}

// Judgement is the verdict with what led to it.
type Judgement struct {
	State    Containment
	Reasons  []string  // in words, each a sentence; they hold foreign text
	Calls    []Call    // that show that it is not contained
	Sessions []Session // that show that it is not contained
	Old      int       // sessions issued before the cutoff and not ended at it
	Looked   int       // of those, how many were looked at
	Denied   int       // of those, how many were seen denied after the cutoff
}

// Judge says whether the revocation holds, as far as was seen: contained is said only when old sessions were seen denied
// or have all ended, none of those looked at succeeded past propagation, no session was issued after the cutoff to a
// caller that was suspicious before, and everything that was asked was answered in full. Whatever shows the contrary is
// not contained, even if not everything was answered. All else is unknown.
func Judge(in JudgeInput) Judgement {
	return Judgement{}
}

package trail

import (
	"fmt"
	"time"

	"github.com/revokebot/revokebot/internal/times"
)

// Containment is the last word about a revocation. The zero value is ContainmentUnknown, and never
// a pass.
type Containment int

// The states of containment.
const (
	ContainmentUnknown Containment = iota
	Contained
	NotContained
	NoActivity // unknown, because the role was not used since the cutoff
)

// String is the word as people read it.
func (c Containment) String() string {
	switch c {
	case Contained:
		return "contained"
	case NotContained:
		return "not contained"
	case NoActivity:
		return "no activity since the cutoff"
	default:
		return "unknown"
	}
}

// JudgeInput is what was found after a revocation.
type JudgeInput struct {
	RoleARN    string    // with the path
	Since      time.Time // from when on sessions were looked for; zero means CloudTrail's own limit
	Cutoff     time.Time // zero: nothing was revoked, and the state is unknown
	All        bool      // sessions that were issued after the cutoff are denied, too
	Propagated time.Time // from when on a success counts against the deny; before the cutoff it means the cutoff

	Sessions   []Session           // of Lookup, the whole window
	Suspects   []Suspect           // of Suspects over the same sessions, and whatever else is to count as one
	Activities map[string]Activity // of what was looked at with the same cutoff, by access key
	Links      []ChainLink         // of Chain: the sessions of other roles that came out of them

	// Revoked are the cutoffs of other roles that were revoked, too, by ARN.
	Revoked map[string]time.Time

	Regions  []RegionCoverage // of Lookup
	AskedAt  time.Time        // of Lookup: AWS's clock at the last answer
	LastUsed LastUsed         // of Lookup

	// Lost says what became of the revocation policy that the last check missed, a check first at
	// LostAt, and Unwatched why it is not known whether it stands; sentences, "" if it stands.
	Lost, Unwatched string
	LostAt          time.Time
	// Unproven says why it is not known whether a denial was by the revocation policy; "" if it is.
	Unproven string
}

// Judgement is the state with what led to it.
type Judgement struct {
	State Containment
	// each a sentence, of NotContained what shows it, of Unknown what is missing; they hold foreign
	// text
	Reasons  []string
	Calls    []Call    // that show that it is not contained
	Sessions []Session // that show that it is not contained
	// of other roles, each once: sessions that came out of suspicious ones and that nothing here stops
	Roles       []ChainLink
	Persistence []Call // that suspicious sessions opened, whatever the state: it is about sessions only

	Old    int  // sessions that were issued before the cutoff and had not ended at it
	Looked int  // of those, how many were looked at
	Denied int  // of those, how many were seen denied by a policy of the role after the cutoff
	Wait   bool // CloudTrail is late or did not answer: a later check may know more
}

// longestSession is how long a session of a role lasts at most (IAM User Guide, "Methods to assume
// a role").
const longestSession = 12 * time.Hour

// mostSaid bounds the calls and sessions that a Judgement repeats.
const mostSaid = 20

// Judge says whether the revocation holds, as far as was seen.
//
// Contained is said only when old sessions were seen denied, or all have ended; when none that was
// looked at succeeded past propagation; when no session was issued after the cutoff to a caller, or
// from an address, that was suspicious before; when nothing that came out of suspicious sessions
// lives on in another role; and when all that was asked was answered in full. Whatever shows the
// contrary is not contained, even if not everything was answered. All else is unknown.
func Judge(in JudgeInput) Judgement {
	j := &judge{
		in: in, from: times.Later(in.Cutoff, in.Propagated), suspicious: map[string]bool{}, fresh: map[string]bool{},
	}
	if in.Cutoff.IsZero() {
		j.out.Reasons = []string{"Nothing was revoked."}
		return j.out
	}
	for _, s := range in.Suspects {
		if s.Session.AccessKeyID != "" {
			j.suspicious[s.Session.AccessKeyID] = true
		}
	}
	for _, s := range in.Sessions {
		if s.AccessKeyID != "" && !s.Derived && !s.Time.Before(in.Cutoff) {
			j.fresh[s.AccessKeyID] = true
		}
	}
	j.oldSessions()
	j.cameBack()
	j.otherRoles()
	j.where()
	j.policy()
	switch {
	case len(j.against) > 0:
		j.out.State, j.out.Reasons = NotContained, j.against
	case j.unused():
		j.out.State, j.out.Reasons = NoActivity, []string{
			"The role was not used since the cutoff, as far as CloudTrail has reported.",
		}
	case len(j.missing) > 0:
		j.out.Reasons = j.missing
	default:
		j.out.State, j.out.Reasons = Contained, j.reasonsFor()
	}
	return j.out
}

// judge weighs one JudgeInput.
type judge struct {
	in         JudgeInput
	from       time.Time       // from when on a success counts
	suspicious map[string]bool // access keys
	fresh      map[string]bool // access keys of sessions that were issued after the cutoff
	against    []string        // what shows that it is not contained
	missing    []string        // what keeps it from being known
	out        Judgement
}

func (j *judge) show(format string, args ...any) {
	j.against = append(j.against, fmt.Sprintf(format, args...))
}

func (j *judge) miss(format string, args ...any) {
	j.missing = append(j.missing, fmt.Sprintf(format, args...))
}

// isOld reports whether the deny has to stop a session. Credentials that an old session made for
// itself count as old even when they are new: whether they keep the issue time is not documented.
func (j *judge) isOld(s Session) bool {
	if !s.Issued() || s.Uncertain || s.Kind == KindRoot || !s.Expires.IsZero() && !s.Expires.After(j.in.Cutoff) {
		return false
	}
	return j.in.All || s.Time.Before(j.in.Cutoff) || s.Derived && !j.fresh[s.CallerAccessKey]
}

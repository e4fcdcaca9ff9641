package trail

import (
	"cmp"
	"fmt"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/internal/times"
)

// Containment is the verdict about a revocation. The zero value is never a pass.
type Containment string

// The states of containment.
const (
	ContainmentUnknown Containment = "unknown"
	Contained          Containment = "contained"
	NotContained       Containment = "not contained"
	NoActivity         Containment = "no activity" // unknown, because the role was not used
)

// JudgeInput is what was found after a revocation.
type JudgeInput struct {
	RoleARN string    // with the path
	Since   time.Time // from when on sessions were looked for; zero means CloudTrail's own limit
	Cutoff  time.Time // zero: nothing was revoked, and the state is unknown
	Mark    string    // what the cutoff is called in reasons; "" is "cutoff"
	// Key is the access key of a user, which is inactive, and one of the Sessions, which are of its
	// user; RoleARN is "" then. Active says that it is active again.
	Key    string
	Active bool
	All    bool // sessions that were issued after the cutoff are denied, too
	// Denies is as in ActivityQuery: what is not denied is as if it were not of theirs.
	Denies     func(contain.Call) contain.Answer
	Propagated time.Time // from when on a success counts against the policy; before the cutoff it means the cutoff

	Sessions   []Session           // of Lookup, the whole window
	Suspects   []Suspect           // of Suspects over the same sessions, and whatever else is to count as one
	Activities map[string]Activity // of what was looked at with the same cutoff, by Session.ID
	Links      []ChainLink         // of Chain: the sessions of other roles that came out of them

	// Revoked are the cutoffs of other roles that were revoked, too, by ARN.
	Revoked map[string]time.Time

	// Ours are the callers of whom a person said that they are theirs, by CallerID.
	Ours map[string]bool

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

	// Of the sessions that were issued before the cutoff: each is one of these, or was active after
	// it.
	Old     int
	Expired int // had ended when CloudTrail was asked, and were not seen denied
	Denied  int // were seen denied by a policy of the role after the cutoff
	Quiet   int // were looked at, and made no call since
	Looked  int // of those that had not ended at the cutoff, how many were looked at

	Wait bool // CloudTrail is late or did not answer: a later check may know more
}

// longestSession is how long a session of a role lasts at most (IAM User Guide, "Methods to assume
// a role").
const longestSession = 12 * time.Hour

// longestOfUser is how long a session of a user lasts at most (AWS STS API Reference,
// "GetSessionToken").
const longestOfUser = 36 * time.Hour

// mostSaid bounds the calls and sessions that a Judgement repeats.
const mostSaid = 20

// Assess says whether the revocation holds, as far as was seen.
//
// Contained is said only when old sessions were seen denied, or all have ended; when every one that
// had not ended was looked at and none succeeded past propagation; when none opened a session, here
// or in another role, that lives on; when no attacker came back by what was copied, and every
// caller since is known; and when all that was asked was answered in full. Whatever shows the
// contrary is not contained, even if not everything was answered. All else is unknown.
func Assess(in JudgeInput) Judgement {
	j := &judge{in: in, from: times.Later(in.Cutoff, in.Propagated), theirs: map[string]bool{}, fresh: map[string]bool{}}
	j.out.State = ContainmentUnknown
	if in.Cutoff.IsZero() {
		j.out.Reasons = []string{"Nothing was revoked."}
		return j.out
	}
	for _, s := range in.Sessions {
		switch {
		case !s.Issued() || s.Uncertain || s.ID() == "":
		case s.Time.Before(in.Cutoff):
			j.theirs[s.ID()] = true
		case !s.Derived:
			j.fresh[s.ID()] = true
		}
	}
	j.spread()
	j.oldSessions()
	j.tokens()
	j.cameBack()
	j.otherRoles()
	j.where()
	j.policy()
	switch {
	case len(j.against) > 0:
		j.out.State, j.out.Reasons = NotContained, j.against
	case j.unused():
		j.out.State, j.out.Reasons = NoActivity, []string{
			"The " + j.noun() + " was not used since the " + j.mark() + ", as far as CloudTrail has reported.",
		}
	case len(j.missing) > 0:
		j.out.Reasons = j.missing
	default:
		j.out.State, j.out.Reasons = Contained, j.reasonsFor()
	}
	j.out.Reasons = append(j.notes, j.out.Reasons...) // first: messages show only some
	return j.out
}

// judge weighs one JudgeInput.
type judge struct {
	in      JudgeInput
	from    time.Time       // from when on a success counts
	theirs  map[string]bool // by Session.ID: old sessions, what they opened, and what came back by what was copied
	fresh   map[string]bool // by Session.ID: sessions that were issued after the cutoff
	against []string        // what shows that it is not contained
	missing []string        // what keeps it from being known
	notes   []string        // what is so whatever the state
	out     Judgement
}

// spread makes what came out of their sessions theirs, in other roles too, parents before their
// children.
func (j *judge) spread() {
	for _, link := range j.in.Links {
		if id := link.Child.ID(); j.theirs[link.Parent.ID()] && j.elsewhere(link.Child) && !link.Child.Token && id != "" {
			j.theirs[id] = true
		}
	}
}

// elsewhere reports whether the measure would deny the call that opened a session.
func (j *judge) elsewhere(s Session) bool {
	return j.in.Denies == nil || j.in.Denies(facts("", "", s.SourceAddress)) != contain.No
}

func (j *judge) show(format string, args ...any) {
	j.against = append(j.against, fmt.Sprintf(format, args...))
}

func (j *judge) miss(format string, args ...any) {
	j.missing = append(j.missing, fmt.Sprintf(format, args...))
}

// ended reports whether a session had ended. One of which no record tells the end lasts as long as
// a session can.
func ended(s Session, at time.Time) bool {
	if s.Expires.IsZero() {
		return at.Sub(s.Time) >= longestSession
	}
	return !s.Expires.After(at)
}

// noun is what the measure is on.
func (j *judge) noun() string {
	if j.in.Key != "" {
		return "user"
	}
	return "role"
}

// mark is what the cutoff is called.
func (j *judge) mark() string { return cmp.Or(j.in.Mark, "cutoff") }

// isOld reports whether the revocation has to stop a session. Credentials that an old session made
// for itself count as old even when they are new: whether they keep the issue time is not
// documented. Those without a key of their own are found with the session that made them.
func (j *judge) isOld(s Session) bool {
	switch {
	case !s.Issued() || s.Uncertain || s.Kind == KindRoot || s.Token || s.Derived && s.AccessKeyID == "":
		return false
	case j.in.All:
		return true
	case s.Derived && !s.CallerBegan.IsZero():
		return s.CallerBegan.Before(j.in.Cutoff)
	default:
		return s.Time.Before(j.in.Cutoff) || s.Derived && !j.fresh[s.CallerAccessKey]
	}
}

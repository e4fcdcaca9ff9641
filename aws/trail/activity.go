package trail

import (
	"net/netip"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

// ActivityQuery asks what was done in sessions.
type ActivityQuery struct {
	AccountName string
	Sessions    []Session // those that are asked about
	Among       []Session // all that are known: a call found by a session's name may be one of another of that name
	Since       time.Time // as in LookupQuery
	Cutoff      time.Time // for what is said about calls after it; zero when there is none
	Limit       int       // most calls to read of each key or name in a region, the newest first; 0 means 1,000
	LogGroup    *LogGroup // of the Report that the sessions are from; nil: LookupEvents is asked for everything
	Policies    []string  // ARNs of managed policies of the request, whose denials are proof, too
	Regions     []string  // of the account's, besides its home region; nil: all

	// User is asked about by name, too: calls of its that are of no known session are of other keys
	// and sessions of the user. The zero value asks about no user.
	User      contain.Principal
	AlsoNamed string // the user's name now, if it was renamed

	// Denies says which calls the measure denies once it is enforced; nil: all of the sessions.
	Denies func(contain.Call) contain.Answer

	// Deep asks by access key, too, which also finds what has no session's name, and asks for more
	// where a region has more calls of a key than Limit: those that matter most are looked up by
	// name from before the oldest that was read. That takes up to 19 more requests in the home
	// region, 9.5 seconds, and up to 6 in each other one; only where it is cut.
	Deep bool
}

// Activity is what CloudTrail knows of the calls of one session: those that were signed by its key,
// and those that bear its name and issue time, whatever signed them (a service for the session, the
// console, which has a key per call, or a key of GetScopedCredentials). CloudTrail looks up
// management events only: what a session read from S3 or did inside a database is not among them.
// All text is foreign.
//
// The counts are of all calls that were read; a list of calls or sessions holds the newest, at most
// 100, newest first.
type Activity struct {
	Calls       int
	Denied      int // refused for want of a permission
	First, Last time.Time

	// Of all calls, by ActivityQuery.Denies: those that the measure denies, and those of which that is
	// not known.
	ToDeny, PerhapsToDeny int

	Services  []ServiceUse // most used first; all
	Sources   []Source     // addresses that the calls came from, most used first
	Delegates []string     // accounts that acted in the session by a temporary delegation

	// What happened after the cutoff. sts:GetCallerIdentity is left out: it works under every deny.
	// A call that failed for another reason than a permission does not tell whether the policy
	// would have stopped it.
	LastSucceeded time.Time // the last success, before the cutoff or after it
	FirstDenied   time.Time // the first denial after the cutoff
	// the first after the cutoff by an inline policy of the role, and the same by action
	FirstExplicitDeny    time.Time
	Blocked              map[string]time.Time
	Ended                time.Time // the first call after the cutoff that failed because the session had ended
	SucceededAfter       int
	DeniedAfter          int
	FailedAfter          int
	UnclearAfter         int // succeeded, and whether the measure denies them is not known
	SucceededAfterCutoff []Call

	// Persistence calls, denied ones too; Call.Opens says which. What was done again and again to
	// the same target with the same outcome is one entry with its number of Times; of one call at most
	// 20 targets are listed.
	Persistence      []Call
	PersistenceCalls int

	Assumed  []Session // credentials that were got with the key, denied attempts too: the children
	Unlisted bool      // there are more children than are listed

	Regions   []RegionCoverage // empty when nothing was asked, as for an account that is not configured
	Truncated bool             // there is more in the window than was read, in at least one region
	AskedAt   time.Time        // AWS's clock at the last answer, whole seconds; zero when no region answered
}

// Covered reports whether every region answered for the whole window, and all children are listed.
func (a Activity) Covered() bool { return covered(a.Regions) && !a.Unlisted }

// covered reports whether every one of at least one region answered for the whole window.
func covered(regions []RegionCoverage) bool {
	for _, r := range regions {
		if !r.Covered || r.Truncated {
			return false
		}
	}
	return len(regions) > 0
}

// PersistenceFrom are the persistence calls that a copy of the key made: those from where the
// session is not at home. Without such addresses it is all of them.
func (a Activity) PersistenceFrom(elsewhere []Source) []Call {
	if len(elsewhere) == 0 {
		return a.Persistence
	}
	copies := map[netip.Prefix]bool{{}: true}
	for _, from := range elsewhere {
		copies[networkOf(from.Address)] = true
	}
	return slices.DeleteFunc(slices.Clone(a.Persistence), func(c Call) bool { return !copies[networkOf(c.SourceAddress)] })
}

// ServiceUse counts the calls to one service.
type ServiceUse struct {
	Service string `json:"service"` // such as iam
	Calls   int    `json:"calls"`
	Denied  int    `json:"denied,omitempty"`
}

// Source is an address that calls came from.
type Source struct {
	Address   string    `json:"address"`
	UserAgent string    `json:"user_agent,omitempty"` // of the newest call
	Calls     int       `json:"calls"`
	First     time.Time `json:"first,omitzero"`
	Last      time.Time `json:"last,omitzero"`
}

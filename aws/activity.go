package aws

import (
	"context"
	"time"
)

// ActivityQuery asks what was done with one access key.
type ActivityQuery struct {
	AccountName  string
	AccessKeyID  string        // of a session, or of a user
	Since, Until time.Time     // the window; zero means CloudTrail's own limit of 90 days, and now
	Cutoff       time.Time     // for what is said about calls after it; zero when there is none
	Limit        int           // most calls to read in each region, the newest first; 0 means 1,000
	Patience     time.Duration // as in LookupQuery
}

// Activity is what CloudTrail knows of the calls that were signed by one key. CloudTrail keeps management events here: what
// a session read from S3 or did inside a database is not in it. All text is foreign.
//
// The counts are of all calls that were read; the lists hold the newest, at most 100 each, newest first.
type Activity struct {
	Calls       int
	Denied      int // refused for want of a permission
	Failed      int // failed otherwise
	First, Last time.Time

	Services []ServiceUse // most used first
	Sources  []Source     // addresses that the calls came from, most used first

	// What happened after the cutoff. sts:GetCallerIdentity is left out: it works under every deny. A call that failed for
	// another reason than a permission is in neither: the failure does not tell whether the deny would have stopped it.
	LastSucceeded        time.Time // the last success at any time, GetCallerIdentity left out
	FirstDenied          time.Time // the first denial after the cutoff
	FirstExplicitDeny    time.Time // the first one whose message speaks of an explicit deny, which the role's own deny is
	SucceededAfter       int
	DeniedAfter          int
	FailedAfter          int
	SucceededAfterCutoff []Call

	Doors     []Call // calls that open doors, denied ones too; Call.Opens says what
	DoorCalls int

	Assumed []Session // credentials that were got with the key, denied attempts too: the children

	Regions   []RegionCoverage // empty when nothing was asked, as for an account that is not configured
	Truncated bool             // there is more in the window than was read, in at least one region
	AskedAt   time.Time        // AWS's clock at the last answer, whole seconds; zero when no region answered
}

// Covered reports whether every region answered for the whole window.
func (a Activity) Covered() bool {
	for _, r := range a.Regions {
		if !r.Covered || r.Truncated {
			return false
		}
	}
	return len(a.Regions) > 0
}

// ServiceUse counts the calls to one service.
type ServiceUse struct {
	Service       string // such as iam
	Calls, Denied int
}

// Source is an address that calls came from.
type Source struct {
	Address     string
	UserAgent   string // of the newest call
	Calls       int
	First, Last time.Time
}

// Call is one call that was signed by a key. All text but Opens is foreign.
type Call struct {
	EventID       string
	Time          time.Time
	Region        string
	Service, Name string // iam, CreateAccessKey
	ErrorCode     string // "" for a success
	Denied        bool   // refused for want of a permission
	ExplicitDeny  bool   // and the message speaks of an explicit deny
	Target        string // what it was about, in short: "user backdoor"; "" where the event does not say it
	Made          string // the access key that CreateAccessKey made, else ""
	SourceAddress string
	UserAgent     string
	Opens         string // why it opens a door, in a few words; "" for a call that opens none
}

// Activity lists what was done with an access key in the window, from every region of the account at once. A region that
// cannot be read is named in Activity.Regions, so the error is only about the question itself: an *InputError, or the
// *CallError of the reading session.
func (c *Cloud) Activity(ctx context.Context, q ActivityQuery) (Activity, error) {
	a := c.byName[q.AccountName]
	if a == nil {
		return Activity{}, unknownAccount(c, q.AccountName)
	}
	return Activity{}, nil
}

package trail

import (
	"context"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/aws"
)

// ActivityQuery asks what was done with one access key.
type ActivityQuery struct {
	AccountName string
	AccessKeyID string         // of a session, or of a user
	Since       time.Time      // as in LookupQuery
	Cutoff      time.Time      // for what is said about calls after it; zero when there is none
	Limit       int            // most calls to read in each region, the newest first; 0 means 1,000
	Patience    time.Duration  // as in LookupQuery
	Progress    func(Progress) // as in LookupQuery

	// Telling asks for more where a region has more calls than Limit: those that matter most are
	// looked up by name from before the oldest that was read. That takes up to 19 more requests in the
	// home region, 9.5 seconds, and up to 6 in each other one; only where it is cut.
	ByName bool
}

const defaultCalls = 1000

// Activity is what CloudTrail knows of the calls that were signed by one key. CloudTrail looks up
// management events only: what a session read from S3 or did inside a database is not among them.
// All text is foreign.
//
// The counts are of all calls that were read; a list of calls or sessions holds the newest, at most
// 100, newest first.
type Activity struct {
	Calls       int
	Denied      int // refused for want of a permission
	Failed      int // failed otherwise, or cannot be read
	First, Last time.Time

	Services []ServiceUse // most used first; all
	Sources  []Source     // addresses that the calls came from, most used first

	// What happened after the cutoff. sts:GetCallerIdentity is left out: it works under every deny. A
	// call that failed for another reason than a permission does not tell whether the deny would have
	// stopped it.
	LastSucceeded time.Time // the last success, before the cutoff or after it
	FirstDenied   time.Time // the first denial after the cutoff
	// the first after the cutoff by an inline policy of the role, and the same by action
	FirstExplicitDeny    time.Time
	Blocked              map[string]time.Time
	Ended                time.Time // the first call after the cutoff that failed because the session had ended
	SucceededAfter       int
	DeniedAfter          int
	FailedAfter          int
	SucceededAfterCutoff []Call

	// Persistence calls, denied ones too; Call.Opens says which. What was done again and again to
	// the same target with the same outcome is one entry with its number of Times; of one call at most
	// 20 targets are listed.
	Persistence      []Call
	PersistenceCalls int

	Assumed      []Session // credentials that were got with the key, denied attempts too: the children
	AssumedCalls int

	Regions   []RegionCoverage // empty when nothing was asked, as for an account that is not configured
	Truncated bool             // there is more in the window than was read, in at least one region
	AskedAt   time.Time        // AWS's clock at the last answer, whole seconds; zero when no region answered
}

// Covered reports whether every region answered for the whole window.
func (a Activity) Covered() bool { return covered(a.Regions) }

// covered reports whether every one of at least one region answered for the whole window.
func covered(regions []RegionCoverage) bool {
	for _, r := range regions {
		if !r.Covered || r.Truncated {
			return false
		}
	}
	return len(regions) > 0
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

// Elsewhere returns the addresses from which the key of a session was used and which are not where
// the session was opened: a key that was copied. It is empty for sessions that AWS services opened,
// whose holders' addresses are not in the event, and for what services did in the session's name.
func (a Activity) Elsewhere(s Session) []Source {
	if !isAddress(s.SourceAddress) {
		return nil
	}
	var elsewhere []Source
	for _, source := range a.Sources {
		if isAddress(source.Address) && source.Address != s.SourceAddress {
			elsewhere = append(elsewhere, source)
		}
	}
	return elsewhere
}

// isAddress reports whether a source is an address, and not a service's name or "AWS Internal".
func isAddress(source string) bool {
	_, err := netip.ParseAddr(source)
	return err == nil
}

// Activity lists what was done with an access key in the window, from every region of the account
// at once. A region that cannot be read is named in Activity.Regions, so the error is only about
// the question itself: an *InputError, or the *CallError of the reading session.
func (c *Client) Activity(ctx context.Context, q ActivityQuery) (Activity, error) {
	a, _, err := c.toAsk(ctx, q.AccountName)
	if err != nil {
		return Activity{}, err
	}
	if q.AccessKeyID == "" {
		return Activity{}, &aws.InputError{
			Reason: aws.InputNoKey, Sentence: "No access key was given. The event of a session names it as its accessKeyId.",
		}
	}
	if q.Limit <= 0 {
		q.Limit = defaultCalls
	}
	regions, _ := a.TrailRegions(ctx) // Lookup says if they are guessed
	read := make([]*fold, len(regions))
	watch := newWatch(regions, q.Progress)
	c.everywhere(ctx, regions, q.Patience, func(ctx context.Context, i int, s *regionBudget) {
		defer watch.done(s.region)
		read[i] = newFold(q.Cutoff)
		c.activityIn(ctx, a, q, s, read[i], watch)
	})
	return joined(read), nil
}

// activityIn reads one region up to the limit. Each page is counted and let go.
func (c *Client) activityIn(ctx context.Context, a *aws.Conn, q ActivityQuery, s *regionBudget, f *fold, watch *watch) {
	f.coverage = RegionCoverage{Region: s.region, Covered: true}
	query := trailQuery{
		key: types.LookupAttributeKeyAccessKeyId, value: q.AccessKeyID, since: q.Since, budget: s,
	}
	var oldest time.Time
	for page, err := range pages(ctx, a, s.region, query) {
		if err != nil {
			f.coverage.fail(err)
			c.cloud.Log().WarnContext(ctx, "CloudTrail could not be read", "account", a.Name, "region", s.region, "error", err)
			return
		}
		oldest = oldestOf(page.events)
		f.AskedAt = page.clock.Server
		f.coverage.Events += len(page.events)
		sessions := len(f.Assumed)
		for _, event := range page.events {
			f.add(event, s.region)
		}
		watch.read(len(page.events), len(f.Assumed)-sessions)
		if f.coverage.Events >= q.Limit {
			f.coverage.Truncated = page.more
			break
		}
	}
	if q.ByName && f.coverage.Truncated {
		c.namedIn(ctx, a, q, s, f, watch, oldest)
	}
}

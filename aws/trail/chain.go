package trail

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/internal/times"
)

// ChainQuery asks which roles the sessions of a role assumed, and what came of it. Its Sessions are
// where to begin, the most important first; attempts that got none are left out.
type ChainQuery struct {
	ActivityQuery
	RoleARN string // of the sessions, with the path
	Depth   int    // how many levels down; 0 means 3
	Keys    int    // most sessions to look at, each up to two requests in every region; 0 means 30
}

const (
	chainDepth = 3
	chainKeys  = 30
	keysAtOnce = 4 // they share the pace in each region, so more would not be faster
)

// Chain is the tree of sessions that came out of a role's sessions.
type Chain struct {
	Links     []ChainLink         // parents before their children
	Roots     map[string]Activity // what the sessions of the query did, by Session.ID
	Unseen    []Session           // as in Activities
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
	q.Depth = cmp.Or(q.Depth, chainDepth)
	chain := Chain{Roots: map[string]Activity{}}
	seen := map[string]bool{}
	var level []chainNode
	for _, s := range q.Sessions {
		if id := s.ID(); id != "" && s.Issued() && !seen[id] {
			seen[id] = true
			level = append(level, chainNode{session: s, account: q.AccountName, roles: []string{q.RoleARN}, link: -1})
		}
	}
	budget := cmp.Or(q.Keys, chainKeys)
	for len(level) > 0 && ctx.Err() == nil {
		activities := c.activities(ctx, q, level, &budget, &chain)
		var next []chainNode
		for i, node := range level {
			next = append(next, chain.grow(c, q, node, activities[i], seen)...)
		}
		level = next
	}
	return chain, nil
}

// OfUser follows access keys of a user as Chain does, and asks what other keys and sessions of the
// user did: those are Unseen. A key has no issue time; calls of which neither is known are of one
// session without both. Report says how far each region has reported, asked before all else.
func (c *Client) OfUser(ctx context.Context, q ChainQuery, user contain.Principal) (Report, Chain, error) {
	a, own, err := c.toAsk(ctx, q.AccountName)
	if err != nil {
		return Report{}, Chain{}, err
	}
	regions, err := a.TrailRegions(ctx)
	report := Report{Guessed: err != nil, Regions: make([]RegionCoverage, len(regions))}
	c.everywhere(regions, func(i int, s *regionBudget) {
		report.Regions[i] = RegionCoverage{Region: s.region, Covered: true, Reported: c.reported(ctx, a, own, q.Since, s)}
	})
	chain, err := c.Chain(ctx, q)
	if err != nil {
		return report, chain, err
	}
	ask := q.ActivityQuery
	ask.Sessions, ask.Among, ask.User = nil, q.Sessions, user
	for _, l := range chain.Links {
		ask.Among = append(ask.Among[:len(ask.Among):len(ask.Among)], l.Child)
	}
	did, err := c.Activities(ctx, ask)
	chain.Unseen = append(chain.Unseen, did.Unseen...)
	maps.Copy(chain.Roots, did.By)
	report.Regions = worst(worst(report.Regions, chain.Regions), did.regions)
	for _, r := range report.Regions {
		report.AskedAt = times.Later(report.AskedAt, r.askedAt)
	}
	return report, chain, err
}

// activities looks at the calls of every session of a level, as far as the budget goes, account by
// account.
func (c *Client) activities(
	ctx context.Context, q ChainQuery, level []chainNode, budget *int, chain *Chain,
) []Activity {
	found := make([]Activity, len(level))
	in := map[string][]int{} // places in level, by account
	for i, node := range level {
		switch {
		case node.account == "" || node.session.ID() == "" || node.session.Token:
		case *budget == 0:
			chain.Truncated = true
		default:
			*budget--
			in[node.account] = append(in[node.account], i)
		}
	}
	for account, places := range in {
		ask := q.ActivityQuery
		ask.AccountName, ask.Deep, ask.Sessions = account, true, nil
		for _, i := range places {
			ask.Sessions = append(ask.Sessions, level[i].session)
		}
		if level[0].link >= 0 { // the measure is on the role alone
			ask.Denies = nil
		}
		if account != q.AccountName {
			ask.Among, ask.Policies = nil, nil
		}
		did, err := c.Activities(ctx, ask)
		if err != nil { // another account's reading session: the role's own was opened before
			c.cloud.Log().WarnContext(ctx, "sessions could not be followed", "account", account, "error", err)
		}
		chain.Unseen = append(chain.Unseen, did.Unseen...)
		for _, i := range places {
			found[i] = did.By[level[i].session.ID()]
			if err != nil {
				found[i].Regions = make([]RegionCoverage, 1)
				found[i].Regions[0].fail(err)
			}
		}
		if level[0].link < 0 { // what was found of the same names on the way
			for id, a := range did.By {
				if _, there := chain.Roots[id]; !there {
					chain.Roots[id] = a
				}
			}
		}
	}
	return found
}

// grow records what a session did and returns the sessions that came out of it.
func (ch *Chain) grow(c *Client, q ChainQuery, node chainNode, did Activity, seen map[string]bool) []chainNode {
	if node.link < 0 {
		ch.Roots[node.session.ID()] = did
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
		if id := cmp.Or(child.ID(), child.EventID); child.Token {
			child.AccessKeyID = "" // it is no session of its own
		} else if seen[id] {
			continue
		} else {
			seen[id] = true
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
			so[i].askedAt = times.Later(so[i].askedAt, o.askedAt)
			so[i].Truncated, so[i].ByName = so[i].Truncated || o.Truncated, so[i].ByName || o.ByName
			so[i].NamesCut = append(so[i].NamesCut, o.NamesCut...)
			if so[i].Covered && !o.Covered {
				so[i].Covered, so[i].Reason = false, o.Reason
			}
		}
	}
	return so
}

package trail

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/times"
)

// Activities is what was done in sessions.
type Activities struct {
	By map[string]Activity // by Session.ID

	// Unseen are sessions of the asked names whose calls were found and whose opening is not known.
	Unseen []Session

	regions []RegionCoverage // of the question about the user
}

// source is where the questions of a gather are asked: the log group, then the event history, which
// decides. Each answers for the regions that no source before it did.
type source interface {
	ask(context.Context, *Client, *gather)
}

// Activities lists what was done in sessions, from every region of the account at once: of the
// account's log group by one query, else by one question for each session name and, of a deep
// query, for each key. A region that cannot be read is named in Activity.Regions, so the error is
// only about the question itself: a *RefusedError, or the *CallError of the reading session.
func (c *Client) Activities(ctx context.Context, q ActivityQuery) (Activities, error) {
	a, _, err := c.toAsk(ctx, q.AccountName)
	if err != nil {
		return Activities{}, err
	}
	q.Limit = cmp.Or(q.Limit, defaultLimit)
	regions, _ := regionsOf(ctx, a, q.Regions) // Lookup says if they are guessed
	g := newGather(q, regions)
	for _, from := range []source{q.LogGroup, eventHistory{a}} {
		from.ask(ctx, c, g)
	}
	return g.answer(), nil
}

// eventHistory is CloudTrail's own, which LookupEvents searches.
type eventHistory struct{ a *aws.Conn }

func (h eventHistory) ask(ctx context.Context, c *Client, g *gather) {
	var side errgroup.Group
	side.SetLimit(keysAtOnce)
	for _, ask := range g.questions {
		side.Go(func() error {
			c.everywhere(g.regions, func(i int, s *regionBudget) {
				if ask.regions[i].Region == "" {
					c.gatherIn(ctx, h.a, g, ask, i, s)
				}
			})
			return nil
		})
	}
	_ = side.Wait()
}

// gatherIn asks one question in one region, up to the limit. Each page is counted and let go.
func (c *Client) gatherIn(ctx context.Context, a *aws.Conn, g *gather, ask *question, i int, s *regionBudget) {
	covers := &ask.regions[i]
	*covers = RegionCoverage{Region: s.region, Covered: true}
	query := trailQuery{key: ask.key, value: ask.value, since: g.q.Since}
	var oldest time.Time
	covers.Truncated = c.read(ctx, a, s, query, covers, func(p page) bool {
		oldest = oldestOf(p.events)
		g.take(p, s.region)
		return covers.Events >= g.q.Limit
	}) || covers.Truncated
	if g.q.Deep && covers.Covered && covers.Truncated && ask.key == types.LookupAttributeKeyAccessKeyId {
		c.namedIn(ctx, a, g, covers, s, oldest)
	}
}

// question is one attribute that is asked for in every region.
type question struct {
	key     types.LookupAttributeKey
	value   string
	regions []RegionCoverage
}

// gather sorts the calls that are found by the sessions that made them.
type gather struct {
	q         ActivityQuery
	regions   []string
	questions []*question
	ofUsers   int // how many of the questions are about the user

	mu     sync.Mutex
	known  []*told
	byKey  map[string]*told
	byName map[string][]*told
}

// told is what is found of one session.
type told struct {
	session Session
	unseen  bool
	signIn  string // ARN of the sign-in session that its calls name, else ""
	fold    *fold  // nil where nothing was found
}

func newGather(q ActivityQuery, regions []string) *gather {
	g := &gather{q: q, regions: regions, byKey: map[string]*told{}, byName: map[string][]*told{}}
	there := map[string]bool{}
	ask := func(key types.LookupAttributeKey, value string) {
		if mark := string(key) + value; value != "" && !there[mark] {
			there[mark] = true
			g.questions = append(g.questions, &question{key, value, make([]RegionCoverage, len(regions))})
		}
	}
	ask(types.LookupAttributeKeyUsername, q.User.Name)
	ask(types.LookupAttributeKeyUsername, q.AlsoNamed)
	g.ofUsers = len(g.questions)
	for i, s := range slices.Concat(q.Sessions, q.Among) {
		if !s.Issued() || there["session "+s.ID()] {
			continue
		}
		there["session "+s.ID()] = true
		g.know(&told{session: s})
		if i >= len(q.Sessions) {
			continue
		}
		if q.Deep || s.SessionName == "" || s.RoleARN == "" {
			ask(types.LookupAttributeKeyAccessKeyId, s.AccessKeyID)
		}
		if s.RoleARN != "" {
			ask(types.LookupAttributeKeyUsername, s.SessionName)
		}
	}
	return g
}

func (g *gather) know(t *told) {
	g.known = append(g.known, t)
	if key := t.session.AccessKeyID; key != "" {
		g.byKey[key] = t
	}
	if !t.session.Derived && t.session.RoleARN != "" {
		g.byName[t.session.SessionName] = append(g.byName[t.session.SessionName], t)
	}
}

// take counts the events of a page.
func (g *gather) take(p page, region string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, in := range p.events {
		r := decodeRecord(in, region)
		if p.of != nil && (!p.of.mine(r) || r.at.Before(g.q.Since.Truncate(time.Second))) {
			continue
		}
		t := g.of(r)
		if t == nil {
			continue
		}
		p.of.saw(r.AWSRegion)
		t.signIn = cmp.Or(t.signIn, r.UserIdentity.SessionContext.SignInSessionARN)
		if t.fold == nil {
			t.fold = newFold(g.q.Cutoff, g.q.Policies...)
			t.fold.denies = g.q.Denies
		}
		t.fold.add(r)
	}
}

// apart is how far the issue time that a call bears may be from the one that is known of its
// session: where that is the time at which STS had completed the call.
const apart = time.Minute

// of finds the session that made a call: by its key, else by role, name and issue time. A call of
// an asked name and role that is none of these is one of a session whose opening is not known.
func (g *gather) of(r record) *told {
	if t := g.byKey[r.UserIdentity.AccessKeyID]; t != nil {
		return t
	}
	began := r.began()
	who := r.UserIdentity
	if user := g.q.User; user.ARN != "" && (who.ARN == user.ARN || who.Type == "IAMUser" && who.PrincipalID == user.ID) {
		return g.ofUser(r, began)
	}
	role, id, name := r.role()
	var best *told
	var off time.Duration
	found := false
	for _, t := range g.byName[name] {
		s := t.session
		if !sameRole(role, s.RoleARN) || id != "" && s.RoleID != "" && id != s.RoleID {
			continue
		}
		found = true
		d := began.Sub(s.Time).Abs()
		if began.IsZero() { // the newest that had been opened
			if d = r.at.Sub(s.Time); d < 0 {
				continue
			}
		} else if d > apart || before(began, g.q.Cutoff) != before(s.Time, g.q.Cutoff) {
			continue
		}
		if best == nil || d < off {
			best, off = t, d
		}
	}
	if best != nil || !found || began.IsZero() {
		return best
	}
	t := &told{unseen: true, session: Session{
		EventID: "opening of " + name + " at " + began.Format(time.RFC3339), Time: began,
		Caller:   "an unknown caller (session " + name + ")",
		CallerID: nameless + " " + name, SessionName: name, RoleARN: role, RoleID: id, Region: r.AWSRegion,
		After: after(began, g.q.Cutoff),
	}}
	g.know(t)
	return t
}

// ofUser finds what else of the user made a call: another access key, a session by its issue time
// (a console session has a key per call), or, where the record has neither, what is not known.
func (g *gather) ofUser(r record, began time.Time) *told {
	user := g.q.User
	lasts := longestOfUser
	switch {
	case r.UserIdentity.PrincipalID != "" && r.UserIdentity.PrincipalID != user.ID:
		return nil // another user of the name, before or after
	case r.EventName != "ConsoleLogin":
	case r.failure() != "":
		return nil
	default:
		began, lasts = r.at, longestSession
	}
	s := Session{
		EventID: "session of user " + user.Name + " at " + began.Format(time.RFC3339), Time: began,
		Caller: "user " + user.Name, CallerID: nameless + " " + user.Name, SessionName: user.Name, Region: r.AWSRegion,
		After: !before(began, g.q.Cutoff),
	}
	if began.IsZero() {
		s.AccessKeyID, s.After = r.UserIdentity.AccessKeyID, true
	} else {
		s.Expires = began.Add(lasts)
	}
	for _, t := range g.known {
		o := t.session
		if t.unseen && o.AccessKeyID == s.AccessKeyID && o.After == s.After && o.Time.Sub(began).Abs() <= apart {
			return t
		}
	}
	t := &told{unseen: true, session: s}
	g.know(t)
	return t
}

// answer puts together what was found. A session that was not asked about is included where a query
// found all its calls. One whose opening is not known is as old as the sign-in session that it is
// of: aws login renews credentials.
func (g *gather) answer() Activities {
	all := Activities{By: map[string]Activity{}}
	for _, ask := range g.questions[:g.ofUsers] {
		all.regions = worst(all.regions, ask.regions)
	}
	began := map[string]time.Time{} // by sign-in session
	for _, t := range g.known {
		began[t.signIn] = times.Earlier(began[t.signIn], t.session.Time)
	}
	for _, t := range g.known {
		if t.unseen && t.signIn != "" {
			t.session.Time = began[t.signIn]
			t.session.After = after(t.session.Time, g.q.Cutoff)
		}
	}
	for _, t := range g.known {
		s := t.session
		var covers []RegionCoverage
		for _, ask := range g.questions {
			if t.unseen && s.RoleARN == "" || ask.key == types.LookupAttributeKeyAccessKeyId && ask.value == s.AccessKeyID ||
				ask.key == types.LookupAttributeKeyUsername && ask.value == s.SessionName && s.RoleARN != "" {
				covers = worst(covers, ask.regions)
			}
		}
		if covers == nil {
			continue
		}
		did := Activity{}
		if t.fold != nil {
			did = t.fold.whole()
		}
		did.Regions = covers
		for _, r := range covers {
			did.Truncated, did.AskedAt = did.Truncated || r.Truncated, times.Later(did.AskedAt, r.askedAt)
		}
		all.By[s.ID()] = did
		if t.unseen {
			all.Unseen = append(all.Unseen, s)
		}
	}
	return all
}

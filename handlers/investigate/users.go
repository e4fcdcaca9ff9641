package investigate

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// KindUsers is an item that asks who uses the role of a request that was just opened.
const KindUsers = "users"

const (
	// A survey reads usersPages pages in each region, and the newest calls of usersAsked sessions
	// where they were opened and where the role was used last: 5 requests in a region at most, 2.5 s,
	// so that the first check after the write is not held up.
	usersPages = 2
	usersAsked = 3
	// usersTime bounds a survey: later its answer is of no use.
	usersTime = 30 * time.Second
	// longest is the longest that AWS lets a session last.
	longest = 12 * time.Hour
)

// UsersDue asks at once who uses the role of a request for a purpose, if approving it can hurt
// them.
func UsersDue(request string, p approvals.Purpose) []approvals.Due {
	if p.Mode() != approvals.ModeDo {
		return nil
	}
	return []approvals.Due{{Item: approvals.Item{Kind: KindUsers, Request: request, Source: "users"}}}
}

// Users surveys who has live sessions of the role of an open request. What it finds, or why it
// finds nothing, is an event.
func (inv *Investigator) Users(ctx context.Context, item approvals.Item) error {
	v, err := inv.View(ctx, item.Request)
	if err != nil || v.Request.State != approvals.StateOpen || v.Request.Has(item.Source) {
		return err
	}
	c, err := inv.Context(v.Request)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, usersTime)
	defer cancel()
	survey := inv.users
	if c.Role.Key != "" {
		survey = inv.usersOfKey
	}
	told := survey(asking, c.Role, v.Now.Add(-longest))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return inv.Change(ctx, item.Request, func(v record.View) (t approvals.Transition, err error) {
		if step.Opened(v) { // later it is of no use, and would be in the way of the write
			t.Next = approvals.StateOpen
			step.Add(&t, approvals.EventUsers, item.Source, told)
		}
		return t, nil
	})
}

func (inv *Investigator) users(ctx context.Context, r record.Role, since time.Time) record.Users {
	told := record.Users{Since: since}
	report, err := inv.Trail.Lookup(ctx, trail.LookupQuery{
		AccountName: r.AccountName, RoleARN: r.ARN, Since: since, Pages: usersPages,
	})
	told.Until, told.Regions = report.AskedAt, report.Regions
	switch {
	case err != nil:
		told.Failed = step.Explained(err)
	case nothingCovered(report):
		told.Failed = strings.Join(uncovered(report.Regions), ", ") + "."
	}
	if told.Failed != "" {
		return told
	}
	whole := !slices.ContainsFunc(report.Regions, func(r trail.RegionCoverage) bool { return r.Truncated })
	unusual := map[string]bool{}
	for _, s := range trail.Suspects(report.Sessions, time.Time{}) {
		unusual[s.Session.EventID] = whole // else the callers that were there before are not known
	}
	leaked := func(s trail.Session) bool { return r.Leaked != "" && s.AccessKeyID == r.Leaked }
	newest := map[string]trail.Session{} // by the caller
	by := map[string]*record.User{}
	var callers []string
	for _, s := range report.Sessions { // newest first
		if !s.Issued() || s.Derived || !s.Expires.IsZero() && !s.Expires.After(report.AskedAt) {
			continue
		}
		row := sessionRow(s)
		id := row.CallerIdentity()
		if by[id] == nil {
			by[id], newest[id] = &record.User{Caller: row.Caller, Opened: s.Time}, s
			callers = append(callers, id)
		}
		by[id].Sessions++
		by[id].Unusual = by[id].Unusual || unusual[s.EventID] || leaked(s)
	}
	slices.SortStableFunc(callers, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(by[a]), rank(by[b])), by[b].Opened.Compare(by[a].Opened))
	})
	var ask []trail.Session
	regions := []string{r.LastUsedRegion}
	for _, id := range callers[:min(len(callers), usersAsked)] {
		ask, regions = append(ask, newest[id]), append(regions, newest[id].Region)
	}
	// Without an answer it is not known when they called.
	did, _ := inv.Trail.Activities(ctx, trail.ActivityQuery{
		AccountName: r.AccountName, Sessions: ask, Among: report.Sessions, Since: since, Limit: 1, Regions: regions,
	})
	for _, id := range callers[:min(len(callers), record.MaxUsers)] {
		by[id].LastCall = did.By[newest[id].ID()].Last
		told.Callers = append(told.Callers, *by[id])
	}
	told.More = len(callers) - len(told.Callers)
	return told
}

// rank puts unusual callers first.
func rank(u *record.User) int {
	if u.Unusual {
		return 0
	}
	return 1
}

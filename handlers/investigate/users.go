package investigate

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
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
	// What a measure would have denied is counted of the sessions of previewNames names, previewCalls
	// calls of each in a region: 20 requests there at most, 10 s.
	previewNames = 10
	previewCalls = 100
	// longest is the longest that AWS lets a session last.
	longest = 12 * time.Hour
	ofUser  = 36 * time.Hour // the same of a user
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
	v, err := inv.Read(ctx, item.Request)
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
	told := survey(asking, c.Role, v.Now.Add(-longest), inv.would(inv.Order(v.Request, c)))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return inv.ChangeFrom(ctx, v, func(v record.View) (t approvals.Transition, err error) {
		if step.Opened(v) && !v.Request.Has(item.Source) { // later it is of no use, and would be in the way of the write
			t.Next = approvals.StateOpen
			step.Add(&t, approvals.EventUsers, item.Source, told)
		}
		return t, nil
	})
}

// would says which calls the measure of a request would have denied; nil where that is not asked.
func (inv *Investigator) would(o role.Order) func(contain.Call) contain.Answer {
	if o.Params == nil || o.Principal.Kind == contain.User {
		return nil
	}
	docs, err := contain.Fresh(o.Measure, o.Target)
	if err != nil {
		return nil
	}
	return denying(o.Measure, docs)
}

// Addresses are those from which a role was used in the last twelve hours, the most used first, and
// those of unusual sessions and of copied keys.
func (inv *Investigator) Addresses(ctx context.Context, r record.Role) (usual, unusual []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, usersTime)
	defer cancel()
	now, err := inv.Store.Now(ctx)
	if err != nil {
		return nil, nil, err
	}
	since := now.Add(-longest)
	report, err := inv.Trail.Lookup(ctx, trail.LookupQuery{
		AccountName: r.AccountName, RoleARN: r.ARN, Since: since, Pages: usersPages,
	})
	if err != nil {
		return nil, nil, err
	}
	ask, _ := asked(report)
	did, err := inv.Trail.Activities(ctx, trail.ActivityQuery{
		AccountName: r.AccountName, Sessions: ask, Among: report.Sessions, Since: since, Limit: previewCalls,
	})
	if err != nil {
		return nil, nil, err
	}
	in := record.Incident{Suspects: map[string]record.Suspect{}}
	strange := trail.Suspects(report.Sessions, time.Time{})
	for _, s := range trail.WithCopied(strange, trail.Copied(report.Sessions, did.By, strange)) {
		suspect := record.Suspect{Address: s.Address || r.Leaked != "" && s.Session.AccessKeyID == r.Leaked}
		for _, from := range s.Elsewhere {
			suspect.From = append(suspect.From, from.Address)
		}
		in.Suspects[s.Session.EventID] = suspect
	}
	for _, s := range report.Sessions {
		in.Sessions = append(in.Sessions, record.Session{Session: s})
		for _, source := range did.By[s.ID()].Sources { // where it was used counts as a session from there
			if why := in.Suspects[s.EventID]; !slices.Contains(why.From, source.Address) {
				from := trail.Session{EventID: s.EventID, SourceAddress: source.Address}
				in.Sessions = append(in.Sessions, record.Session{Session: from})
			}
		}
	}
	usual, unusual = in.Addresses()
	return usual, unusual, nil
}

// asked are the newest sessions of the first names, and how many others there are.
func asked(report trail.Report) (ask []trail.Session, left int) {
	names := map[string]bool{}
	for _, s := range report.Sessions { // newest first
		switch {
		case !s.Issued() || s.ID() == "" || s.Token:
		case !names[s.SessionName] && len(names) == previewNames:
			left++
		default:
			names[s.SessionName], ask = true, append(ask, s)
		}
	}
	return ask, left
}

// preview counts what would have been denied, of what each caller did.
func (inv *Investigator) preview(
	ctx context.Context, r record.Role, report trail.Report, since time.Time, denies func(contain.Call) contain.Answer,
) *record.Preview {
	p := &record.Preview{}
	ask, left := asked(report)
	p.Left = left
	callers := map[string]string{}
	for _, s := range report.Sessions {
		if s.Issued() && s.ID() != "" && !s.Token {
			callers[s.ID()] = s.Caller
		}
	}
	did, err := inv.Trail.Activities(ctx, trail.ActivityQuery{
		AccountName: r.AccountName, Sessions: ask, Among: report.Sessions, Since: since, Limit: previewCalls,
		Denies: denies,
	})
	if err != nil {
		p.Failed = step.Explained(err)
		return p
	}
	by := map[string]int{}
	for id, a := range did.By {
		p.Partly = p.Partly || !a.Covered()
		p.Calls += a.Calls
		p.Denied, p.Unknown = p.Denied+a.ToDeny, p.Unknown+a.PerhapsToDeny
		if a.ToDeny > 0 {
			by[cmp.Or(callers[id], "an unknown caller")] += a.ToDeny
		}
	}
	for caller, n := range by {
		p.By = append(p.By, record.Denied{Caller: caller, Calls: n})
	}
	slices.SortFunc(p.By, func(a, b record.Denied) int {
		return cmp.Or(b.Calls-a.Calls, cmp.Compare(a.Caller, b.Caller))
	})
	p.By = p.By[:min(len(p.By), record.MaxDenied)]
	return p
}

func (inv *Investigator) users(
	ctx context.Context, r record.Role, since time.Time, denies func(contain.Call) contain.Answer,
) record.Users {
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
	if denies != nil {
		told.Preview = inv.preview(ctx, r, report, since, denies)
	}
	return told
}

// rank puts unusual callers first.
func rank(u *record.User) int {
	if u.Unusual {
		return 0
	}
	return 1
}

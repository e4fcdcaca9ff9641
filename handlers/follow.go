package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/messages"
)

const (
	// maxFollowed is how many of the sessions that stand out are followed, and maxKeys how many keys that may lead to.
	maxFollowed = 12
	maxKeys     = 30
	// maxOld is how many of the other sessions from before the cutoff are looked at, to see whether the deny holds.
	maxOld = 25
	// together is how many keys are looked up at one time. Each takes its turns of the two requests a second in a region.
	together = 4
	// chainDepth is how many levels down roles are followed.
	chainDepth = 3
)

// followed is what a look found out about what the sessions did.
type followed struct {
	suspects   []aws.Suspect
	activities map[string]aws.Activity // by access key
	old        map[string]bool         // the keys among them of sessions that were issued before the cutoff
	chain      []aws.ChainLink
	failed     string // why the look told nothing of it
}

// follow finds out what the sessions did that stand out, which roles they went on to, and, once the cutoff has passed,
// whether other old sessions are kept out, and records it.
func (q *inquiry) follow(ctx context.Context, report aws.Report) (followed, error) {
	s := followed{suspects: q.suspects(report), activities: map[string]aws.Activity{}, old: map[string]bool{}}
	for _, session := range report.Sessions {
		if session.Issued() && session.AccessKeyID != "" && session.Relation == aws.RelationBefore {
			s.old[session.AccessKeyID] = true
		}
	}
	var begin []aws.Session
	for _, suspect := range s.suspects {
		if suspect.Session.Issued() && suspect.Session.AccessKeyID != "" {
			begin = append(begin, suspect.Session)
		}
	}
	notRead := max(0, len(begin)-maxFollowed)
	begin = begin[:min(len(begin), maxFollowed)]
	chain, err := q.h.Cloud.Chain(ctx, aws.ChainQuery{
		AccountName: q.role.Account, RoleARN: q.role.ARN, Sessions: begin, Since: q.since, Until: q.until, Cutoff: q.cutoff,
		Depth: chainDepth, Keys: maxKeys, Patience: lookPatience,
	})
	if err == nil {
		s.chain = chain.Links
		for key, a := range chain.Roots {
			s.activities[key] = a
		}
		err = q.oldSessions(ctx, report, s.activities)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return followed{}, ctx.Err()
	case q.item.Attempt < maxLooks:
		q.h.log.WarnContext(ctx, "what sessions did could not be looked up", "request", q.request.ID, "error", err)
		return followed{}, &Again{After: retryAfter(err, q.item.Attempt+3)}
	default:
		q.h.log.WarnContext(ctx, "what sessions did was not looked up", "request", q.request.ID, "error", err)
		s.failed = cmp.Or(aws.Explain(err), "The log has the reason.")
	}
	told := messages.Activity{Look: q.number, Until: q.until, NotRead: notRead, Failed: s.failed}
	if s.failed == "" {
		told.Partly = partly(chain.Regions, chain.Truncated)
		for _, session := range begin {
			a, looked := s.activities[session.AccessKeyID]
			if looked {
				told.Sessions = append(told.Sessions, activityOf(session, a))
			}
		}
		told.Chain, told.MoreLinks = links(q.role, s.chain)
		if q.number > 0 {
			q.whatIsNew(&told, s)
		}
	}
	return s, q.recordActivity(ctx, told, s)
}

// oldSessions looks up the calls since the cutoff of sessions that were issued before it and had not ended by then.
func (q *inquiry) oldSessions(ctx context.Context, report aws.Report, into map[string]aws.Activity) error {
	if q.number == 0 || !q.until.After(q.cutoff) {
		return nil // nothing can have been denied yet
	}
	var keys []string
	for _, s := range report.Sessions {
		_, looked := into[s.AccessKeyID]
		ended := !s.Expires.IsZero() && s.Expires.Before(q.cutoff)
		if !s.Issued() || s.AccessKeyID == "" || looked || ended || s.Relation != aws.RelationBefore || slices.Contains(keys, s.AccessKeyID) {
			continue
		}
		if keys = append(keys, s.AccessKeyID); len(keys) == maxOld {
			break
		}
	}
	answers := make([]aws.Activity, len(keys))
	var side errgroup.Group
	side.SetLimit(together)
	for i, key := range keys {
		side.Go(func() (err error) {
			answers[i], err = q.h.Cloud.Activity(ctx, aws.ActivityQuery{
				AccountName: q.role.Account, AccessKeyID: key, Since: q.cutoff, Until: q.until, Cutoff: q.cutoff, Patience: lookPatience,
			})
			return err
		})
	}
	if err := side.Wait(); err != nil {
		return err
	}
	for i, key := range keys {
		into[key] = answers[i]
	}
	return nil
}

// recordActivity writes what was found, offers the menu of sessions once, and says what was seen of the deny. Another look
// may be under way at the same time, so it is written on the log as it is now.
func (q *inquiry) recordActivity(ctx context.Context, told messages.Activity, s followed) error {
	detail, err := packActivity(&told)
	if err != nil {
		return err
	}
	activity := approvals.Event{Type: approvals.EventActivity, Source: "activity " + q.item.Source, Detail: detail}
	var after []approvals.Event
	if q.number > 0 && s.failed == "" {
		detail, err := json.Marshal(q.enforcement(s))
		if err != nil {
			return fmt.Errorf("record what was denied: %w", err)
		}
		after = append(after, approvals.Event{Type: approvals.EventSeenDenied, Source: "seen " + q.item.Source, Detail: detail})
	}
	for range maxDecisions {
		r, events, err := q.h.Store.Load(ctx, q.request.ID)
		if err != nil || r.Has(activity.Source) {
			return err
		}
		t := q.transition(activity)
		t.Expect = r.Seq
		if !slices.ContainsFunc(events, func(e approvals.Event) bool { return e.Type == approvals.EventOffered }) {
			t.Events = append(t.Events, approvals.Event{Type: approvals.EventOffered, Source: "offered " + q.item.Source})
		}
		t.Events = append(t.Events, after...)
		if err := q.h.Store.Commit(ctx, t); !errors.Is(err, approvals.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("request %s changed %d times while a look was recorded", q.request.ID, maxDecisions)
}

// activityOf is what the log keeps of what a session did.
func activityOf(s aws.Session, a aws.Activity) messages.SessionActivity {
	row := sessionRow(s)
	out := messages.SessionActivity{
		EventID: row.EventID, Key: row.Key, Calls: a.Calls, Denied: a.Denied, First: a.First, Last: a.Last, AfterCut: a.FirstDenied,
		Partly: !a.Covered(),
	}
	for i, service := range a.Services {
		if i >= messages.MaxServices {
			out.Others += service.Calls
			continue
		}
		out.Services = append(out.Services, messages.ServiceCalls{Service: service.Service, Calls: service.Calls, Denied: service.Denied})
	}
	doors := slices.Clone(a.Doors)
	slices.SortStableFunc(doors, func(a, b aws.Call) int { return a.Time.Compare(b.Time) })
	for _, call := range doors[:min(len(doors), messages.MaxDoors)] {
		out.Doors = append(out.Doors, callRow(call, s.AccessKeyID))
	}
	out.MoreDoors = max(0, a.DoorCalls-len(out.Doors))
	return out.Trim()
}

// callRow is what the log keeps of a call.
func callRow(c aws.Call, key string) messages.Call {
	code := c.ErrorCode
	if code == "" && c.Denied {
		code = "AccessDenied"
	}
	return messages.Call{
		EventID: c.EventID, Time: c.Time.Truncate(time.Second), Service: c.Service, Name: c.Name, Region: c.Region, Address: c.SourceAddress,
		ErrorCode: code, About: strings.TrimSpace(c.Target + " " + c.Made), Opens: c.Opens, Session: key, Times: c.Times,
	}.Trim()
}

// links are the roles that came out of the sessions, one for each way from role to role.
func links(role messages.Role, chain []aws.ChainLink) (told []messages.Link, more int) {
	type way struct {
		depth    int
		from, to string
		account  string
	}
	at := map[way]int{}
	for _, c := range chain {
		if c.RoleARN == "" || !c.Child.Issued() {
			continue
		}
		from := roleName(c.Parent.RoleARN)
		if c.Depth <= 1 {
			from = role.Name
		}
		w := way{c.Depth, from, c.RoleARN, c.AccountID}
		i, there := at[w]
		if !there {
			if len(told) == messages.MaxLinks {
				more++
				continue
			}
			i = len(told)
			at[w] = i
			told = append(told, messages.Link{
				Depth: c.Depth, From: from, FromSession: c.Parent.SessionName, RoleARN: c.RoleARN, RoleName: roleName(c.RoleARN),
				AccountID: c.AccountID, Account: c.Account, Loop: c.Loop, First: c.Child.Time, Last: c.Child.Time,
			}.Trim())
		}
		l := &told[i]
		l.Sessions++
		l.Loop = l.Loop || c.Loop
		if c.Child.Time.Before(l.First) {
			l.First = c.Child.Time
		}
		if c.Child.Time.After(l.Last) {
			l.Last = c.Child.Time
		}
	}
	return told, more
}

// roleName is the end of a role's ARN.
func roleName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// partly says why not everything could be read, "" when it could.
func partly(regions []aws.RegionCoverage, truncated bool) string {
	var missing []string
	for _, r := range regions {
		if !r.Covered {
			missing = append(missing, r.Region+" ("+r.Reason+")")
		}
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	switch {
	case len(missing) > 0:
		return "Calls were not read everywhere, so there may be more: " + strings.Join(missing, ", ") + "."
	case truncated:
		return "There were more calls or keys than are looked at, so there may be more."
	default:
		return ""
	}
}

// whatIsNew marks what no earlier look had: calls that worked and open doors, calls that were answered past the deny, and
// roles.
func (q *inquiry) whatIsNew(told *messages.Activity, s followed) {
	calls, roles := map[string]bool{}, map[string]bool{}
	first := true
	for _, e := range q.events {
		var earlier messages.Activity
		if e.Type != approvals.EventActivity || json.Unmarshal(e.Detail, &earlier) != nil {
			continue
		}
		first = first && (earlier.Chosen != "" || earlier.Failed != "")
		for _, session := range earlier.Sessions {
			for _, call := range session.Doors {
				calls[call.EventID] = true
			}
		}
		for _, call := range earlier.News {
			calls[call.EventID] = true
		}
		for _, link := range slices.Concat(earlier.Chain, earlier.NewLinks) {
			roles[link.RoleARN] = true
		}
	}
	add := func(c messages.Call) {
		if !calls[c.EventID] && len(told.News) < messages.MaxNews {
			calls[c.EventID] = true
			told.News = append(told.News, c)
		}
	}
	for _, c := range q.answered(s) {
		add(c)
	}
	if first {
		return // the findings are told for the first time, and all of them
	}
	for _, session := range told.Sessions {
		for _, door := range session.Doors {
			if door.ErrorCode == "" {
				add(door)
			}
		}
	}
	for _, link := range told.Chain {
		if !roles[link.RoleARN] && len(told.NewLinks) < messages.MaxNews {
			told.NewLinks = append(told.NewLinks, link)
		}
	}
}

package investigate

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

// silence is why nothing that CloudTrail lacks proves that an access key is contained.
const silence = "CloudTrail mostly records no call of an inactive key, so silence proves nothing."

// ofKey is one check about the access key of a user. The key stands among the sessions, and so do
// those that it opened for its user; what all of them did, and the roles that they assumed, follow
// from their calls.
func (q *investigation) ofKey(ctx context.Context) error {
	report, s, err := q.followKey(ctx)
	switch {
	case err != nil:
		if again := q.retry(ctx, "CloudTrail could not be asked about an access key", err); again != nil {
			return again
		}
		return q.failed(ctx, step.Explained(err))
	case nothingCovered(report):
		if again := q.retry(ctx, "CloudTrail could not be asked about an access key", nil); again != nil {
			return again
		}
		return q.failed(ctx, "No region could be read: "+strings.Join(uncovered(report.Regions), ", ")+".")
	}
	q.until = report.AskedAt
	if err := q.found(ctx, report); err != nil || !q.Wide {
		return err
	}
	if q.Number > 0 {
		if err := q.prove(ctx, &s); err != nil {
			return err
		}
	}
	if s.revoked, err = q.revoked(ctx, s.chain); err != nil {
		return err
	}
	told := record.Activity{Look: q.Number, Partly: partly(report.Regions, false)}
	for _, session := range report.Sessions {
		if a, looked := s.activities[session.ID()]; looked {
			told.Sessions = append(told.Sessions, activityOf(session, a, nil))
		}
	}
	told.Chain, told.MoreLinks = links(q.role, s.chain)
	for i := range told.Chain {
		told.Chain[i].Revoked = s.revoked[told.Chain[i].RoleARN]
	}
	if err := q.recordActivity(ctx, told, s); err != nil || !q.ends() {
		return err
	}
	return q.concludeKey(ctx, report, s)
}

// followKey asks what the key and the sessions that came out of it did.
func (q *investigation) followKey(ctx context.Context) (report trail.Report, s followed, err error) {
	key := trail.Session{
		EventID: "key " + q.role.Key, Caller: "user " + q.role.Name, CallerID: q.role.ARN, CallerARN: q.role.ARN,
		SessionName: q.role.Key, AccessKeyID: q.role.Key, Time: q.since,
	}
	chain, err := q.Trail.Chain(ctx, trail.ChainQuery{
		RoleARN: q.role.ARN, ActivityQuery: q.asking([]trail.Session{key}, nil),
	})
	if err != nil {
		return report, s, err
	}
	did := chain.Roots[key.ID()]
	if !did.First.IsZero() {
		key.Time = did.First
	}
	if len(did.Sources) > 0 {
		key.SourceAddress, key.UserAgent = did.Sources[0].Address, did.Sources[0].UserAgent
	}
	report = trail.Report{Regions: chain.Regions, AskedAt: did.AskedAt, Sessions: []trail.Session{key}}
	s = followed{chain: chain.Links, activities: chain.Roots, old: map[string]bool{key.ID(): true}}
	for _, l := range chain.Links {
		if l.RoleARN != "" || l.Child.Token || l.Child.ID() == "" {
			continue
		}
		child := l.Child
		child.After = !child.Time.Before(q.cutoff)
		child.SessionName = cmp.Or(child.SessionName, child.AccessKeyID)
		report.Sessions = append(report.Sessions, child)
		s.activities[child.ID()], s.old[child.ID()] = l.Activity, !child.After
	}
	for id, a := range s.activities {
		n := len(a.Persistence)
		a.Persistence = slices.DeleteFunc(slices.Clone(a.Persistence), q.denied)
		a.PersistenceCalls -= n - len(a.Persistence)
		s.activities[id] = a
	}
	return report, s, nil
}

// denied reports whether a call opened a session of the user that the measure denies.
func (q *investigation) denied(c trail.Call) bool {
	return c.Service == "sts" && (c.Name == "GetSessionToken" || c.Name == "GetFederationToken") && c.Time.Before(q.cutoff)
}

// concludeKey ends the last check about a key with a verdict. It is never "contained": not every
// way in which the key or its sessions could act is asked about.
func (q *investigation) concludeKey(ctx context.Context, report trail.Report, s followed) error {
	var in trail.JudgeInput
	if err := q.standing(ctx, &in); err != nil {
		return err
	}
	c := record.Conclusion{Word: record.WordUnknown, Where: where(report)}
	var against, missing []string
	if in.Lost != "" {
		against = append(against, in.Lost)
	}
	if e := q.enforcement(s); e.State == record.SeenNotDenied {
		against = append(against, "Calls of the key or of its old sessions succeeded after the cutoff, the last at "+
			times.Clock(e.LastSucceeded, q.until)+".")
	}
	var alive []trail.ChainLink
	acted := false
	for _, l := range s.chain {
		ends := l.Child.Expires
		if ends.IsZero() {
			ends = l.Child.Time.Add(longest)
		}
		if l.RoleARN == "" || !l.Child.Issued() || l.Child.Token || !ends.After(q.until) ||
			l.Child.Time.Before(s.revoked[l.RoleARN]) {
			continue
		}
		alive, acted = append(alive, l), acted || l.Activity.LastSucceeded.After(q.cutoff)
	}
	switch {
	case acted:
		against = append(against, "Sessions that the key opened in other roles made calls after the cutoff.")
	case len(alive) > 0:
		missing = append(missing, "Sessions that the key opened in other roles can be alive.")
	}
	held, _ := links(q.role, alive)
	for _, l := range held[:min(len(held), record.MaxToDo)] {
		c.Roles = append(c.Roles, record.Link{
			RoleARN: l.RoleARN, RoleName: l.RoleName, AccountID: l.AccountID, Account: l.Account, Loop: l.Loop,
		})
	}
	for _, session := range report.Sessions {
		for _, call := range s.activities[session.ID()].Persistence {
			if call.ErrorCode == "" && len(c.Persistence) < record.MaxToDo {
				c.Persistence = append(c.Persistence, callRow(call, ""))
			}
		}
	}
	if len(against) > 0 {
		c.Word = record.WordNotContained
	}
	for _, why := range []string{in.Unwatched, s.unproven, partly(report.Regions, false)} {
		if why != "" {
			missing = append(missing, why)
		}
	}
	c.Why = slices.Concat(against, missing, []string{silence})
	if len(q.force.Each()) > 1 {
		c.Why = append(c.Why, q.beside(q.force))
	}
	return q.end(ctx, c.Trim(), false)
}

// usersOfKey surveys from where a key was used.
func (inv *Investigator) usersOfKey(
	ctx context.Context, r record.Role, since time.Time, _ func(contain.Call) contain.Answer,
) record.Users {
	told := record.Users{Since: since}
	key := trail.Session{EventID: "key", AccessKeyID: r.Key, Time: since}
	did, err := inv.Trail.Activities(ctx, trail.ActivityQuery{
		AccountName: r.AccountName, Sessions: []trail.Session{key}, Since: since, Limit: usersPages * 50,
	})
	a := did.By[r.Key]
	told.Until, told.Regions = a.AskedAt, a.Regions
	switch {
	case err != nil:
		told.Failed = step.Explained(err)
	case nothingCovered(trail.Report{Regions: a.Regions}):
		told.Failed = strings.Join(uncovered(a.Regions), ", ") + "."
	}
	for _, from := range a.Sources[:min(len(a.Sources), record.MaxUsers)] {
		agent, _, _ := strings.Cut(strings.TrimSpace(from.UserAgent), " ")
		told.Callers = append(told.Callers, record.User{
			Caller: strings.TrimSpace(from.Address + " " + agent), Sessions: from.Calls, Opened: from.First, LastCall: from.Last,
		})
	}
	told.More = len(a.Sources) - len(told.Callers)
	return told
}

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
	ask := trail.ChainQuery{RoleARN: q.role.ARN, ActivityQuery: q.asking([]trail.Session{key}, nil)}
	var chain trail.Chain
	if q.ends() {
		user := contain.Principal{Kind: contain.User, ARN: q.role.ARN, ID: q.role.ID, Name: q.role.Name}
		now, region, at, _ := q.Roles.KeyLastUsed(ctx, q.role.AccountName, q.role.Key)
		if now != q.role.Name {
			ask.AlsoNamed, s.alsoNamed = now, now
		}
		s.lastUsed = trail.LastUsed{Region: region, At: at}
		report, chain, err = q.Trail.OfUser(ctx, ask, user)
	} else {
		chain, err = q.Trail.Chain(ctx, ask)
		report.Regions = chain.Regions
	}
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
	report.AskedAt, report.Sessions = times.Later(report.AskedAt, did.AskedAt), []trail.Session{key}
	s = followed{
		lastUsed: s.lastUsed, alsoNamed: s.alsoNamed, chain: chain.Links, activities: chain.Roots,
		old: map[string]bool{key.ID(): true}, siblings: map[string]trail.Activity{},
	}
	for _, session := range chain.Unseen {
		a := chain.Roots[session.ID()]
		switch {
		case session.Time.IsZero() && session.AccessKeyID == "":
			s.nameless = a
		case session.Time.IsZero():
			s.siblings[session.AccessKeyID] = a
		case session.After:
			s.cameBack = times.Later(s.cameBack, a.LastSucceeded)
		default:
			s.add(nil, []trail.Session{session})
		}
	}
	for _, l := range chain.Links {
		if l.RoleARN != "" || l.Child.Token || l.Child.ID() == "" || l.Child.Kind == trail.KindRoot {
			continue
		}
		child := l.Child
		if child.Expires.IsZero() {
			child.Expires = child.Time.Add(ofUser)
		}
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

// concludeKey ends the last check about a key with a verdict. The key counts as a session that
// ended when it was made inactive.
func (q *investigation) concludeKey(ctx context.Context, report trail.Report, s followed) error {
	in := trail.JudgeInput{
		Key: q.role.Key, Mark: q.mark(), Since: q.since, Cutoff: q.cutoff, Propagated: q.cutoff.Add(propagation),
		Sessions: slices.Concat(report.Sessions, s.unseen), Suspects: q.strange(report), Activities: s.activities,
		Links: s.chain, Revoked: s.revoked, Regions: report.Regions, AskedAt: report.AskedAt, Unproven: s.unproven,
		LastUsed: s.lastUsed,
	}
	in.Sessions[0].Time, in.Sessions[0].Expires = q.since, q.cutoff
	if err := q.standing(ctx, &in); err != nil {
		return err
	}
	j := trail.Assess(in)
	c := conclusion(q.role, j, s.activities)
	if why := q.goesOn(s, j.Persistence); why != "" {
		against := c.Why
		if j.State != trail.NotContained {
			against = nil
		}
		c.Word, c.Silent, c.Why = record.WordNotContained, false, append([]string{why}, against...)
	} else if a := s.nameless; a.SucceededAfter > 0 && c.Word == record.WordContained {
		c.Word, c.Why = record.WordUnknown, []string{
			"Calls of the user succeeded after the cutoff, and CloudTrail names neither their access key nor their session.",
		}
	}
	c.Where = where(report)
	if len(q.force.Each()) > 1 {
		c.Why = append(c.Why, q.beside(ctx))
	}
	return q.end(ctx, c.Trim(), j.Wait && c.Word != record.WordNotContained)
}

// goesOn says that what the key or its sessions made of their user is in use: another key, or a
// password.
func (q *investigation) goesOn(s followed, made []trail.Call) string {
	for _, call := range made {
		if a := s.siblings[call.Made]; call.Made != "" && a.LastSucceeded.After(q.cutoff) {
			return "Access key " + call.Made + ", which the key or its sessions made, made calls after the cutoff, the last " +
				"at " + times.Clock(a.LastSucceeded, q.until) + "."
		}
		password := call.Name == "CreateLoginProfile" || call.Name == "UpdateLoginProfile"
		named := call.Target == "user "+q.role.Name || s.alsoNamed != "" && call.Target == "user "+s.alsoNamed
		if password && named && !s.cameBack.IsZero() {
			return "New sessions of the user made calls after the cutoff, the last at " + times.Clock(s.cameBack, q.until) +
				", and the key or its sessions set the user's password (" + call.Name + ")."
		}
	}
	return ""
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

package investigate

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
)

const (
	// maxNames is how many session names are asked for beside those that are followed: at two
	// requests a second in a region that is half a minute. othersCalls is how many calls of each
	// the first check reads in a region.
	maxNames    = 60
	othersCalls = 200
	// backThen is how long before the cutoff later checks begin: what CloudTrail was late with may
	// show a copied key, and a role that a session assumed keeps that session for an hour.
	backThen = time.Hour
	// outOfOrder is how much later than others CloudTrail may deliver a single event.
	outOfOrder = confirmAfter
)

// others looks at the sessions that are not followed, by their names: whether they are used from
// elsewhere, which nothing else tells, and, once the cutoff has passed, whether the policy keeps
// the old ones out and what the new ones do.
func (q *investigation) others(ctx context.Context, sessions, among []trail.Session, into *followed) error {
	ask := q.asking(q.toLookAt(sessions, into), among)
	ask.Limit = othersCalls
	if from := q.cutoff.Add(-backThen); q.Number > 0 && from.After(q.since) {
		ask.Since, ask.Limit = from, 0 // all calls since the cutoff count
	}
	found, err := q.Trail.Activities(ctx, ask)
	if err == nil {
		into.add(found.By, found.Unseen)
	}
	return err
}

// asking asks what was done in sessions, of all that are known.
func (q *investigation) asking(sessions, among []trail.Session) trail.ActivityQuery {
	return trail.ActivityQuery{
		AccountName: q.role.AccountName, Sessions: sessions, Among: among, Since: q.since, Cutoff: q.cutoff,
		Policies: q.attached(), LogGroup: q.logGroup, Denies: q.denies(),
	}
}

// toLookAt picks sessions of as many names as are asked for: old ones that had not ended at the
// cutoff, then those since, then what had ended within the hour, and at the first check earlier; of
// each what people opened before what services opened.
func (q *investigation) toLookAt(sessions []trail.Session, known *followed) []trail.Session {
	ranks := make([][]trail.Session, 8)
	for _, s := range sessions {
		rank := 0
		switch {
		case !s.Issued() || s.ID() == "" || s.Token:
			continue
		case known.skip(s):
			continue
		case s.After:
			rank = 2
		case s.Expires.IsZero() || s.Expires.After(q.cutoff):
		case s.Expires.After(q.cutoff.Add(-backThen)):
			rank = 4
		case q.Number == 0:
			rank = 6
		default:
			continue
		}
		if s.ByService() {
			rank++
		}
		ranks[rank] = append(ranks[rank], s)
	}
	names := map[string]bool{}
	return slices.DeleteFunc(slices.Concat(ranks...), func(s trail.Session) bool {
		name := cmp.Or(s.SessionName, s.ID())
		if !names[name] && len(names) == maxNames {
			return true
		}
		names[name] = true
		return false
	})
}

// settled are sessions of which a check before the verdict has nothing new to expect: they had
// ended, every region has reported past that and what it may deliver out of order, and they did
// nothing but ordinary calls before the cutoff. The check that gives the verdict asks about them
// all the same: a session whose opening is in no record can have the name of one that has ended.
func (q *investigation) settled(report trail.Report, s followed) map[string]int {
	until := report.AskedAt
	for _, r := range report.Regions {
		if r.Reported.Before(until) {
			until = r.Reported
		}
	}
	settled := map[string]int{}
	for _, session := range report.Sessions {
		a, looked := s.activities[session.ID()]
		from := session.Expires
		if !looked || !a.Covered() || !from.After(q.cutoff.Add(-backThen)) || from.Add(outOfOrder).After(until) ||
			session.Derived || a.SucceededAfter+a.DeniedAfter+a.FailedAfter+a.PersistenceCalls > 0 || !a.Ended.IsZero() ||
			len(a.Assumed)+len(a.Delegates)+len(a.Elsewhere(session)) > 0 ||
			slices.ContainsFunc(s.suspects, func(o trail.Suspect) bool { return o.Session.ID() == session.ID() }) ||
			slices.ContainsFunc(s.unseen, func(o trail.Session) bool { return o.SessionName == session.SessionName }) {
			continue
		}
		settled[sessionRow(session).Mark()] = a.Calls
	}
	return settled
}

// skip takes what is known of a session that is settled.
func (s *followed) skip(session trail.Session) bool {
	calls, settled := s.settled[sessionRow(session).Mark()]
	if settled {
		s.activities[session.ID()] = trail.Activity{Calls: calls, Regions: []trail.RegionCoverage{{Covered: true}}}
	}
	return settled
}

// beginWith are the sessions that are followed: those of which a check found that their key was
// copied first, then those that assumed another role and the unusual ones; where there is none,
// the newest that had not ended at the cutoff.
func (q *investigation) beginWith(
	report trail.Report, suspects []trail.Suspect, did map[string]trail.Activity,
) []trail.Session {
	known := record.Gather(q.events).Copied()
	ranks := make([][]trail.Session, 4)
	taken := map[string]bool{}
	add := func(rank int, s trail.Session) {
		if s.Issued() && s.ID() != "" && !s.Token && !taken[s.ID()] {
			taken[s.ID()] = true
			ranks[rank] = append(ranks[rank], s)
		}
	}
	for _, s := range suspects {
		if known[s.Session.EventID] || len(s.Elsewhere) > 0 {
			add(0, s.Session)
		}
	}
	for _, s := range report.Sessions {
		if known[s.EventID] {
			add(0, s)
		} else if slices.ContainsFunc(did[s.ID()].Assumed, func(child trail.Session) bool {
			return child.GoesOn(q.role.ARN, q.cutoff, report.AskedAt)
		}) {
			add(1, s)
		}
	}
	for _, s := range suspects {
		add(2, s.Session)
	}
	for _, s := range report.Sessions {
		if len(taken) < newestFollowed && (s.Expires.IsZero() || s.Expires.After(q.cutoff)) {
			add(3, s)
		}
	}
	return slices.Concat(ranks...)
}

// elsewhere finds the addresses from which a copied key was used.
func elsewhere(copied []trail.Suspect, s trail.Session) []trail.Source {
	for _, c := range copied {
		if c.Session.ID() == s.ID() {
			return c.Elsewhere
		}
	}
	return nil
}

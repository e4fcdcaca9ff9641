package investigate

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

const (
	// maxFollowed is how many of the sessions that are unusual are followed.
	maxFollowed = 12
	// newestFollowed is how many sessions are followed where none is unusual: with one caller and one
	// address there is nothing to compare.
	newestFollowed = 3
)

// followed is what a check found out about what the sessions did.
type followed struct {
	suspects   []trail.Suspect
	activities map[string]trail.Activity // by Session.ID
	settled    map[string]int            // of record.Incident; nil: everything is asked anew
	old        map[string]bool           // which of them are of sessions that were issued before the cutoff
	unseen     []trail.Session           // whose calls were found, and whose opening was not
	chain      []trail.ChainLink
	revoked    map[string]time.Time // cutoffs of other requests for the roles of the chain, by ARN
	failed     string               // why the check told nothing of it
	unproven   string               // why denials prove nothing, a sentence

	// Of an access key's user: what its other keys did, and calls that name neither key nor session,
	// and when a session that was issued after the cutoff was used last.
	siblings map[string]trail.Activity
	nameless trail.Activity
	cameBack time.Time
	// where the key was used last, and the user's name now if that is another one
	lastUsed  trail.LastUsed
	alsoNamed string
}

// follow finds out whose keys are used by others, what the unusual sessions did, which roles
// they assumed, and whether old sessions are kept out, and records it.
func (q *investigation) follow(ctx context.Context, report trail.Report) (followed, error) {
	strange := q.strange(report)
	s := followed{activities: map[string]trail.Activity{}, old: map[string]bool{}}
	if !q.ends() { // a verdict asks about every session anew
		s.settled = record.Gather(q.events).Settled
	}
	for _, session := range report.Sessions {
		if session.Issued() && session.ID() != "" && !session.After {
			s.old[session.ID()] = true
		}
	}
	first := map[string]bool{} // they are followed, unless others' keys turn out to be copied
	for _, suspect := range strange[:min(len(strange), maxFollowed)] {
		first[suspect.Session.EventID] = true
	}
	without := func(done func(trail.Session) bool) []trail.Session {
		return slices.DeleteFunc(slices.Clone(report.Sessions), done)
	}
	err := q.others(ctx, without(func(s trail.Session) bool { return first[s.EventID] }), report.Sessions, &s)
	copies := trail.Copied(report.Sessions, s.activities, strange)
	begin := q.beginWith(report, trail.WithCopied(strange, copies), s.activities)
	notRead := max(0, len(begin)-maxFollowed)
	begin = begin[:min(len(begin), maxFollowed)]
	var chain trail.Chain
	if err == nil {
		chain, err = q.Trail.Chain(ctx, trail.ChainQuery{
			RoleARN: q.role.ARN, ActivityQuery: q.asking(begin, report.Sessions),
		})
	}
	if err == nil {
		s.chain = chain.Links
		s.add(chain.Roots, chain.Unseen)
		err = q.others(ctx, without(func(session trail.Session) bool {
			_, looked := s.activities[session.ID()]
			return looked || !first[session.EventID]
		}), report.Sessions, &s)
	}
	if err == nil && q.Number > 0 {
		if err := q.prove(ctx, &s); err != nil {
			return followed{}, err
		}
	}
	copied := trail.Copied(report.Sessions, s.activities, strange)
	s.suspects = trail.WithCopied(strange, copied)
	if err != nil {
		if again := q.retry(ctx, "what sessions did could not be looked up", err); again != nil {
			return followed{}, again
		}
		s.failed = step.Explained(err)
	}
	told := record.Activity{Look: q.Number, NotRead: notRead, Failed: s.failed}
	if s.failed == "" {
		told.Partly = partly(chain.Regions, chain.Truncated)
		for _, session := range begin {
			if a, looked := s.activities[session.ID()]; looked {
				told.Sessions = append(told.Sessions, activityOf(session, a, elsewhere(copied, session)))
			}
		}
		told.Settled = q.settled(report, s)
		told.Chain, told.MoreLinks = links(q.role, s.chain)
		if s.revoked, err = q.revoked(ctx, s.chain); err != nil {
			return followed{}, err
		}
		for i := range told.Chain {
			told.Chain[i].Revoked = s.revoked[told.Chain[i].RoleARN]
		}
	}
	return s, q.recordActivity(ctx, told, s)
}

// add notes what was done in sessions.
func (s *followed) add(did map[string]trail.Activity, unseen []trail.Session) {
	maps.Copy(s.activities, did)
	for _, session := range unseen {
		if !slices.ContainsFunc(s.unseen, func(u trail.Session) bool { return u.ID() == session.ID() }) {
			s.unseen = append(s.unseen, session)
			s.old[session.ID()] = !session.After
		}
	}
}

// recordActivity writes what was found, and what was seen of the policy. Another check may be under
// way at the same time, so it is written on the log as it is now.
func (q *investigation) recordActivity(ctx context.Context, told record.Activity, s followed) error {
	activity := approvals.Event{
		Type: approvals.EventActivity, Source: "activity " + q.item.Source, Detail: fitActivity(&told),
	}
	return q.Change(ctx, q.request.ID, func(v record.View) (t approvals.Transition, err error) {
		if v.Request.Has(activity.Source) {
			return t, nil
		}
		t.Events = []approvals.Event{activity}
		if q.Number > 0 && s.failed == "" {
			step.Add(&t, approvals.EventSeenDenied, "seen "+q.item.Source, q.enforcement(s))
		}
		return t, nil
	})
}

// partly says why not everything could be read, "" when it could.
func partly(regions []trail.RegionCoverage, truncated bool) string {
	missing := uncovered(regions)
	slices.Sort(missing)
	missing = slices.Compact(missing)
	switch {
	case len(missing) > 0:
		return "Calls were not read everywhere, so there may be more: " + strings.Join(missing, ", ") + "."
	case truncated:
		return "There were more calls or keys than are checked, so there may be more."
	default:
		return ""
	}
}

package investigate

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
)

const (
	// maxOthers is how many of the sessions that do not stand out are looked at: at two requests a
	// second in a region that is 20 seconds. othersCalls is how many calls of each the first look
	// reads in a region.
	maxOthers   = 40
	othersCalls = 200
	// backThen is how long before the cutoff later looks begin: what CloudTrail was late with may show
	// a copied key.
	backThen = time.Hour
)

// others looks at sessions of before the cutoff that do not stand out by themselves: to see whether
// their keys are used from elsewhere, which nothing else tells, and, once the cutoff has passed,
// whether the deny keeps them out. It returns how many.
func (q *investigation) others(
	ctx context.Context, report trail.Report, strange []trail.Suspect, into map[string]trail.Activity,
) (int, error) {
	keys := q.otherKeys(report, strange)
	answers := make([]trail.Activity, len(keys))
	ask := trail.ActivityQuery{
		AccountName: q.role.Account, Since: q.since, Cutoff: q.cutoff, Limit: othersCalls,
		Patience: lookPatience,
	}
	if from := q.cutoff.Add(-backThen); q.number > 0 && from.After(q.since) {
		ask.Since, ask.Limit = from, 0 // all calls since the cutoff count
	}
	var side errgroup.Group
	side.SetLimit(maxParallel)
	for i, key := range keys {
		side.Go(func() (err error) {
			ask := ask
			ask.AccessKeyID = key
			answers[i], err = q.Trail.Activity(ctx, ask)
			return err
		})
	}
	if err := side.Wait(); err != nil {
		return 0, err
	}
	for i, key := range keys {
		into[key] = answers[i]
	}
	return len(keys), nil
}

// otherKeys picks the keys of others: first those that sessions made for themselves, then those of
// sessions that had not ended at the cutoff, the newest first, and at the first look those that
// had.
func (q *investigation) otherKeys(report trail.Report, strange []trail.Suspect) []string {
	taken := map[string]bool{}
	for _, s := range strange {
		taken[s.Session.AccessKeyID] = true
	}
	var derived, alive, ended []string
	for _, s := range report.Sessions {
		if !s.Issued() || s.AccessKeyID == "" || taken[s.AccessKeyID] || s.After && !s.Derived {
			continue
		}
		taken[s.AccessKeyID] = true
		switch {
		case !s.Expires.IsZero() && s.Expires.Before(q.cutoff):
			ended = append(ended, s.AccessKeyID)
		case s.Derived:
			derived = append(derived, s.AccessKeyID)
		default:
			alive = append(alive, s.AccessKeyID)
		}
	}
	keys := slices.Concat(derived, alive)
	if q.number == 0 {
		keys = append(keys, ended...)
	}
	return keys[:min(len(keys), maxOthers)]
}

// beginWith are the sessions that are followed: those that stand out, those of which an earlier
// look found that their key was copied first; where none does, the newest that had not ended at the
// cutoff.
func (q *investigation) beginWith(report trail.Report, suspects []trail.Suspect) []trail.Session {
	known := record.Gather(q.events).Copied()
	var first, then, newest []trail.Session
	for _, s := range report.Sessions {
		switch {
		case !s.Issued() || s.AccessKeyID == "":
		case known[s.EventID]:
			first = append(first, s)
		case len(newest) < newestFollowed && (s.Expires.IsZero() || s.Expires.After(q.cutoff)):
			newest = append(newest, s)
		}
	}
	for _, s := range suspects {
		if s.Session.Issued() && s.Session.AccessKeyID != "" && !known[s.Session.EventID] {
			then = append(then, s.Session)
		}
	}
	if begin := slices.Concat(first, then); len(begin) > 0 {
		return begin
	}
	return newest
}

// elsewhere finds the addresses from which a copied key was used.
func elsewhere(copied []trail.Suspect, s trail.Session) []trail.Source {
	for _, c := range copied {
		if c.Session.AccessKeyID == s.AccessKeyID {
			return c.Elsewhere
		}
	}
	return nil
}

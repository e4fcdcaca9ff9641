package record

import (
	"cmp"
	"slices"

	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/internal/times"
)

// The findings of a check are kept. A check reads the newest calls of a key up to a limit, so an
// attacker who makes enough noise pushes the call that matters out of the next check. What that
// check no longer reached is taken from those before it. A check that read everything replaces
// them.

// keeping returns a with what it no longer reached of an earlier check at the same session: calls
// that create persistence, the addresses that its key was used from, and how far back they go. The
// counts stay those of a.
func (a SessionActivity) keeping(earlier SessionActivity) SessionActivity {
	if !a.Partly {
		return a
	}
	a.Elsewhere = slices.Clone(a.Elsewhere)
	for _, s := range earlier.Elsewhere {
		at := slices.IndexFunc(a.Elsewhere, func(now trail.Source) bool { return now.Address == s.Address })
		if at < 0 {
			a.Elsewhere = append(a.Elsewhere, s)
			continue
		}
		now := &a.Elsewhere[at]
		now.Calls, now.First = max(now.Calls, s.Calls), times.Earlier(now.First, s.First)
	}
	a.Persistence = slices.Clone(a.Persistence)
	beyond := max(a.MorePersistence, earlier.MorePersistence)
	for _, c := range earlier.Persistence {
		at := slices.IndexFunc(a.Persistence, c.same)
		if at < 0 {
			a.Persistence = append(a.Persistence, c)
			continue
		}
		a.Persistence[at].Times = max(a.Persistence[at].Times, c.Times)
	}
	if most := MaxPersistence; len(a.Persistence) > most { // those that worked matter most
		slices.SortStableFunc(a.Persistence, func(a, b Call) int {
			return cmp.Or(cmp.Compare(min(len(a.ErrorCode), 1), min(len(b.ErrorCode), 1)), a.Time.Compare(b.Time))
		})
		beyond += len(a.Persistence) - most
		a.Persistence = a.Persistence[:most]
	}
	slices.SortStableFunc(a.Persistence, func(a, b Call) int { return a.Time.Compare(b.Time) })
	a.MorePersistence = beyond
	a.LastOK = times.Later(a.LastOK, earlier.LastOK)
	return a
}

// same reports whether two looks mean one call: the call itself, or what was done again and again
// with the same outcome.
func (c Call) same(other Call) bool {
	return c.EventID != "" && c.EventID == other.EventID ||
		c.Service == other.Service && c.Name == other.Name && c.Region == other.Region && c.Target == other.Target &&
			c.SourceAddress == other.SourceAddress && c.ErrorCode == other.ErrorCode
}

// keepLinks adds the roles of earlier checks that the latest, which could not read everything, no
// longer reached.
func keepLinks(latest, earlier []Link) []Link {
	kept := slices.Clone(latest)
	for _, l := range earlier {
		if !slices.ContainsFunc(kept, l.Same) {
			kept = append(kept, l)
		}
	}
	return kept
}

// Same reports whether two links are the same way from role to role.
func (l Link) Same(other Link) bool {
	return other.Depth == l.Depth && other.From == l.From && other.RoleARN == l.RoleARN && other.AccountID == l.AccountID
}

package trail

import (
	"fmt"
	"slices"
	"time"
)

const (
	// enoughCopies is how many other sessions of a caller have to be used away from where they were
	// opened before that is taken for its way of working.
	enoughCopies = 3
	// mostElsewhere is how many addresses of one session are kept: whoever roams further is told of by
	// the first.
	mostElsewhere = 5
)

// Copied picks the sessions whose keys were used from another address than the one they were opened
// from: whoever called from there holds a copy. activities are those of Activity, by access key; a
// session that is not among them, or that an AWS service opened, is neither picked nor cleared.
//
// Two things say nothing: an address from which somebody who is not strange had opened a session
// before, and a caller whose sessions are used elsewhere as a rule, as one that opens them for
// others is.
func Copied(sessions []Session, activities map[string]Activity, strange []Suspect) []Suspect {
	stranger := map[string]bool{}
	for _, s := range strange {
		stranger[s.Session.EventID] = true
	}
	places := map[string]time.Time{} // since when it is known
	for _, s := range sessions {
		if s.Issued() && !s.Derived && !s.Uncertain && !stranger[s.EventID] {
			places[s.SourceAddress] = earlier(places[s.SourceAddress], s.Time)
		}
	}
	used, away := map[string]int{}, map[string]int{} // by caller: sessions that made calls, and those used elsewhere
	var found []Suspect
	for _, s := range sessions {
		a, looked := activities[s.AccessKeyID]
		if !looked || s.AccessKeyID == "" || !s.Issued() || a.Calls == 0 {
			continue
		}
		used[s.CallerID]++
		elsewhere := slices.DeleteFunc(a.Elsewhere(s), func(from Source) bool {
			since := places[from.Address]
			return !since.IsZero() && since.Before(from.First)
		})
		if len(elsewhere) == 0 {
			continue
		}
		away[s.CallerID]++
		found = append(found, Suspect{
			Session: s, Elsewhere: elsewhere[:min(len(elsewhere), mostElsewhere)],
			Reasons: []string{fmt.Sprintf(
				"its key was used from %s, and it was opened from %s", elsewhere[0].Address, s.SourceAddress)},
		})
	}
	return slices.DeleteFunc(found, func(s Suspect) bool {
		others := away[s.Session.CallerID] - 1
		return others >= enoughCopies && 2*others > used[s.Session.CallerID]-1
	})
}

// WithCopied puts sessions whose keys were copied before the other suspects; one that is among both
// is told once, with all that speaks against it.
func WithCopied(suspects, copied []Suspect) []Suspect {
	all := slices.Clone(copied)
	for _, s := range suspects {
		at := slices.IndexFunc(all, func(c Suspect) bool {
			return c.Session.EventID == s.Session.EventID && c.Session.AccessKeyID == s.Session.AccessKeyID
		})
		if at < 0 {
			all = append(all, s)
			continue
		}
		all[at].Address, all[at].Caller, all[at].Reasons = s.Address, s.Caller, slices.Concat(all[at].Reasons, s.Reasons)
	}
	return all
}

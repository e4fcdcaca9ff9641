package trail

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/internal/english"
)

// past is what was strange before the cutoff, and may come back after it. A caller that came only
// once is not among it: that is no accusation.
type past struct {
	copies  map[netip.Prefix]bool // networks from which a copied key was used
	strange map[netip.Prefix]bool // networks from which a caller came nowhere else
	callers map[string]bool       // callers that were strange and made themselves at home, by CallerID
	doubted map[string]Session    // by CallerID: a session from a strange network
	keys    map[string]Session    // long-term keys that were used where a copied key was
	known   map[string]bool       // all callers, by CallerID
	names   map[string]bool       // of sessions
}

func (j *judge) past() past {
	p := past{
		map[netip.Prefix]bool{},
		map[netip.Prefix]bool{},
		map[string]bool{},
		map[string]Session{},
		map[string]Session{},
		map[string]bool{},
		map[string]bool{},
	}
	for _, s := range j.in.Suspects {
		for _, from := range s.Elsewhere {
			p.copies[networkOf(from.Address)] = true
		}
		if !s.Session.Time.Before(j.in.Cutoff) {
			continue
		}
		if s.Address {
			p.strange[networkOf(s.Session.SourceAddress)] = true
			p.doubted[s.Session.CallerID] = s.Session
		}
		if (s.Address || s.Caller) && slices.ContainsFunc(j.in.Activities[s.Session.ID()].Persistence, Call.grants) {
			p.callers[s.Session.CallerID] = true
		}
	}
	for _, s := range j.in.Sessions {
		if !s.Issued() || s.Uncertain {
			continue
		}
		if s.Time.Before(j.in.Cutoff) && !s.Derived {
			p.known[s.CallerID], p.names[s.SessionName] = true, true
		}
		if p.copies[networkOf(s.SourceAddress)] && s.longTerm() {
			p.keys[s.CallerAccessKey] = s
		}
	}
	return p
}

// cameBack looks at the sessions since the cutoff: whether an old session or a copied key opened
// them, whether they are used from where a copy was used, and whether their caller is known.
func (j *judge) cameBack() {
	if j.in.All { // who came back is denied, as isOld has it
		return
	}
	p := j.past()
	odd := map[string]bool{} // by event: sessions from an address that is first seen
	for _, s := range j.in.Suspects {
		odd[s.Session.EventID] = odd[s.Session.EventID] || s.Address
	}
	sessions := slices.Clone(j.in.Sessions)
	slices.SortStableFunc(sessions, func(a, b Session) int { return a.Time.Compare(b.Time) })
	unseen, told := 0, map[string]bool{}
	for _, s := range sessions {
		if s.Time.Before(j.in.Cutoff) || !s.Issued() || s.Derived || s.Uncertain {
			continue
		}
		did, looked := j.in.Activities[s.ID()]
		if !looked || s.ID() == "" || !did.Covered() {
			unseen++
		}
		j.delegated(s, did)
		network, since := networkOf(s.SourceAddress), j.clock(s.Time)
		isNew := !p.known[s.CallerID] && s.Before.IsZero()
		doubt, ours := "", j.in.Ours[s.CallerID]
		switch {
		case isNew && !ours:
			doubt = s.Caller + ", first seen after the " + j.mark() + ","
		case s.New && !ours:
			doubt = s.Caller + ", first seen in this window,"
		case odd[s.EventID]:
			doubt = s.Caller + ", from an address that is first seen in this window (" + s.SourceAddress + "),"
		case p.doubted[s.CallerID].longTerm() && s.longTerm():
			doubt = s.Caller + ", whose own key may be in other hands (it was used from " +
				p.doubted[s.CallerID].SourceAddress + "),"
		case isNew || s.New:
			doubt = s.Caller + ", whom a person called theirs,"
			told[doubt] = true
		}
		from := usedFrom(did, p.copies)
		_, copiedKey := p.keys[s.CallerAccessKey]
		persisted := slices.ContainsFunc(did.Persistence, Call.persists)
		if persisted && doubt != "" {
			j.opened(s, did, nil)
		}
		switch {
		case j.byTheirs(s, p.names):
			j.show("An old session opened a session at %s, which the policy does not stop (opened by %s).", since, s.Caller)
		case p.copies[network]:
			j.show("%s has had a session since %s, opened from %s, an address from which a copied key was used.", s.Caller,
				since, s.SourceAddress)
		case from != "":
			j.show("A session of %s since %s was used from %s, an address from which a copied key was used.", s.Caller, since,
				from)
		case copiedKey:
			j.show("%s has had a session since %s, and the caller's own key %s was used from %s.", s.Caller, since,
				s.CallerAccessKey, p.keys[s.CallerAccessKey].SourceAddress)
		case p.strange[network]:
			j.show("%s has had a session since %s, opened from %s, an address that was suspicious before.", s.Caller, since,
				s.SourceAddress)
		case p.callers[s.CallerID]:
			j.show("%s, who was suspicious before, has had a session since %s.", s.Caller, since)
		case doubt != "" && persisted:
			j.show("%s has had a session since %s and made calls that create persistence.", doubt, since)
		default:
			if doubt != "" && !told[doubt] {
				told[doubt] = true
				j.miss("%s has a session since %s: a person has to say whether that is right.", doubt, since)
			}
			continue
		}
		j.addSession(s)
		if s.ID() != "" {
			j.theirs[s.ID()] = true
			j.spread()
		}
	}
	if unseen > 0 {
		j.miss("What was done in %s since the %s is not known in full.", english.Count(unseen, "session", "sessions"),
			j.mark())
	}
	for _, key := range slices.Sorted(maps.Keys(p.keys)) {
		j.miss("An attacker with the access key %s of %s can come back: deactivate it.", key, p.keys[key].Caller)
	}
}

// longTerm reports whether the caller opened a session with a key of their own, that does not end.
func (s Session) longTerm() bool {
	return s.CallerType == "IAMUser" && s.CallerAccessKey != "" && !strings.HasPrefix(s.CallerAccessKey, "ASIA")
}

// byTheirs reports whether a session was opened by an old one, or by one that came out of those.
// The opener's key or issue time decides; of a switch of roles in the console only the name is
// known.
func (j *judge) byTheirs(s Session, old map[string]bool) bool {
	if s.CallerAccessKey != "" && j.theirs[s.CallerAccessKey] {
		return true
	}
	if !sameRole(s.CallerRole, j.in.RoleARN) {
		return false
	}
	if s.Kind == KindSwitch {
		_, name := assumed(s.CallerARN)
		return old[name]
	}
	return !s.CallerBegan.IsZero() && s.CallerBegan.Before(j.in.Cutoff)
}

// usedFrom finds an address of a copied key among those of a session.
func usedFrom(did Activity, copies map[netip.Prefix]bool) string {
	for _, source := range did.Sources {
		if copies[networkOf(source.Address)] {
			return source.Address
		}
	}
	return ""
}

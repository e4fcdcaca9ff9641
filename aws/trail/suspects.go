package trail

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/internal/times"
)

// Suspect is an unusual session.
type Suspect struct {
	Session Session
	Address bool // its address is seen nowhere else
	Caller  bool // its caller is first seen in this window, or after the cutoff

	// Elsewhere are the addresses from which its key was used and where it is not at home, most used
	// first; only Copied finds them.
	Elsewhere []Source
}

const (
	// burst is how far apart the sessions of a caller may lie and still be one visit.
	burst = time.Hour
	// enoughToKnow is from how many sessions on it can be told that a caller comes from ever changing
	// addresses.
	enoughToKnow = 3
	// hostedRunners is how many sessions from one address, on average, jobs on hosted runners may have
	// and still count as roaming: the runners' addresses are many, and do come up again.
	hostedRunners = 4
)

// Suspects picks the sessions of a caller that is first seen in this window, or from an address
// that the caller uses nowhere else in it: the strangest first, denied attempts too. It does not
// say that they are bad, and the others are not cleared by it: with one caller and one address in
// the window there is nothing to compare, and of callers who came once each it is unknown which
// one is the stranger.
//
// A caller is first seen in this window when all its sessions lie within an hour, or when it first
// came after the cutoff, and it was not seen in the 90 days before (Session.Before). An address is
// seen nowhere else when its caller had used others before it, and no caller used it more than an
// hour before that caller did. Two things say nothing: the addresses of callers who never come from
// the same one twice, as jobs on hosted runners, and those of AWS services.
//
// Attempts that are Uncertain are left out: they may have been about another role.
func Suspects(sessions []Session, cutoff time.Time) []Suspect {
	sessions = slices.DeleteFunc(slices.Clone(sessions), func(s Session) bool { return s.Uncertain || s.Derived })
	slices.SortStableFunc(sessions, func(a, b Session) int { return b.Time.Compare(a.Time) })
	whole := look(sessions, cutoff)
	// What came after the cutoff changes nothing about what was unusual before it: a caller who
	// comes back is not a regular for that.
	past := look(slices.DeleteFunc(slices.Clone(sessions), func(s Session) bool { return after(s.Time, cutoff) }), cutoff)
	var suspects []Suspect
	kinds := map[string]map[string]bool{} // callers that are first seen, by how they come
	for _, s := range sessions {
		suspect, seen := Suspect{Session: s}, past
		if after(s.Time, cutoff) {
			seen = whole
		}
		if suspect.Caller = seen.strangeCaller(s); suspect.Caller {
			if kinds[kindOf(s)] == nil {
				kinds[kindOf(s)] = map[string]bool{}
			}
			kinds[kindOf(s)][s.CallerID] = true
		}
		if suspect.Address = seen.strangeAddress(s); suspect.Address || suspect.Caller {
			suspects = append(suspects, suspect)
		}
	}
	slices.SortStableFunc(suspects, func(a, b Suspect) int {
		return cmp.Or(cmp.Compare(a.rank(cutoff), b.rank(cutoff)),
			cmp.Compare(len(kinds[kindOf(a.Session)]), len(kinds[kindOf(b.Session)])))
	})
	return suspects
}

// kindOf is how a caller comes: of twenty that come in one way and one that comes in another, the
// one is stranger.
func kindOf(s Session) string {
	kind, rest, _ := strings.Cut(s.CallerID, " ")
	if from, _, more := strings.Cut(rest, " "); more {
		return kind + " " + from
	}
	return kind + " " + s.CallerType
}

// ByService reports whether a service opened a session for code of the account, not for the holder
// of a certificate.
func (s Session) ByService() bool {
	return s.CallerType == "AWSService" && !strings.HasPrefix(s.CallerID, "service rolesanywhere")
}

// rank orders suspects: what people opened before what services opened, callers first seen after
// the cutoff before addresses, and those before callers first seen in the window.
func (s Suspect) rank(cutoff time.Time) int {
	rank := 2
	switch {
	case s.Caller && after(s.Session.Time, cutoff):
		rank = 0
	case s.Address:
		rank = 1
	}
	if s.Session.ByService() {
		rank += 3
	}
	return rank
}

// visits are the sessions of one caller, or of one caller from one address.
type visits struct {
	n           int
	first, last time.Time
}

func (v visits) with(at time.Time) visits {
	return visits{v.n + 1, times.Earlier(v.first, at), times.Later(v.last, at)}
}

// crowd is who came in the window, and from where.
type crowd struct {
	cutoff    time.Time
	callers   map[string]visits                  // by CallerID
	addresses map[string]map[netip.Prefix]visits // by CallerID and network
	users     map[netip.Prefix]map[string]bool   // by network: whose sessions came from it
}

func look(sessions []Session, cutoff time.Time) crowd {
	c := crowd{
		cutoff: cutoff, callers: map[string]visits{}, addresses: map[string]map[netip.Prefix]visits{},
		users: map[netip.Prefix]map[string]bool{},
	}
	for _, s := range sessions {
		c.callers[s.CallerID] = c.callers[s.CallerID].with(s.Time)
		network := networkOf(s.SourceAddress)
		if !network.IsValid() {
			continue
		}
		if c.addresses[s.CallerID] == nil {
			c.addresses[s.CallerID] = map[netip.Prefix]visits{}
		}
		c.addresses[s.CallerID][network] = c.addresses[s.CallerID][network].with(s.Time)
		if c.users[network] == nil {
			c.users[network] = map[string]bool{}
		}
		c.users[network][s.CallerID] = true
	}
	return c
}

// strangeCaller reports whether the caller of a session is one that is first seen in this window.
func (c crowd) strangeCaller(s Session) bool {
	v := c.callers[s.CallerID]
	return s.Before.IsZero() && (after(v.first, c.cutoff) || len(c.callers) > 1 && v.last.Sub(v.first) <= burst)
}

// strangeAddress reports whether the address of a session is one that is seen nowhere else. IPv4 is
// compared with IPv4 and IPv6 with IPv6.
func (c crowd) strangeAddress(s Session) bool {
	network := networkOf(s.SourceAddress)
	if !network.IsValid() || s.Usual {
		return false
	}
	here := c.addresses[s.CallerID][network]
	for other := range c.users[network] {
		if here.first.Sub(c.addresses[other][network].first) > burst {
			return false // another caller's place
		}
	}
	others, sessions, before := 0, 0, false
	for address, v := range c.addresses[s.CallerID] {
		if address != network && address.Addr().Is6() == network.Addr().Is6() {
			others, sessions, before = others+1, sessions+v.n, before || v.first.Before(here.first)
		}
	}
	hosted := s.CallerType == "WebIdentityUser"
	roams := (hosted || sessions >= enoughToKnow) && 2*others > sessions || hosted && others >= enoughToKnow &&
		hostedRunners*others > sessions
	return before && !roams
}

package trail

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/internal/times"
)

// Suspect is a session that is worth a look.
type Suspect struct {
	Session Session
	Reasons []string // in words, at least one; they hold foreign text
	Address bool     // its address is seen nowhere else
	Caller  bool     // its caller is seen nowhere else

	// Elsewhere are the addresses from which its key was used and where it was not opened, most used
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

// Suspects picks the sessions from an address or a caller that is seen nowhere else in the window,
// newest first, denied attempts too. It does not say that they are bad, and the others are not
// cleared by it: with one caller and one address in the window there is nothing to compare, and of
// callers who came once each nobody knows which one is the stranger.
//
// A caller is seen nowhere else when all its sessions lie within an hour, or when it first came
// after the cutoff and others had come before it. An address is seen nowhere else when its caller
// had used others before it, and nobody used it more than an hour before that caller did. Two
// things say nothing: the addresses of callers who never come from the same one twice, as jobs on
// hosted runners, and those of AWS services.
//
// Attempts that are Uncertain are left out: they may have been about another role.
func Suspects(sessions []Session, cutoff time.Time) []Suspect {
	sessions = slices.DeleteFunc(slices.Clone(sessions), func(s Session) bool { return s.Uncertain || s.Derived })
	slices.SortStableFunc(sessions, func(a, b Session) int { return b.Time.Compare(a.Time) })
	whole := look(sessions, cutoff)
	// What came after the cutoff changes nothing about what was strange before it: whoever comes back
	// is not a regular for that.
	past := look(slices.DeleteFunc(slices.Clone(sessions), func(s Session) bool { return after(s.Time, cutoff) }), cutoff)
	var suspects []Suspect
	for _, s := range sessions {
		suspect, seen := Suspect{Session: s}, past
		if after(s.Time, cutoff) {
			seen = whole
		}
		if words := seen.strangeCaller(s); words != "" {
			suspect.Caller, suspect.Reasons = true, append(suspect.Reasons, words)
		}
		if words := seen.strangeAddress(s); words != "" {
			suspect.Address, suspect.Reasons = true, append(suspect.Reasons, words)
		}
		if len(suspect.Reasons) > 0 {
			suspects = append(suspects, suspect)
		}
	}
	return suspects
}

// visits are the sessions of one caller, or of one caller from one address.
type visits struct {
	n           int
	first, last time.Time
}

func (v visits) with(at time.Time) visits {
	return visits{v.n + 1, earlier(v.first, at), times.Later(v.last, at)}
}

// crowd is who came in the window, and from where.
type crowd struct {
	cutoff    time.Time
	first     time.Time                    // the first session of all
	callers   map[string]visits            // by CallerID
	addresses map[string]map[string]visits // by CallerID and address
	users     map[string]map[string]bool   // by address: whose sessions came from it
}

func look(sessions []Session, cutoff time.Time) crowd {
	c := crowd{
		cutoff: cutoff, callers: map[string]visits{}, addresses: map[string]map[string]visits{},
		users: map[string]map[string]bool{},
	}
	for _, s := range sessions {
		c.first = earlier(c.first, s.Time)
		c.callers[s.CallerID] = c.callers[s.CallerID].with(s.Time)
		if c.addresses[s.CallerID] == nil {
			c.addresses[s.CallerID] = map[string]visits{}
		}
		c.addresses[s.CallerID][s.SourceAddress] = c.addresses[s.CallerID][s.SourceAddress].with(s.Time)
		if c.users[s.SourceAddress] == nil {
			c.users[s.SourceAddress] = map[string]bool{}
		}
		c.users[s.SourceAddress][s.CallerID] = true
	}
	return c
}

// strangeCaller says why the caller of a session is one that is seen nowhere else, "" when it is
// not.
func (c crowd) strangeCaller(s Session) string {
	v := c.callers[s.CallerID]
	if len(c.callers) < 2 {
		return ""
	}
	if after(v.first, c.cutoff) && before(c.first, c.cutoff) {
		return fmt.Sprintf("%s was not seen before the cutoff", s.Caller)
	}
	if v.last.Sub(v.first) > burst {
		return ""
	}
	if v.n == 1 {
		return fmt.Sprintf("the only session of %s in this window", s.Caller)
	}
	return fmt.Sprintf("%s was there only once in this window, with %d sessions within %s", s.Caller, v.n,
		minutes(v.last.Sub(v.first)))
}

// strangeAddress says why the address of a session is one that is seen nowhere else, "" when it is
// not.
func (c crowd) strangeAddress(s Session) string {
	if !isAddress(s.SourceAddress) {
		return ""
	}
	here := c.addresses[s.CallerID][s.SourceAddress]
	for other := range c.users[s.SourceAddress] {
		if here.first.Sub(c.addresses[other][s.SourceAddress].first) > burst {
			return "" // somebody else's place
		}
	}
	others, sessions, before := 0, 0, false
	example := ""
	for address, v := range c.addresses[s.CallerID] {
		if address == s.SourceAddress {
			continue
		}
		others, sessions = others+1, sessions+v.n
		before = before || v.first.Before(here.first)
		if example == "" || v.n > c.addresses[s.CallerID][example].n || v.n == c.addresses[s.CallerID][example].n &&
			address < example {
			example = address
		}
	}
	hosted := s.CallerType == "WebIdentityUser"
	roams := (hosted || sessions >= enoughToKnow) && 2*others > sessions || hosted && others >= enoughToKnow &&
		hostedRunners*others > sessions
	if !before || roams {
		return ""
	}
	return fmt.Sprintf("%s came from %s only here; %s", s.Caller, s.SourceAddress, elsewhere(sessions, others, example))
}

// elsewhere says where the other sessions of a caller came from.
func elsewhere(sessions, others int, example string) string {
	switch {
	case sessions == 1:
		return "another session came from " + example
	case others == 1:
		return fmt.Sprintf("%d other sessions came from %s", sessions, example)
	default:
		return fmt.Sprintf("%d other sessions came from %s and %d more", sessions, example, others-1)
	}
}

// minutes says a span of up to an hour.
func minutes(d time.Duration) string {
	if d < time.Minute {
		return "a minute"
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

package trail

import (
	"net/netip"
	"slices"
	"time"

	"github.com/revokebot/revokebot/internal/times"
)

const (
	// enoughCopies is how many other sessions of a caller have to be used away from where they were
	// opened before that is taken for its way of working.
	enoughCopies = 3
	// mostElsewhere is how many addresses of one session are kept: a key that roams further is
	// shown by the first.
	mostElsewhere = 5
)

// networkOf is what addresses are compared by: an IPv4 address, or the /64 of an IPv6 address. It
// is the zero prefix for what is no address of the holder: a service's name, "AWS Internal", or an
// address behind the account's own VPC endpoint.
func networkOf(source string) netip.Prefix {
	address, err := netip.ParseAddr(source)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if address = address.Unmap().WithZone(""); address.Is6() {
		bits = 64
	}
	network, _ := address.Prefix(bits)
	return network
}

// Elsewhere returns the addresses from which a session was used and which are not where it is at
// home: a copied key. Its home is where it was opened. A service opens sessions without an address,
// and an address of the other family says nothing, so there the most used network is its home.
func (a Activity) Elsewhere(s Session) []Source {
	homes, calls := map[bool]netip.Prefix{}, map[netip.Prefix]int{}
	opened := networkOf(s.SourceAddress)
	for _, source := range a.Sources {
		calls[networkOf(source.Address)] += source.Calls
	}
	first := slices.Clone(a.Sources)
	slices.SortStableFunc(first, func(a, b Source) int { return a.First.Compare(b.First) })
	for _, source := range first {
		network := networkOf(source.Address)
		v6 := network.Addr().Is6()
		if home, there := homes[v6]; network.IsValid() && (!there || calls[network] > calls[home]) {
			homes[v6] = network
		}
	}
	if opened.IsValid() {
		homes[opened.Addr().Is6()] = opened
	}
	var elsewhere []Source
	for _, source := range a.Sources {
		if network := networkOf(source.Address); network.IsValid() && network != homes[network.Addr().Is6()] {
			elsewhere = append(elsewhere, source)
		}
	}
	return elsewhere
}

// Copied picks the sessions whose keys were used from another address than the one they are at
// home: the caller there holds a copy. activities are by Session.ID; a session that is not among
// them is neither picked nor cleared.
//
// Two things say nothing: an address from which a known caller had opened a session before, and a
// caller whose sessions are used elsewhere as a rule, as one that opens them for others is.
func Copied(sessions []Session, activities map[string]Activity, strange []Suspect) []Suspect {
	stranger := map[string]bool{}
	for _, s := range strange {
		stranger[s.Session.EventID] = true
	}
	places := map[netip.Prefix]time.Time{} // since when it is known
	for _, s := range sessions {
		if s.Issued() && !s.Derived && !s.Uncertain && !stranger[s.EventID] {
			network := networkOf(s.SourceAddress)
			places[network] = times.Earlier(places[network], s.Time)
		}
	}
	used, away := map[string]int{}, map[string]int{} // by caller: sessions that made calls, and those used elsewhere
	var found []Suspect
	for _, s := range sessions {
		a, looked := activities[s.ID()]
		if !looked || s.ID() == "" || !s.Issued() || a.Calls == 0 {
			continue
		}
		used[s.CallerID]++
		elsewhere := slices.DeleteFunc(a.Elsewhere(s), func(from Source) bool {
			since := places[networkOf(from.Address)]
			return !since.IsZero() && since.Before(from.First)
		})
		if len(elsewhere) == 0 {
			continue
		}
		away[s.CallerID]++
		found = append(found, Suspect{Session: s, Elsewhere: elsewhere[:min(len(elsewhere), mostElsewhere)]})
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
			return c.Session.EventID == s.Session.EventID && c.Session.ID() == s.Session.ID()
		})
		if at < 0 {
			all = append(all, s)
			continue
		}
		all[at].Address, all[at].Caller = s.Address, s.Caller
	}
	return all
}

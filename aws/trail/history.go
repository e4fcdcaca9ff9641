package trail

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/times"
)

const (
	// mostPast is how many callers are looked up in the 90 days before the window, those who came
	// after the cutoff and then the strangest first, and pastPages how many pages of each are read in
	// a region.
	mostPast  = 6
	pastPages = 2
)

// Past is what is known of a caller in the 90 days before the window. Those do not change.
type Past struct {
	CallerID string       `json:"caller_id"`
	Network  netip.Prefix `json:"network,omitzero"` // that was looked for besides; zero: none
	There    bool         `json:"there,omitempty"`  // and whether the caller came from it
	Seen     time.Time    `json:"seen,omitzero"`    // when the caller came; zero: never
	Used     bool         `json:"used,omitempty"`   // the role was used, by anyone

	failed bool // not everything was read
}

// seenBefore looks callers that are first seen in the window up in the 90 days before it, and those
// that came from an address they used nowhere else, and marks their sessions. It asks by the
// caller's name, or by the session's where AWS gave the name, unless an earlier look-up had the
// answer. What cannot be read stays first seen, as who came after the cutoff and was too many to be
// looked up. It returns the answers that are new.
func (c *Client) seenBefore(
	ctx context.Context, a *aws.Conn, q LookupQuery, regions []string, sessions []Session,
) (fresh []Past) {
	if q.Since.IsZero() {
		return nil
	}
	asked := map[string]*Past{} // by CallerID
	var mu sync.Mutex
	places := map[string]map[netip.Prefix]bool{} // by CallerID
	var side errgroup.Group
	side.SetLimit(keysAtOnce)
	read := func(b *regionBudget, query trailQuery, p *Past, take func(page) bool) {
		covers := RegionCoverage{Covered: true}
		c.read(ctx, a, b, query, &covers, func(page page) bool {
			mu.Lock()
			defer mu.Unlock()
			return take(page)
		})
		mu.Lock()
		defer mu.Unlock()
		p.failed = p.failed || !covers.Covered
	}
	unasked := map[string]bool{}
	for _, suspect := range returningFirst(sessions, q.Cutoff) {
		s := suspect.Session
		p := &Past{CallerID: s.CallerID}
		if suspect.Address {
			p.Network = networkOf(s.SourceAddress)
		}
		if asked[s.CallerID] != nil || !s.Issued() || slices.ContainsFunc(q.Past, p.answeredBy) {
			continue
		}
		if len(asked) == mostPast {
			unasked[s.CallerID] = true
			continue
		}
		query := trailQuery{key: types.LookupAttributeKeyUsername, value: s.CallerName, until: q.Since}
		if s.CallerName == "" {
			query.key, query.value = types.LookupAttributeKeyResourceName, s.RoleID+":"+s.SessionName
		}
		if s.CallerName == "" && (s.RoleID == "" || s.SessionName == "") {
			continue
		}
		asked[s.CallerID], places[s.CallerID] = p, map[netip.Prefix]bool{}
		side.Go(func() error {
			c.everywhere(regions, func(_ int, b *regionBudget) {
				left := pastPages
				read(b, query, p, func(page page) (done bool) {
					for _, event := range page.events {
						then, ok := decodeEvent(event, b.region)
						if !ok || !then.Issued() || then.CallerID != s.CallerID || !sameRole(then.RoleARN, q.RoleARN) {
							continue
						}
						p.Seen = times.Later(p.Seen, then.Time)
						places[s.CallerID][networkOf(then.SourceAddress)] = true
						done = !suspect.Address || networkOf(then.SourceAddress) == p.Network
					}
					left--
					return done || left == 0
				})
			})
			return nil
		})
	}
	role := Past{}
	if len(asked) > 0 {
		c.everywhere(regions, func(_ int, b *regionBudget) {
			query := naming(q.RoleARN, time.Time{})
			query.until = q.Since
			read(b, query, &role, func(page page) bool {
				role.Used = role.Used || len(page.events) > 0
				return true
			})
		})
	}
	_ = side.Wait()
	all := slices.Clone(q.Past)
	others := role.Used || role.failed || slices.ContainsFunc(all, func(p Past) bool { return p.Used })
	for _, p := range asked {
		p.Used, p.There = others, places[p.CallerID][p.Network]
		all = append(all, *p)
		if !p.failed && !role.failed || !p.Seen.IsZero() && (p.There || !p.Network.IsValid()) {
			fresh = append(fresh, *p)
		}
	}
	for i, s := range sessions {
		network, used := networkOf(s.SourceAddress), others && unasked[s.CallerID]
		sessions[i].Usual = places[s.CallerID][network]
		for _, p := range all {
			if p.CallerID == s.CallerID {
				s.Before, used = times.Later(s.Before, p.Seen), used || p.Used
				sessions[i].Usual = sessions[i].Usual || p.There && p.Network == network
			}
		}
		sessions[i].Before, sessions[i].New = s.Before, used && s.Before.IsZero()
	}
	return fresh
}

// returningFirst are the suspects, before the others those whose caller came after the cutoff: a
// crowd that came before it hides none of them.
func returningFirst(sessions []Session, cutoff time.Time) []Suspect {
	came := map[string]bool{}
	for _, s := range sessions {
		came[s.CallerID] = came[s.CallerID] || s.Issued() && !s.Derived && s.After
	}
	var first, others []Suspect
	for _, s := range Suspects(sessions, cutoff) {
		if came[s.Session.CallerID] {
			first = append(first, s)
		} else {
			others = append(others, s)
		}
	}
	return append(first, others...)
}

// answeredBy reports whether an earlier answer has what is asked.
func (p *Past) answeredBy(earlier Past) bool {
	return earlier.CallerID == p.CallerID && (!p.Network.IsValid() || earlier.Network == p.Network)
}

// sameCallers gives a caller that an event names by ARN alone, as a switch of roles in the console
// does, the mark that other events have of it.
func sameCallers(sessions []Session) {
	marks := map[string]string{}
	for _, s := range sessions {
		if arn := idOf(s.CallerARN); arn != "" && s.CallerID != "principal "+arn {
			marks[arn] = s.CallerID
		}
	}
	for i, s := range sessions {
		if mark := marks[idOf(s.CallerARN)]; mark != "" && s.CallerID == "principal "+idOf(s.CallerARN) {
			sessions[i].CallerID = mark
		}
	}
}

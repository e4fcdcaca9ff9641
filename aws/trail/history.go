package trail

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/times"
)

const (
	// mostPast is how many callers are looked up in the 90 days before the window, the strangest
	// first, and pastPages how many pages of each are read in a region.
	mostPast  = 6
	pastPages = 2
)

// seenBefore looks callers that are first seen in the window up in the 90 days before it, and those
// that came from an address they used nowhere else, and marks their sessions. It asks by the
// caller's name, or by the session's where AWS gave the name. What cannot be read stays first seen.
func (c *Client) seenBefore(ctx context.Context, a *aws.Conn, q LookupQuery, regions []string, sessions []Session) {
	if q.Since.IsZero() {
		return
	}
	asked := map[string]bool{}
	var mu sync.Mutex
	used := false                                                              // the role, in those 90 days
	seen, places := map[string]time.Time{}, map[string]map[netip.Prefix]bool{} // by CallerID
	var side errgroup.Group
	side.SetLimit(keysAtOnce)
	for _, suspect := range Suspects(sessions, q.Cutoff) {
		s := suspect.Session
		if asked[s.CallerID] || len(asked) == mostPast || !s.Issued() {
			continue
		}
		query := trailQuery{key: types.LookupAttributeKeyUsername, value: s.CallerName, until: q.Since}
		if s.CallerName == "" {
			query.key, query.value = types.LookupAttributeKeyResourceName, s.RoleID+":"+s.SessionName
		}
		if s.CallerName == "" && (s.RoleID == "" || s.SessionName == "") {
			continue
		}
		asked[s.CallerID] = true
		side.Go(func() error {
			c.everywhere(regions, func(_ int, b *regionBudget) {
				left := pastPages
				c.read(ctx, a, b, query, &RegionCoverage{}, func(p page) (done bool) {
					mu.Lock()
					defer mu.Unlock()
					for _, event := range p.events {
						then, ok := decodeEvent(event, b.region)
						if !ok || !then.Issued() || then.CallerID != s.CallerID || !sameRole(then.RoleARN, q.RoleARN) {
							continue
						}
						seen[s.CallerID] = times.Later(seen[s.CallerID], then.Time)
						if places[s.CallerID] == nil {
							places[s.CallerID] = map[netip.Prefix]bool{}
						}
						places[s.CallerID][networkOf(then.SourceAddress)] = true
						done = !suspect.Address || networkOf(then.SourceAddress) == networkOf(s.SourceAddress)
					}
					left--
					return done || left == 0
				})
			})
			return nil
		})
	}
	if len(asked) > 0 {
		c.everywhere(regions, func(_ int, b *regionBudget) {
			query := naming(q.RoleARN, time.Time{})
			query.until = q.Since
			c.read(ctx, a, b, query, &RegionCoverage{}, only(1, func(p page) {
				mu.Lock()
				defer mu.Unlock()
				used = used || len(p.events) > 0
			}))
		})
	}
	_ = side.Wait()
	for i, s := range sessions {
		sessions[i].Before, sessions[i].New = seen[s.CallerID], used && asked[s.CallerID] && seen[s.CallerID].IsZero()
		sessions[i].Usual = places[s.CallerID][networkOf(s.SourceAddress)]
	}
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

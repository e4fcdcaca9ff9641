package investigate

import (
	"encoding/json"

	"github.com/revokebot/revokebot/handlers/record"
)

// trimToFit writes the detail of an event in at most messages.MaxDetail bytes: as long as it is
// larger, shrink takes something away from it. What was taken away is counted in the detail. shrink
// reports false when there is nothing left to take.
func trimToFit(detail any, shrink func() bool) json.RawMessage {
	for {
		if raw := record.Encode(detail); len(raw) <= record.MaxDetail || !shrink() {
			return raw
		}
	}
}

// fitActivity packs what sessions did: fewer doors of each, then fewer sessions, then no chain.
func fitActivity(told *record.Activity) json.RawMessage {
	doors := record.MaxPersistence
	return trimToFit(told, func() bool {
		switch {
		case told.Settled != nil:
			told.Settled = nil
		case doors > 1:
			doors /= 2
			for i, s := range told.Sessions {
				if len(s.Persistence) > doors {
					s.MorePersistence += len(s.Persistence) - doors
					s.Persistence = s.Persistence[:doors]
					told.Sessions[i] = s
				}
			}
		case shorten(&told.Sessions, 1):
			told.NotRead++
		case shorten(&told.Chain, 0):
			told.MoreLinks++
		default:
			return false
		}
		return true
	})
}

// fitConclusion packs a verdict: fewer sessions, calls and reasons, then fewer things to do.
func fitConclusion(c *record.Conclusion) json.RawMessage {
	return trimToFit(c, func() bool {
		return shorten(&c.Sessions, 1) || shorten(&c.Calls, 1) || shorten(&c.Why, 1) || shorten(&c.Persistence, 1) ||
			shorten(&c.Roles, 1) || shorten(&c.Harden, 0)
	})
}

// shorten takes the last of a list, of which least stay.
func shorten[T any](list *[]T, least int) bool {
	n := len(*list)
	if n > least {
		*list = (*list)[:n-1]
	}
	return n > least
}

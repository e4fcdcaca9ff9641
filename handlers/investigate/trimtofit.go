package investigate

import (
	"encoding/json"
	"fmt"

	"github.com/revokebot/revokebot/handlers/record"
)

// trimToFit writes the detail of an event in at most messages.MaxDetail bytes: as long as it is
// larger, shrink takes something away from it. What was taken away is counted in the detail. shrink
// reports false when there is nothing left to take.
func trimToFit(detail any, shrink func() bool) (json.RawMessage, error) {
	for {
		raw, err := record.Encode(detail)
		if err != nil {
			return nil, fmt.Errorf("record what CloudTrail told: %w", err)
		}
		if len(raw) <= record.MaxDetail || !shrink() {
			return raw, nil
		}
	}
}

// fitEvidence packs what a look found, with fewer suspects.
func fitEvidence(told *record.Evidence) (json.RawMessage, error) {
	return trimToFit(told, func() bool {
		half := len(told.Suspects) / 2
		shrunk := len(told.Suspects) > 0
		told.Suspects = told.Suspects[:half]
		return shrunk
	})
}

// fitActivity packs what sessions did: fewer doors of each, then fewer sessions, then no chain.
func fitActivity(told *record.Activity) (json.RawMessage, error) {
	doors := record.MaxDoors
	return trimToFit(told, func() bool {
		switch {
		case doors > 1:
			doors /= 2
			for i, s := range told.Sessions {
				if len(s.Doors) > doors {
					s.MoreDoors += len(s.Doors) - doors
					s.Doors = s.Doors[:doors]
					told.Sessions[i] = s
				}
			}
		case len(told.Sessions) > 1:
			half := len(told.Sessions) / 2
			told.Sessions, told.NotRead = told.Sessions[:half], told.NotRead+len(told.Sessions)-half
		case len(told.Chain) > 0:
			half := len(told.Chain) / 2
			told.Chain, told.MoreLinks = told.Chain[:half], told.MoreLinks+len(told.Chain)-half
		default:
			return false
		}
		return true
	})
}

// fitConclusion packs a verdict: fewer sessions, calls and reasons, then fewer things to do.
func fitConclusion(c *record.Conclusion) (json.RawMessage, error) {
	return trimToFit(c, func() bool {
		switch {
		case len(c.Sessions) > 1:
			c.Sessions = c.Sessions[:len(c.Sessions)-1]
		case len(c.Calls) > 1:
			c.Calls = c.Calls[:len(c.Calls)-1]
		case len(c.Why) > 1:
			c.Why = c.Why[:len(c.Why)-1]
		case len(c.Doors) > 1:
			c.Doors = c.Doors[:len(c.Doors)-1]
		case len(c.Roles) > 1:
			c.Roles = c.Roles[:len(c.Roles)-1]
		default:
			return false
		}
		return true
	})
}

package role

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/internal/times"
)

// CheckState is what a check of the role found. The zero value is unknown and never a pass.
type CheckState string

// The states. Held is the good one.
const (
	Held         CheckState = "held"          // what was promised is there, or what denies more
	Gone         CheckState = "gone"          // nothing is there
	Weakened     CheckState = "weakened"      // something is there that denies less, or cannot be read
	RoleGone     CheckState = "role_gone"     // there is no role of this name; its sessions ended with it
	RoleReplaced CheckState = "role_replaced" // another role has this name now; the sessions ended with the old one
)

// Check is one check of the role. It says what is stored, not what the regions enforce.
type Check struct {
	State     CheckState         // the worst of the documents, or what became of the role
	Documents []CheckState       // one for each document of the measure; "" where nothing was promised for it
	There     []contain.Document // one for each document: the place that holds it, or that was promised last
	At        time.Time          // AWS's clock at the check, whole seconds; zero when it gave none
	On        contain.Principal  // where it was found: a user can have been renamed
	Keys      []string           // the access keys that a user has, where one of them was promised
	Now       time.Time          // the latest that AWS's clock can show: for contain.Dated
}

// Good reports whether what is there still does at least what was promised.
func (c Check) Good() bool { return c.State == Held }

// Check looks whether what an order has promised is still on the role: it reads the role and the
// slots, side by side, with the reading session. An error means that nothing is known: the State
// is then the zero value.
//
// Where a document is gone or weakened, Apply the order again.
func (c *Client) Check(ctx context.Context, o Order) (Check, error) {
	if o.Measure == nil || len(o.Promised) == 0 {
		return Check{}, errNoMeasure
	}
	p, err := c.look(ctx, o, false, nil)
	switch {
	case errors.Is(err, aws.ErrNoSuchRole):
		return Check{State: RoleGone, At: p.clock.Server}, nil
	case err != nil:
		return Check{}, err
	}
	check := Check{At: p.role.ServerTime, Now: p.latest(), On: p.role.Principal, Keys: p.keys}
	for i, place := range p.places {
		state, there := p.held(check.Now, place)
		check.Documents, check.There = append(check.Documents, state), append(check.There, there.Document)
		check.At = times.Later(check.At, there.at)
		if i == 0 || worse(state, check.State) {
			check.State = state
		}
	}
	if p.role.ID != o.Principal.ID {
		check.State = RoleReplaced
	}
	return check, nil
}

// worse reports whether a state of a document is worse than another one. A document that was not
// promised does not count.
func worse(a, b CheckState) bool {
	order := []CheckState{"", Held, Weakened, Gone}
	return slices.Index(order, a) > slices.Index(order, b)
}

// held compares what is in a document's places with what was promised for it.
func (p *Prepared) held(now time.Time, places []contain.Slot) (CheckState, *found) {
	written := slices.DeleteFunc(contain.Documents(p.of.Promised), func(d contain.Document) bool {
		return !slices.Contains(places, d.Slot)
	})
	if len(written) == 0 {
		return "", p.in(places[0])
	}
	if there := p.covering(now, places, written); there != nil {
		return Held, there
	}
	last := p.in(written[len(written)-1].Slot)
	for _, d := range p.of.Stands {
		if slices.Contains(places, d.Slot) {
			last = p.in(d.Slot)
		}
	}
	if last.Text == "" {
		return Gone, last
	}
	return Weakened, last
}

// covering is the first place that does all that was written; nil if there is none.
func (p *Prepared) covering(now time.Time, places []contain.Slot, written []contain.Document) *found {
	for _, place := range places {
		there := p.in(place)
		if !slices.ContainsFunc(written, func(d contain.Document) bool {
			return p.of.Measure.Gap(now, there.Document, d) != contain.Covers
		}) {
			return there
		}
	}
	return nil
}

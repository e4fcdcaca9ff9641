package role

import (
	"context"
	"errors"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/times"
)

// CheckState is what a look at the role found. The zero value is unknown and never a pass.
type CheckState string

// The states. Held and Raised are the good ones.
const (
	Held         CheckState = "held"          // the deny is there with the cutoff that was asked about
	Raised       CheckState = "raised"        // the deny is there with a later cutoff: it denies more, not less
	Gone         CheckState = "gone"          // the policy is not on the role
	Weakened     CheckState = "weakened"      // the policy is there with an earlier cutoff, or with no deny that works
	RoleGone     CheckState = "role_gone"     // there is no role of this name; its sessions ended with it
	RoleReplaced CheckState = "role_replaced" // another role has this name now; the sessions ended with the old one
)

// Check is one look at the role. It says what is stored, not what the regions enforce.
type Check struct {
	State    CheckState
	Cutoff   time.Time // of the deny on the role now; zero when there is none that works
	Document string    // the policy on the role now, "" none
	At       time.Time // AWS's clock at the look, whole seconds; zero when it gave none
}

// Good reports whether the deny still does at least what was asked about.
func (c Check) Good() bool { return c.State == Held || c.State == Raised }

// Check looks whether the deny that was written with a cutoff is still on a role: it reads the role and the policy, side by
// side, with the reading session. An error means that nothing is
// known: the State is then the zero value.
//
// Where the deny is gone or weakened, write it again with Revoke: NotBefore zero, so that it is written in any case,
// and AtLeast the cutoff that was promised.
func (c *Client) Check(ctx context.Context, of Ref, cutoff time.Time) (Check, error) {
	s, err := c.look(ctx, subject{account: of.Account, name: of.Name})
	switch {
	case errors.Is(err, aws.ErrNoSuchRole):
		return Check{State: RoleGone, At: aws.RefusalTime(err)}, nil
	case err != nil:
		return Check{}, err
	}
	there := s.there.Value
	look := Check{
		Cutoff: there.cutoff(), Document: there.document,
		At: times.Later(s.role.ServerTime, there.at), State: there.state(cutoff),
	}
	if s.role.ID != of.ID {
		look.State = RoleReplaced
	}
	return look, nil
}

// state compares the deny on a role with the one that was written.
func (o onRole) state(written time.Time) CheckState {
	switch there := o.cutoff(); {
	case o.document == "":
		return Gone
	case there.IsZero() || there.Before(written):
		return Weakened
	case there.After(written):
		return Raised
	default:
		return Held
	}
}

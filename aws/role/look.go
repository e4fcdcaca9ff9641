package role

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// Look is a role, what its slots say, and what a measure wants them to say.
type Look struct {
	Role    Role               // without Warnings
	There   []contain.Document // one for each document of the measure: in the slot that is wanted, or in its first place
	Wanted  []contain.Document // zero where it is refused
	Refused error              // the measure's Refusals; an undo of what is not ours is contain.ErrNotOurs
	Now     time.Time          // the latest that AWS's clock can show: for contain.Dated; zero when it gave none
}

// Done reports whether all is as it is wanted, so that nothing is left to do.
func (l Look) Done() bool { return l.Refused == nil && slices.Equal(l.There, l.Wanted) }

// Look reads the role and the slots of a measure, side by side, with the reading session, and
// says what the measure, such as that of contain.Restore, would want there. Without a measure it
// reads the role alone. A role that must not be touched, or that is not at the path that was
// given, is a *RefusedError; a role that does not exist is ErrNoSuchRole. Unlike Describe it does
// not ask whether anything could be written.
func (c *Client) Look(ctx context.Context, t aws.Target, m contain.Measure) (Look, error) {
	var places [][]contain.Slot
	var slots []contain.Slot
	if m != nil {
		role := c.principal(Ref{Account: t.Account.Name, Name: t.RoleName, ARN: t.GivenARN})
		places, slots = slotsOf(m, contain.Target{Principal: role})
	}
	s, err := c.survey(ctx, subject{account: t.Account.Name, name: t.RoleName, path: t.Path, slots: slots})
	if err != nil || m == nil {
		return Look{Role: s.role, Now: s.latest()}, err
	}
	look := Look{Role: s.role, Now: s.latest()}
	look.Wanted, look.Refused = m.Want(s.state(Order{}, c), nil)
	if len(look.Wanted) != len(places) {
		return Look{}, errors.Join(look.Refused, errNoMeasure)
	}
	for i, place := range places {
		slot := place[0]
		if contain.RefusalOf(look.Refused, place) == nil {
			slot = look.Wanted[i].Slot
		}
		look.There = append(look.There, s.in(slot).Document)
	}
	return look, nil
}

// otherPath refuses a role that is not at the path that was given.
func otherPath(path string, role Role) error {
	if path == "" || path == role.Path {
		return nil
	}
	return &aws.RefusedError{Reason: aws.RefusedOtherPath, Sentence: fmt.Sprintf(
		"The role %s in %s has the path %s, not %s. Give its name without a path, or its own ARN.",
		role.Name, role.AccountName, aws.Quote(role.Path), aws.Quote(path))}
}

// longestServiceSession is how long the sessions last that AWS services open for the code they
// run; Lambda asks for that.
const longestServiceSession = 12 * time.Hour

// longestSession is the longest that can be possible. AWS services open sessions of up to twelve
// hours whatever the role's maximum is.
func (r Role) longestSession() time.Duration {
	longest := r.MaxSession
	for _, p := range r.Trust {
		switch p.Kind {
		case PrincipalService, PrincipalEverybody, PrincipalUnknown: // the latter two may be services
			longest = max(longest, longestServiceSession)
		}
	}
	if longest == 0 {
		longest = longestServiceSession // which is also the longest maximum that a role can have
	}
	return longest
}

// RevivesUntil says until when sessions that a deny with this cutoff keeps out would come back to
// life if it were taken away: the cutoff and the role's longest session. A maximum that was
// lowered since those sessions were opened cannot be seen.
func RevivesUntil(cutoff time.Time, role Role) time.Time { return cutoff.Add(role.longestSession()) }

// Revives reports whether sessions that a deny with a cutoff keeps out could work again without
// it, by AWS's clock: unless they are too old to be alive, or the deny that comes back keeps them
// out, too; restored is its cutoff, zero for none. While AWS's time is not known, they could.
func Revives(now, cutoff, restored, until time.Time) bool {
	return !cutoff.IsZero() && restored.Before(cutoff) && (now.IsZero() || now.Before(until))
}

// Principal is what measures are told of the role.
func (r Role) Principal() contain.Principal {
	return contain.Principal{
		Kind: contain.Role, AccountName: r.AccountName, AccountID: r.AccountID, Partition: r.Partition,
		Path: r.Path, Name: r.Name, ARN: r.ARN, ID: r.ID, LongestSession: r.longestSession(),
	}
}

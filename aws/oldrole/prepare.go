package role

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws"
)

// preparedFor is how long a preparation is good. What was read may be otherwise by then, and the
// cutoff on the role is not to be moved back over one that somebody else has written meanwhile.
const preparedFor = 3 * time.Second

// Prepared is what one revocation needs before it can write: who the role is and what is on it,
// with AWS's clock, and a session that can touch this one role. It holds credentials and is never
// stored. What is not used is forgotten; its session ends by itself after fifteen minutes.
type Prepared struct {
	survey
	of    Order
	cred  aws.Credential
	began time.Time // by this machine's running clock: only good for measuring
}

// callerARN is who writes, as AWS calls the bot's session.
func (p *Prepared) callerARN() string { return cmp.Or(p.cred.CallerARN, p.hubARN) }

// Prepare asks AWS for all that a revocation needs, side by side, and writes nothing: GetRole,
// GetRolePolicy, the session of this revocation, and who the bot is, if that is not known yet. It
// is one remote step, if the reading session is warm. It refuses what Revoke refuses. NotBefore,
// AtLeast and Promise do not matter yet.
//
// The session names the people of the revocation in the account's CloudTrail, also when it is never
// used.
func (c *Client) Prepare(ctx context.Context, o Order) (*Prepared, error) {
	return c.prepare(ctx, o, func(*aws.Conn) string { return oneRolePolicy(toRevoke, o.Target.ARN) })
}

// prepare is Prepare with a session that may do what the policy says.
func (c *Client) prepare(ctx context.Context, o Order, policy func(*aws.Conn) string) (*Prepared, error) {
	o.Approvers = slices.Clone(o.Approvers)
	p := &Prepared{of: o, began: time.Now()}
	s, err := c.survey(ctx, approved(o.Target), func(a *aws.Conn) (err error) {
		p.cred, err = a.Open(ctx, o.grant(policy(a)))
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.clock == (aws.Stamp{}) {
		return nil, &aws.CallError{Kind: aws.ErrNoServerTime, Operation: "iam:GetRole", Account: s.account.Name}
	}
	p.survey = s
	return p, nil
}

// fits reports whether the preparation is of this very order, with these people, and still good.
func (p *Prepared) fits(o Order) bool {
	return p != nil && time.Since(p.began) <= preparedFor && p.cred.Lasts() && p.of.same(o)
}

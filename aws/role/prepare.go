package role

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// preparedFor is how long what was read is believed. It may be otherwise by then.
const preparedFor = 3 * time.Second

// Prepared is what one order needs before it can write: who the role is and what its slots say,
// with AWS's clock, and a session that can touch this one role. It holds credentials and is never
// stored. What is not used is forgotten; its session ends by itself after fifteen minutes.
type Prepared struct {
	survey
	of     Order
	places [][]contain.Slot
	slots  []contain.Slot // all that is read
	cred   aws.Credential
}

// callerARN is who writes, as AWS calls the bot's session.
func (p *Prepared) callerARN() string { return cmp.Or(p.cred.CallerARN, p.hubARN) }

// session is the role, with the session of the order.
func (p *Prepared) session() on { return on{p.account, p.role.Name, p.cred} }

// errNoMeasure: the order is of nothing.
var errNoMeasure = errors.New("role: the order has no measure")

// Prepare asks AWS for all that an order needs, side by side, and writes nothing: the role, its
// slots, the session of this order, and who the bot is, if that is not known yet. It is one
// remote step, if the reading session is warm. It refuses what Apply refuses. Promised, InForce,
// Confirm and Promise do not matter yet.
//
// The session names the people of the order in the account's CloudTrail, also when it is never
// used.
func (c *Client) Prepare(ctx context.Context, o Order) (*Prepared, error) {
	return c.prepare(ctx, o, o.policy)
}

// policy is what the order's session may do.
func (o Order) policy(_ *aws.Conn, n needs) string { return n.sessionPolicy(o) }

// prepare is Prepare with a session that may do what the policy says.
func (c *Client) prepare(ctx context.Context, o Order, policy func(*aws.Conn, needs) string) (*Prepared, error) {
	if o.Measure == nil {
		return nil, errNoMeasure
	}
	o.Approvers = slices.Clone(o.Approvers)
	p := &Prepared{of: o}
	p.places, p.slots = slotsOf(o.Measure, o.target(c.principal(o.Target)))
	if len(p.places) == 0 {
		return nil, errNoMeasure
	}
	if err := p.ask(ctx, c, p.opening(ctx, policy)); err != nil {
		return nil, err
	}
	return p, nil
}

// opening opens the session of the order.
func (p *Prepared) opening(ctx context.Context, policy func(*aws.Conn, needs) string) func(*aws.Conn) error {
	return func(a *aws.Conn) (err error) {
		p.cred, err = a.Open(ctx, p.of.grant(policy(a, needsOf(slices.Concat(p.places...), p.slots))))
		return err
	}
}

// ask reads the role and its slots, side by side with what else is to be done.
func (p *Prepared) ask(ctx context.Context, c *Client, besides ...func(*aws.Conn) error) error {
	t := p.of.Target
	s, err := c.survey(ctx, subject{account: t.Account, name: t.Name, approved: &t, slots: p.slots}, besides...)
	if err != nil {
		return err
	}
	if s.clock == (aws.Stamp{}) {
		return &aws.CallError{Kind: aws.ErrNoServerTime, Operation: "iam:GetRole", Account: s.account.Name}
	}
	p.survey = s
	return nil
}

// fits reports whether the preparation is of this very order, with these people, and still good.
func (p *Prepared) fits(o Order) bool {
	if p == nil || o.Measure == nil || p.stale() || !p.cred.Lasts() || !p.of.same(o) {
		return false
	}
	_, slots := slotsOf(o.Measure, o.target(p.role.Principal()))
	return slices.Equal(p.slots, slots)
}

// principal is what is known of a role before it was read: what the names of slots can depend on.
func (c *Client) principal(r Ref) contain.Principal {
	p := contain.Principal{Kind: contain.Role, AccountName: r.Account, Name: r.Name, ARN: r.ARN, ID: r.ID}
	if a, err := c.cloud.Conn(r.Account); err == nil {
		p.AccountID, p.Partition = a.ID, a.Partition
	}
	if ref, err := aws.ParseARN(r.ARN); err == nil {
		p.Path, _ = ref.PathAndName()
	}
	return p
}

// sameRole reports whether the role is the one that was approved; nil means yes.
func sameRole(role Role, approved Ref) error {
	if role.ID == approved.ID && role.ARN == approved.ARN {
		return nil
	}
	return &aws.CallError{
		Kind: aws.ErrRoleChanged, Operation: "iam:GetRole", Account: role.AccountName,
		Message: fmt.Sprintf("the unique id is %s, approved was %s", role.ID, approved.ID),
	}
}

package aws

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// preparedFor is how long a preparation is good. What was read may be otherwise by then, and the cutoff on the role is not
// to be moved back over one that somebody else has written meanwhile.
const preparedFor = 3 * time.Second

// Prepared is what one revocation needs before it can write: who the role is and what is on it, with AWS's clock, and a
// session that can touch this one role. It holds credentials and is never stored. What is not used is forgotten; its
// session ends by itself after fifteen minutes.
type Prepared struct {
	of       Revocation
	account  *account
	role     Role
	existing onRole
	clock    stamp
	cred     credential
	hub      credential
	began    time.Time // by this machine's running clock: only good for measuring
}

// Prepare asks AWS for all that a revocation needs, side by side, and writes nothing: GetRole, GetRolePolicy, the session
// of this revocation, and who the bot is, if that is not known yet. It is one remote step, if the reading session is
// warm. It refuses what Revoke refuses. NotBefore, AtLeast and Plan of the revocation do not matter yet.
//
// The session names the people of the revocation in the account's CloudTrail, also when it is never used.
func (c *Cloud) Prepare(ctx context.Context, r Revocation) (*Prepared, error) {
	return c.prepare(ctx, r, c.openRevoker)
}

// prepare is Prepare with the session that open gives.
func (c *Cloud) prepare(ctx context.Context, r Revocation, open func(context.Context, *account, Revocation) (credential, error)) (*Prepared, error) {
	a := c.byName[r.AccountName]
	if a == nil {
		return nil, unknownAccount(c, r.AccountName)
	}
	began := time.Now()
	var found answer[*iam.GetRoleOutput]
	var there answer[onRole]
	var hub, cred answer[credential]
	together(
		func() { found = try(c.getRole(ctx, a, r.RoleName)) },
		func() { there = try(c.readPolicy(ctx, a, r.RoleName)) },
		func() { cred = try(open(ctx, a, r)) },
		func() { hub = try(c.hub.get(ctx, 0)) },
	)
	for _, err := range []error{otherAccount(a, hub), found.err, there.err, cred.err, hub.err} {
		if err != nil {
			return nil, err
		}
	}
	role, err := c.readRole(a, found.value)
	if err != nil {
		return nil, err
	}
	if err := sameRole(role, r.RoleID, r.RoleARN); err != nil {
		return nil, err
	}
	if err := c.refuse(hub.value.callerARN, role); err != nil {
		return nil, err
	}
	clock, ok := stampOf(found.value.ResultMetadata)
	if !ok {
		return nil, &CallError{Kind: ErrNoServerTime, Operation: "iam:GetRole", Account: a.Name}
	}
	role.ExistingCutoff = there.value.cutoff()
	r.Approvers = slices.Clone(r.Approvers)
	return &Prepared{
		of: r, account: a, role: role, existing: there.value, clock: clock, cred: cred.value, hub: hub.value, began: began,
	}, nil
}

// fits reports whether the preparation is of this very revocation, with these people, and still good.
func (p *Prepared) fits(r Revocation) bool {
	return p != nil && time.Since(p.began) <= preparedFor && p.cred.lasts(refreshAt) &&
		p.of.RequestID == r.RequestID && p.of.AccountName == r.AccountName &&
		p.of.RoleName == r.RoleName && p.of.RoleARN == r.RoleARN && p.of.RoleID == r.RoleID &&
		p.of.Requester == r.Requester && slices.Equal(p.of.Approvers, r.Approvers)
}

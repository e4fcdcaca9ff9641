package role

import (
	"context"
	"errors"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
)

// subject is the role that a survey is about, and what it has to be.
type subject struct {
	account, name string
	path          string // where it has to be; "" anywhere
	approved      *Ref   // the role that was approved, which it has to be; nil when nobody has approved one
	advisory      bool   // its policies are not waited for, and may be unknown
}

// approved is the subject of an order.
func approved(r Ref) subject { return subject{account: r.Account, name: r.Name, approved: &r} }

// survey is a role as one look found it: the role, the policy on it, and who the bot is.
type survey struct {
	account *aws.Conn
	role    Role
	trust   string // the trust policy, JSON
	there   aws.Answer[onRole]
	inline  aws.Answer[*iam.ListRolePoliciesOutput] // the names of its inline policies; of an advisory survey alone
	clock   aws.Stamp                               // of the answer about the role; zero when it had no usable date
	hubARN  string
}

// survey reads a role, the policy on it and who the bot is, side by side with what else is to be
// done, and refuses a role that must not be touched or is not the one that was meant.
func (c *Client) survey(ctx context.Context, of subject, besides ...func(*aws.Conn) error) (survey, error) {
	s, err := c.look(ctx, of, besides...)
	if err != nil {
		return s, err
	}
	if err := otherPath(of.path, s.role); err != nil {
		return s, err
	}
	if of.approved != nil {
		if err := sameRole(s.role, *of.approved); err != nil {
			return s, err
		}
	}
	return s, c.Refuse(s.hubARN, s.role)
}

// look is survey without a judgement. With ErrNoSuchRole it is known that the account that was
// asked is the right one.
func (c *Client) look(ctx context.Context, of subject, besides ...func(*aws.Conn) error) (survey, error) {
	a, err := c.cloud.Conn(of.account)
	if err != nil {
		return survey{}, err
	}
	s := survey{account: a}
	var hub aws.Answer[string]
	var found aws.Answer[*iam.GetRoleOutput]
	policy := func(ctx context.Context) (onRole, error) { return readPolicy(ctx, a, of.name, aws.Credential{}) }
	inline := func(ctx context.Context) (*iam.ListRolePoliciesOutput, error) { return listInline(ctx, a, of.name) }
	failed := make([]error, len(besides))
	steps := []func(){
		func() { hub = aws.Try(c.cloud.Hub(ctx)) },
		func() {
			if _, found.Err = a.Reader(ctx); found.Err != nil {
				return // opening the session is not part of the time that advisory reads get
			}
			reads := []func(){func() { found = aws.Try(getRole(ctx, a, of.name)) }}
			if of.advisory {
				reads = append(reads,
					func() { s.there = aws.Advisory(ctx, policy) },
					func() { s.inline = aws.Advisory(ctx, inline) })
			} else {
				reads = append(reads, func() { s.there = aws.Try(policy(ctx)) })
			}
			aws.All(reads...)
		},
	}
	for i, beside := range besides {
		steps = append(steps, func() { failed[i] = beside(a) })
	}
	aws.All(steps...)
	s.hubARN = hub.Value

	errs := []error{a.OtherAccount(hub.Value)}
	if errors.Is(found.Err, aws.ErrNoSuchRole) {
		errs = append(errs, hub.Err) // another account does not know the role, which says nothing of it
	}
	errs = append(errs, found.Err)
	if !of.advisory {
		errs = append(errs, s.there.Err)
	}
	for _, err := range append(append(errs, failed...), hub.Err) {
		if err != nil {
			return s, err
		}
	}
	if s.role, err = readRole(a, found.Value); err != nil {
		return s, err
	}
	s.role.ExistingCutoff = s.there.Value.cutoff()
	s.trust = aws.DecodeDocument(awssdk.ToString(found.Value.Role.AssumeRolePolicyDocument))
	s.clock, _ = aws.StampOf(found.Value.ResultMetadata)
	return s, nil
}

package role

import (
	"context"
	"errors"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// subject is the role that a survey is about, and what it has to be.
type subject struct {
	account, name string
	path          string // where it has to be; "" anywhere
	approved      *Ref   // the role that was approved, which it has to be; nil when nobody has approved one
	slots         []contain.Slot
	advisory      bool // its slots may be unknown, and the names of its inline policies are listed, too
}

// survey is a role as one look found it: the role, what its slots say, and who the bot is.
type survey struct {
	account *aws.Conn
	role    Role
	trust   string                                  // the trust policy, JSON
	there   []found                                 // one for each slot
	inline  aws.Answer[*iam.ListRolePoliciesOutput] // of an advisory survey alone
	clock   aws.Stamp                               // of the answer about the role; zero when it had no usable date
	hubARN  string
	read    time.Time // when the answers had come, by this machine's running clock: only good for measuring
}

// survey reads a role, its slots and who the bot is, side by side with what else is to be done,
// and refuses a role that must not be touched or is not the one that was meant.
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
	if err := known(of.slots); err != nil {
		return survey{}, err
	}
	s := survey{account: a}
	var hub aws.Answer[string]
	var role aws.Answer[*iam.GetRoleOutput]
	reader := on{account: a, role: of.name}
	failed := make([]error, len(besides))
	steps := []func(){
		func() { hub = aws.Try(c.cloud.Hub(ctx)) },
		func() {
			if _, role.Err = a.Reader(ctx); role.Err != nil {
				return // opening the session is not part of the time that advisory reads get
			}
			reads := []func(){func() { role = aws.Try(getRole(ctx, a, of.name)) }}
			if of.advisory {
				reads = append(reads, func() {
					s.there = aws.Advisory(ctx, func(ctx context.Context) ([]found, error) {
						return reader.read(ctx, of.slots), nil
					}).Value
				}, func() {
					s.inline = aws.Advisory(ctx, func(ctx context.Context) (*iam.ListRolePoliciesOutput, error) {
						return listInline(ctx, a, of.name)
					})
				})
			} else {
				reads = append(reads, func() { s.there = reader.read(ctx, of.slots) })
			}
			aws.All(reads...)
			s.read = time.Now()
		},
	}
	for i, beside := range besides {
		steps = append(steps, func() { failed[i] = beside(a) })
	}
	aws.All(steps...)
	s.hubARN = hub.Value

	errs := []error{a.OtherAccount(hub.Value)}
	if errors.Is(role.Err, aws.ErrNoSuchRole) {
		errs = append(errs, hub.Err) // another account does not know the role, which says nothing of it
	}
	errs = append(errs, role.Err)
	if !of.advisory {
		errs = append(errs, unread(s.there))
	}
	for _, err := range append(append(errs, failed...), hub.Err) {
		if err != nil {
			return s, err
		}
	}
	if s.role, err = readRole(a, role.Value); err != nil {
		return s, err
	}
	s.trust = aws.DecodeDocument(awssdk.ToString(role.Value.Role.AssumeRolePolicyDocument))
	s.clock, _ = aws.StampOf(role.Value.ResultMetadata)
	return s, nil
}

// unread is the first reason for which a slot could not be read.
func unread(there []found) error {
	for _, f := range there {
		if f.err != nil {
			return f.err
		}
	}
	return nil
}

// stale reports whether what was read is too old to be believed.
func (s survey) stale() bool { return time.Since(s.read) > preparedFor }

// latest is the latest that AWS's clock can show now; zero when it is not known.
func (s survey) latest() time.Time {
	if s.clock == (aws.Stamp{}) {
		return time.Time{}
	}
	return s.clock.Latest()
}

// in is what was found in a slot.
func (s survey) in(slot contain.Slot) found {
	return s.there[slices.IndexFunc(s.there, func(f found) bool { return f.Slot == slot })]
}

// state is what the survey tells a measure.
func (s survey) state(o Order, c *Client) contain.State {
	state := contain.State{Target: o.target(s.role.Principal()), Now: s.latest(), Margin: c.cloud.Margin()}
	for _, f := range s.there {
		state.There = append(state.There, f.Document)
	}
	return state
}

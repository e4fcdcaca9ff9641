package role

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// preparedFor is how long what was read is believed. It may be otherwise by then.
const preparedFor = 3 * time.Second

// errNoMeasure: the order is of nothing.
var errNoMeasure = errors.New("role: the order has no measure")

// Prepared is a role as one survey for an order found it: who the role is, what its slots say, with
// AWS's clock, and who the bot is. For Apply there is also a session that can touch this one role.
// It holds credentials and is never stored. What is not used is forgotten; its session ends by
// itself after fifteen minutes.
type Prepared struct {
	c       *Client
	of      Order
	account *aws.Conn
	places  [][]contain.Slot
	slots   []contain.Slot // all that is read
	role    Role
	trust   string               // the trust policy, JSON
	there   []found              // one for each slot, as it was read last
	ids     map[string]string    // unique ids of who the trust policy names, by ARN, where it is a slot
	keys    []string             // the access keys of a user, where they were read
	inline  aws.Answer[[]string] // of an advisory survey alone
	clock   aws.Stamp            // of the answer about the role; zero when it had no usable date
	hubARN  string
	read    time.Time // when the answers had come, by this machine's running clock: only good for measuring
	cred    aws.Credential

	// Of Apply, whose order has what was promised until now:
	gate *gate
	out  Outcome
}

// survey reads a role, its slots and who the bot is, side by side with opening a session for which
// there is a policy, and refuses a role that must not be touched or is not the one that was meant.
// Of an advisory one, slots may be unknown, and the names of the inline policies are listed, too.
func (c *Client) survey(
	ctx context.Context, o Order, advisory bool, policy func(*Prepared) string,
) (*Prepared, error) {
	p, err := c.look(ctx, o, advisory, policy)
	want := o.Principal
	switch {
	case err != nil:
		return p, err
	case want.ID == "" && want.Path != "" && want.Path != p.role.Path:
		return p, aws.Refuse("The %s %s in %s has the path %s, not %s. Give its name without a path, or its own ARN.",
			p.role.Kind, p.role.Name, p.role.AccountName, aws.Quote(p.role.Path), aws.Quote(want.Path))
	case want.ID != "" && (p.role.ID != want.ID || want.Kind != contain.User && p.role.ARN != want.ARN):
		return p, p.replaced(want.ID)
	}
	return p, c.Refuse(p.hubARN, p.role)
}

// replaced is the error of a role that is not the one that was approved.
func (p *Prepared) replaced(approved string) error {
	return &aws.CallError{
		Kind: aws.ErrRoleChanged, Operation: asks(p.role.Kind), Account: p.role.AccountName,
		Message: fmt.Sprintf("the unique id is %s, approved was %s", p.role.ID, approved),
	}
}

// conn is the way to what an order is about: roles, users and trust policies have one each.
func (c *Client) conn(o Order) (*aws.Conn, error) {
	a, err := c.cloud.Conn(o.Principal.AccountName)
	switch _, slots := o.slots(); {
	case err != nil:
		return nil, err
	case o.Principal.Kind == contain.User:
		return a.Users()
	case slices.Contains(slots, contain.Slot{Kind: contain.RoleTrust}):
		return a.Trust()
	default:
		return a, nil
	}
}

// look is survey without a judgement. With ErrNoSuchRole it is known that the account that was
// asked is the right one. A user that was renamed is followed.
func (c *Client) look(
	ctx context.Context, o Order, advisory bool, policy func(*Prepared) string,
) (*Prepared, error) {
	for range maxMoves {
		p, err := c.lookAt(ctx, o, advisory, policy)
		to, moved := p.moved(ctx, err)
		if !moved {
			return p, err
		}
		o.Principal = to
	}
	return &Prepared{c: c}, renaming(o.Principal)
}

// lookAt is look where the principal was last.
func (c *Client) lookAt(
	ctx context.Context, o Order, advisory bool, policy func(*Prepared) string,
) (*Prepared, error) {
	p := &Prepared{c: c}
	a, err := c.conn(o)
	if err != nil {
		return p, err
	}
	o.Principal.AccountID, o.Principal.Partition = a.ID, a.Partition
	o.Principal.Kind = cmp.Or(o.Principal.Kind, contain.Role)
	if ref, err := aws.ParseARN(o.Principal.ARN); err == nil {
		o.Principal.Path, _ = ref.PathAndName()
	}
	o.Approvers = slices.Clone(o.Approvers)
	p.of, p.account = o, a
	p.places, p.slots = o.slots()
	for _, s := range p.slots {
		if kinds[s.Kind] == nil {
			return p, fmt.Errorf("role: this version cannot read or write %s (%s)", s.Label(), s.Kind)
		}
	}
	var hubErr, roleErr, credErr error
	aws.All(
		func() { p.hubARN, hubErr = c.cloud.Hub(ctx) },
		func() {
			if policy != nil {
				p.cred, credErr = a.Open(ctx, o.grant(policy(p)))
			}
		},
		func() {
			if _, roleErr = a.Reader(ctx); roleErr != nil {
				return // opening the session is not part of the time that advisory reads get
			}
			brief := ctx
			if advisory {
				var cancel context.CancelFunc
				brief, cancel = context.WithTimeout(ctx, aws.AdvisoryTime)
				defer cancel()
			}
			aws.All(
				func() { roleErr = p.readRole(ctx) },
				func() { p.there = p.see(brief, aws.Credential{}, p.slots) },
				func() {
					if advisory {
						p.inline = aws.Try(p.listInline(brief))
					}
				},
			)
			p.read = time.Now()
		},
	)
	errs := []error{a.OtherAccount(p.hubARN), nil, roleErr, nil, credErr, hubErr}
	if errors.Is(roleErr, aws.ErrNoSuchRole) {
		errs[1] = hubErr // another account does not know the role, which says nothing of it
	}
	if !advisory {
		errs[3] = unread(p.there)
	}
	for _, err := range errs {
		if err != nil {
			return p, err
		}
	}
	return p, nil
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

// latest is the latest that AWS's clock can show now; zero when it is not known.
func (p *Prepared) latest() time.Time {
	if p.clock == (aws.Stamp{}) {
		return time.Time{}
	}
	return p.clock.Latest()
}

// in is what was read last in a slot.
func (p *Prepared) in(slot contain.Slot) *found {
	return &p.there[slices.IndexFunc(p.there, func(f found) bool { return f.Slot == slot })]
}

// state converts what was read for the measure.
func (p *Prepared) state(now time.Time) contain.State {
	s := contain.State{Target: p.of.at(p.role).Target, Now: now, Margin: p.c.cloud.Margin(), Trusted: p.ids}
	for _, f := range p.there {
		s.There = append(s.There, f.Document)
	}
	return s
}

// callerARN is who writes, as AWS calls the bot's session.
func (p *Prepared) callerARN() string { return cmp.Or(p.cred.CallerARN, p.hubARN) }

// fits reports whether the preparation is of this very order, with these people, and still good.
func (p *Prepared) fits(o Order) bool {
	if p == nil || o.Measure == nil || time.Since(p.read) > preparedFor || !p.cred.Lasts() || o.Mode != p.of.Mode {
		return false
	}
	said := func(o Order) []string {
		at := o.Principal
		return append([]string{o.Request, o.Requester, at.AccountName, at.Name, at.ARN, at.ID}, o.Approvers...)
	}
	if !slices.Equal(said(o), said(p.of)) {
		return false
	}
	_, slots := o.at(p.role).slots()
	return slices.Equal(p.slots, slots)
}

// Prepare asks AWS for all that an order needs, side by side, and writes nothing: the role, its
// slots, the session of this order, and who the bot is, if that is not known yet. It is one
// remote step, if the reading session is warm. It refuses what Apply refuses. Promised, InForce,
// Confirm and Promise do not matter yet.
//
// The session names the people of the order in the account's CloudTrail, also when it is never
// used.
func (c *Client) Prepare(ctx context.Context, o Order) (*Prepared, error) {
	return c.prepare(ctx, o, toWrite)
}

func toWrite(p *Prepared) string { return p.of.sessionPolicy() }

// prepare is Prepare with a session that may do what the policy says; nil opens none.
func (c *Client) prepare(ctx context.Context, o Order, policy func(*Prepared) string) (*Prepared, error) {
	if places, _ := o.slots(); len(places) == 0 {
		return nil, errNoMeasure
	}
	p, err := c.survey(ctx, o, false, policy)
	if err == nil && p.clock == (aws.Stamp{}) {
		err = &aws.CallError{Kind: aws.ErrNoServerTime, Operation: asks(p.role.Kind), Account: p.account.Name}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// meant is an order, without an approval, for a measure on the role that people mean.
func meant(t aws.Target, m contain.Measure, params json.RawMessage) Order {
	return Order{Measure: m, Target: contain.Target{Params: params, Principal: contain.Principal{
		Kind: t.Kind, AccountName: t.Account.Name, Name: t.RoleName, Path: t.Path, ARN: t.GivenARN,
	}}}
}

// Describe looks the role up for a measure. A role that must not be touched, that is not in the
// account or at the path that was given, on which the documents do not fit or have no place, or
// on which the bot's own role may not write them, is a *RefusedError or a *contain.Refusal; a
// role that does not exist is ErrNoSuchRole. What people should know before they approve is in
// Warnings; what of that could not be found out in a few seconds is a warning itself.
//
// Two remote steps deep, side by side with opening the sessions they need.
func (c *Client) Describe(ctx context.Context, t aws.Target, m contain.Measure, params json.RawMessage) (Role, error) {
	p, err := c.survey(ctx, meant(t, m, params), true, nil)
	other, ok, err := c.otherwise(ctx, t, err)
	if ok {
		return c.Describe(ctx, other, m, params)
	}
	if err != nil {
		return Role{}, err
	}
	role, err := p.advise(ctx)
	return role, c.orDeny(p.role, err)
}

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
	p, err := c.survey(ctx, meant(t, m, nil), false, nil)
	other, ok, err := c.otherwise(ctx, t, err)
	if ok {
		return c.Look(ctx, other, m)
	}
	look := Look{Role: p.role, Now: p.latest()}
	if err != nil || m == nil {
		return look, err
	}
	look.Wanted, look.Refused = m.Want(p.state(look.Now), nil)
	if len(look.Wanted) != len(p.places) {
		return Look{}, errors.Join(look.Refused, errNoMeasure)
	}
	for i, place := range p.places {
		slot := place[0]
		if contain.RefusalOf(look.Refused, place) == nil {
			slot = look.Wanted[i].Slot
		}
		look.There = append(look.There, p.in(slot).Document)
	}
	return look, nil
}

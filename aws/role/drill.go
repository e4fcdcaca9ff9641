package role

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// Rehearsal is what an order would have done, and what was checked on the way. Nothing was written.
type Rehearsal struct {
	Role      Role               // as it was read for this drill
	Documents []contain.Document // that it would have written at this moment, in write order
	At        time.Time          // AWS's clock when the role was read, whole seconds
	Now       time.Time          // the latest that AWS's clock could show then: for contain.Dated

	CallerARN string // the session that was opened, as AWS calls it; without a role to assume, who the bot is
	Own       bool   // it is a session of this drill alone, which may read and nothing else
	Unnamed   bool   // it could not name the people; see Account.AllowUnnamedSessions

	// First is how long it took to read the role and to open the session, Second how long a read
	// with that session took, in place of the write. Both by this machine's running clock.
	First, Second time.Duration

	Size        int    // of the role's inline policies with the documents, as the quota counts; 0 unknown
	SizeUnknown string // why it is not, in a few words

	Paper Simulation // with the documents beside the role's policies

	MayWrite        bool   // the simulator says that the bot may write the documents on the role
	MayWriteUnknown string // why it is not known whether it may, a sentence; "" when MayWrite
}

// Rehearse goes through all of an order but the write: it reads the role and its slots and opens
// a session that names the people, refuses what Apply refuses, and asks the policy simulator with
// the documents that would have been written. That session may read and ask the simulator; an
// account without a role to assume has no such session.
//
// An error is what would have kept the order from being carried out. What could not be found out
// about the rest is no error.
func (c *Client) Rehearse(ctx context.Context, o Order) (Rehearsal, error) {
	began := time.Now()
	p, err := c.prepare(ctx, o, toRehearse)
	if err != nil {
		return Rehearsal{}, err
	}
	state := p.state(p.latest())
	r := Rehearsal{
		Role: p.role, At: p.clock.Server, Now: state.Now, First: time.Since(began),
		CallerARN: p.callerARN(), Own: p.account.AssumeRole != "", Unnamed: p.cred.Unnamed,
	}
	if r.Documents, err = o.Measure.Want(state, slices.Concat(o.InForce, documents(o.Promised))); err != nil {
		return Rehearsal{}, err
	}

	var again error
	var own simulated
	var rooms []room
	aws.All(
		func() {
			began := time.Now()
			again = unread(p.see(ctx, p.cred, p.slots))
			r.Second = time.Since(began)
		},
		func() { r.Paper = p.onPaper(ctx, r.Documents) },
		func() { own = p.may(ctx, p.account.OwnPrincipal(p.hubARN), puts(p.places)...) },
		func() {
			for _, kind := range kindsOf(r.Documents) {
				there := p.advisory(ctx, kind)
				room := roomFor(kind, there.Value, r.Documents)
				room.err = there.Err
				rooms = append(rooms, room)
			}
		},
	)
	switch {
	case ctx.Err() != nil:
		return Rehearsal{}, aws.NewCallError(p.slots[0].Kind.Facts().Read, p.account.Name, context.Cause(ctx))
	case again != nil:
		return Rehearsal{}, again
	}
	if err := missingPermission(p.role, own); err != nil {
		return Rehearsal{}, err
	}
	for _, room := range rooms {
		if err := room.refuse(p.role); err != nil {
			return Rehearsal{}, err
		}
		switch {
		case !room.kind.Inline():
		case room.err != nil:
			r.SizeUnknown = notRead(room.err)
		default:
			r.Size = room.size
		}
	}
	r.MayWrite, r.MayWriteUnknown = mayWrite(own, p.account.Name)
	return r, nil
}

func toRehearse(p *Prepared) string { return p.of.drillPolicy(p.account.AssumeRole) }

// mayWrite reads the answer about the bot's own permission, of which missingPermission found that
// it is no plain no.
func mayWrite(own simulated, account string) (may bool, unknown string) {
	if own.Err != nil {
		return false, notSimulated(own.Err, account)
	}
	results := own.Value.EvaluationResults
	switch denied := slices.ContainsFunc(results, func(r types.EvaluationResult) bool {
		return r.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed
	}); {
	case len(results) > 0 && !denied:
		return true, ""
	default:
		return false, "The policy simulator does not say: a condition or a policy of the organization decides, " +
			"which it does not know."
	}
}

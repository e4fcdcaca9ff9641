package investigate

import (
	"context"
	"maps"
	"slices"

	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// standing checks whether the revocation policy stands on the role now. lost and unwatched are as
// trail.JudgeInput has them.
func (q *investigation) standing(ctx context.Context) (lost, unwatched string, err error) {
	status, err := q.GuardStatus(ctx, q.request, q.events)
	if err != nil {
		return "", "", err
	}
	o := q.order
	o.Guard, o.Promised, o.InForce = true, record.WrittenBy(q.events).Changes, status.Minimum
	check, err := q.Roles.Check(ctx, o)
	switch {
	case ctx.Err() != nil:
		return "", "", ctx.Err()
	case err != nil:
		return "", "Whether the revocation policy is still on the role could not be checked. " + step.Explained(err), nil
	case check.State == role.Gone:
		return "The revocation policy is gone from the role, so its old sessions work again.", "", nil
	case check.State == role.Weakened:
		return "The revocation policy on the role denies less than was written, so old sessions may work again.", "", nil
	}
	p := record.Proven(q.events)
	if p.Held != nil && p.Held.Losses > 0 {
		return "", "The revocation policy was lost once, and its monitoring has ended.", nil
	}
	return "", "", nil
}

// prove asks the simulator whether what denied calls of old sessions was the revocation policy: what
// the role denies without it proves nothing.
func (q *investigation) prove(ctx context.Context, s *followed) error {
	actions := map[string]bool{}
	each := func(change func(*trail.Activity)) {
		for key, a := range s.activities {
			change(&a)
			s.activities[key] = a
		}
		for i := range s.chain {
			change(&s.chain[i].Activity)
		}
	}
	each(func(a *trail.Activity) {
		for action := range a.Blocked {
			actions[action] = true
		}
	})
	if len(actions) == 0 {
		return nil
	}
	asked := slices.Sorted(maps.Keys(actions))
	denied, err := q.Roles.DeniedAnyway(ctx, q.order, record.WrittenBy(q.events).Stands, asked)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && q.item.Attempt < maxLooks:
		return &step.Again{After: step.RetryAfter(q.item.Attempt + 3)}
	case err != nil:
		q.Log.WarnContext(ctx, "the simulator was not asked about denials", "request", q.request.ID, "error", err)
		denied, s.unproven = actions, "Calls of old sessions were denied, and the policy simulator could not be asked whether "+
			"the revocation policy did it. "+step.Explained(err)
	}
	each(func(a *trail.Activity) { a.Disprove(denied) })
	return nil
}

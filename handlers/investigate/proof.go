package investigate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

// standing checks whether the revocation policy stands on the role now, and says so to the judge.
func (q *investigation) standing(ctx context.Context, in *trail.JudgeInput) error {
	status, err := q.GuardStatus(ctx, q.request, q.events)
	if err != nil {
		return err
	}
	o := q.order
	written := record.WrittenBy(q.events)
	o.Guard, o.Promised, o.Stands, o.InForce = true, written.Taken(), written.Stands, status.Minimum
	check, err := q.Roles.Check(ctx, o)
	losses := 0
	for _, e := range q.events {
		switch t := record.Known[record.Tampered](e); {
		case e.Type == approvals.EventRewritten, e.Type == approvals.EventHeld:
			in.LostAt = time.Time{}
		case e.Type == approvals.EventTampered && t != nil && t.Lost():
			if losses++; in.LostAt.IsZero() {
				in.LostAt = t.At
			}
		}
	}
	away, who := q.away(ctx, o)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		in.Unwatched = "Whether the " + q.deny() + " is still on the " + q.role.Noun() + " could not be checked. " +
			step.Explained(err)
	case q.role.Key != "" && (check.State == role.RoleGone || check.State == role.RoleReplaced):
		in.Unwatched = "The user of the key is not there any more under its name. If it was deleted, its sessions ended; " +
			"if it was renamed, they live on."
	case check.State == role.Weakened && q.role.Key != "" && check.Documents[0] == role.Weakened:
		in.Lost, in.Active = "The access key is active again.", true
	case check.State == role.Gone:
		in.Lost = "The " + q.deny() + " is gone from the " + q.role.Noun() + ", so " + q.whom() + " work again."
	case check.State == role.Weakened:
		in.Lost = "The " + q.deny() + " on the " + q.role.Noun() + " is not what was written, so " + q.whom() +
			" may work again."
	case losses > 0 && step.CountOf(q.events, approvals.EventHeld) > 0:
		in.Unwatched = "The " + q.deny() + " was lost once, and its monitoring has ended."
	case who == "" && !in.LostAt.IsZero():
		in.Unwatched = "A check missed the " + q.deny() + " at " + times.Clock(in.LostAt, q.until) +
			". It is back without revokebot, but " + q.whom() + " worked meanwhile."
	default:
		in.Unwatched = who
	}
	in.LostAt = times.Earlier(in.LostAt, away)
	if other := q.holds(ctx); in.Lost != "" && other != "" {
		in.Lost, in.Unwatched = "", "The "+q.deny()+" is gone or changed. Only "+other+" keeps the old sessions out."
	}
	return ctx.Err()
}

// holds names another measure that is on the role now; "" if none is.
func (q *investigation) holds(ctx context.Context) string {
	for _, h := range q.force.Each() {
		if h.Request.ID != q.request.ID && q.shuts(h) && q.stands(ctx, h) {
			return string(h.Measure) + " (request " + h.Request.ID + ")"
		}
	}
	return ""
}

// shuts reports whether what another request wrote denies every session that this one was to,
// wherever it is used: a restriction lets those in that call from a known address.
func (q *investigation) shuts(h record.Holding) bool {
	call := contain.Call{Service: "s3.amazonaws.com", Name: "ListBuckets", Issued: record.WrittenBy(q.events).Cutoff}
	if !call.Issued.IsZero() {
		call.Issued = call.Issued.Add(-time.Second)
	}
	return denying(q.Measures.On()[h.Measure], h.Stands)(call) == contain.Yes
}

// stands reports whether what another request wrote is on its role now.
func (q *investigation) stands(ctx context.Context, h record.Holding) bool {
	c, err := q.Context(h.Request)
	if err != nil {
		return false
	}
	o := q.Order(h.Request, c)
	o.Promised, o.Stands = h.Changes, h.Stands
	check, err := q.Roles.Check(ctx, o)
	return err == nil && check.Good()
}

// mostChanges is how many changes of the policy are read.
const mostChanges = 1000

// away says who took the policy away first, and when, where revokebot did not restore it: old
// sessions worked until it was back. What was restored is in the thread.
func (q *investigation) away(ctx context.Context, o role.Order) (at time.Time, who string) {
	writes := record.Writes(q.events)
	slots, ours := record.Ours(o.Measure, q.events)
	changes, err := q.Trail.Tampering(ctx, trail.TamperQuery{
		AccountName: q.role.AccountName, RoleName: q.role.Name, Slots: slots, Since: writes[0].At, Limit: mostChanges,
		Ours: ours,
	})
	gone := map[contain.Slot]trail.Change{}
	n, last := 0, len(writes)-1
	for _, c := range slices.Backward(changes) { // the oldest first
		for n < last && !writes[n+1].At.After(c.At) {
			n++
			clear(gone) // restored
		}
		if !c.At.After(writes[n].At) {
			continue
		}
		lost, is := gone[c.Put.Slot]
		harms := writes[n].Harms(o.Measure, c.At, c.Put)
		if harms && !is {
			lost, gone[c.Put.Slot] = c, c
		}
		if is && !harms || harms && n == last {
			return lost.At, fmt.Sprintf("%s took the %s away at %s (%s), between two checks. It is back, but %s "+
				"worked meanwhile.", lost.Who, q.deny(), times.Clock(lost.At, q.until), lost.Name, q.whom())
		}
	}
	switch {
	case err != nil:
		return writes[0].At, "It is not known whether someone took the " + q.deny() + " away between two checks. " +
			step.Explained(err)
	case len(changes) == mostChanges:
		return writes[0].At, "The " + q.deny() + " was changed more often than is read: someone may have taken it " +
			"away between two checks."
	}
	return time.Time{}, ""
}

// prove asks the simulator whether what denied calls of old sessions was the revocation policy:
// what the role denies without it proves nothing.
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
	denied, err := q.Roles.DeniedAnyway(ctx, q.order, record.WrittenBy(q.events).Stands, q.ours(), asked)
	if err != nil {
		if again := q.retry(ctx, "the simulator could not be asked about denials", err); again != nil {
			return again
		}
		denied, s.unproven = actions, "Calls of old sessions were denied, and the policy simulator could not be asked "+
			"whether the "+q.deny()+" did it. "+step.Explained(err)
	}
	each(func(a *trail.Activity) { a.Disprove(denied) })
	return nil
}

// ours are the slots that requests have in force on the role.
func (q *investigation) ours() (slots []contain.Slot) {
	for _, h := range q.force.Holdings {
		for _, d := range h.Stands {
			if h.InForce() && d.Slot.Name != "" {
				slots = append(slots, d.Slot)
			}
		}
	}
	return slots
}

// attached are the ARNs of managed policies among them.
func (q *investigation) attached() (arns []string) {
	for _, slot := range q.ours() {
		if slot.Kind == contain.RoleAttached {
			arns = append(arns, slot.Name)
		}
	}
	return arns
}

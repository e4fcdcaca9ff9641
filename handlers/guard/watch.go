package guard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

// Kinds of items that follow an applied revocation.
const (
	KindSimulate   = "simulate"       // ask the policy simulator
	KindGuard      = "guard"          // look whether the policy is still there
	KindTamperedBy = "tampered_by"    // ask CloudTrail who changed it
	KindExpired    = "policy_expired" // ask whether it has expired, to offer the clean-up
)

// look is the body of a guard item.
type look struct {
	After time.Duration `json:"after"`          // since the policy was applied, or since the schedule began anew
	Last  bool          `json:"last,omitempty"` // of all
	// which schedule it is of, 1 for the first, 0 for none; a later one stops it
	Round int `json:"round,omitempty"`

	// AfterUndo is the check at what an undo of another request has left in force. It is made although
	// the last check is over.
	AfterUndo bool `json:"after_undo,omitempty"`
	// Since is when AWS accepted the other write that this check follows; zero for none.
	Since time.Time `json:"since,omitzero"`
}

// recheckAfter is when the policy is looked at after it had to be written again: who removed it
// once comes back within a second.
var recheckAfter = []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second}

// Watch queues what follows when a policy was applied: the simulation, and the checks of the guard.
// seen says that the policy was read back as written; if not, the first check comes soon.
func (g *Guard) Watch(t *approvals.Transition, request string, seen bool) {
	t.Work = append(t.Work, approvals.Item{Kind: KindSimulate, Request: request, Source: "simulate 0"})
	g.schedule(t, request, look{Round: 1})
	if !seen && len(g.Plan) > 0 {
		looksSoon(t, request, look{Round: 1})
	}
}

// schedule queues the checks of a round.
func (g *Guard) schedule(t *approvals.Transition, request string, of look) {
	for i, after := range g.Plan {
		of.After, of.Last = after, i == len(g.Plan)-1
		source := fmt.Sprintf("guard %d", i+1)
		if of.Round > 1 {
			source += fmt.Sprintf(" of round %d", of.Round)
		}
		t.Due = append(t.Due, lookDue(request, source, of))
	}
}

// A check is missed if it is late by missedAfter. It is made up for until missedFor is over, the
// last one until nothing would be written any more.
const (
	missedAfter = 30 * time.Second
	missedFor   = 10 * time.Minute
)

// Missed are the checks of an applied revocation that are late by its log and the plan and that
// this process has not made, and after how long to look again: over if no more will be.
func (g *Guard) Missed(
	v record.View, now time.Time, over time.Duration,
) (missed []approvals.Item, again time.Duration) {
	r, began := v.Request, v.Request.Ended
	w := &guardRun{events: v.Events}
	for e, t := range w.tampered() {
		if t.Anew {
			began = e.At
		}
	}
	for e := range record.All[record.Rewritten](v.Events, approvals.EventRewritten) {
		began = times.Later(began, e.At)
	}
	var plan approvals.Transition
	g.schedule(&plan, r.ID, look{Round: w.round()})
	again = over
	for i, d := range plan.Due {
		window := missedFor
		if i == len(plan.Due)-1 {
			window = step.GuardSlack
		}
		late, name := now.Sub(began)-d.After, r.ID+" "+d.Item.Source
		_, made := g.made.Load(name)
		switch {
		case late > window:
			g.made.Delete(name)
		case late <= missedAfter:
			again = min(again, missedAfter-late+time.Second)
		case !made && r.Watched.Type != approvals.EventHeld:
			again, missed = 0, append(missed, d.Item)
		}
	}
	return missed, again
}

// looksSoon queues the checks that come before a round's others.
func looksSoon(t *approvals.Transition, request string, of look) {
	for i, after := range recheckAfter {
		of.After = after
		t.Due = append(t.Due, lookDue(request, fmt.Sprintf("guard %d.%d", of.Round, i+1), of))
	}
}

func lookDue(request, source string, l look) approvals.Due {
	return approvals.Due{
		After: l.After, Item: approvals.Item{Kind: KindGuard, Request: request, Source: source, Body: step.Body(l)},
	}
}

// AfterUndoItem is the check of what a request has in force after another one was undone.
// at is AWS's clock then.
func AfterUndoItem(request, source string, at time.Time) approvals.Item {
	return approvals.Item{
		Kind: KindGuard, Request: request, Source: "guard after " + source, Body: step.Body(look{AfterUndo: true, Since: at}),
	}
}

// ExpiredItem looks whether the policy of a request has expired.
func ExpiredItem(request string) approvals.Item {
	return approvals.Item{Kind: KindExpired, Request: request, Source: "expired " + request}
}

// ExpiredDue looks when the moment is over after which the policy of a request should have expired.
func ExpiredDue(request string, after time.Duration) approvals.Due {
	return approvals.Due{Item: ExpiredItem(request), After: expiredAfter(after)}
}

// expiredAfter is when a policy is looked at that should have expired after a time: in a month at
// the latest. A date far ahead makes a time too long to add to.
func expiredAfter(left time.Duration) time.Duration { return min(left, 30*24*time.Hour) + expirySlack }

// expirySlack is how much later than the moment itself a policy is looked at: clocks differ by a
// little.
const expirySlack = time.Second

// maxChecksNow is how often a check is tried that cannot wait for the queue.
const maxChecksNow = 6

// CheckNow lets the guard check what a request keeps on the role, after a write that AWS accepted
// at a time by its clock.
func (g *Guard) CheckNow(ctx context.Context, request, source string, at time.Time) error {
	item := approvals.Item{Kind: KindGuard, Request: request, Source: source, Body: step.Body(look{Since: at})}
	for ; ; item.Attempt++ {
		err := g.Check(ctx, item)
		again, ok := errors.AsType[*step.Again](err)
		if !ok || item.Attempt == maxChecksNow || !times.Pause(ctx, again.After) {
			return err
		}
	}
}

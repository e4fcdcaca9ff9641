package guard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

// asks is when CloudTrail is asked who changed the policy: at once, and again because it is minutes
// late (AWS CloudTrail User Guide, "How CloudTrail works": typically within about five minutes).
var asks = []time.Duration{
	0, time.Minute, 3 * time.Minute, 6 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute,
}

// maxAskTries is how often one of these is tried again.
const maxAskTries = 3

// ask is the body of an item of KindTamperedBy.
type ask struct {
	Since time.Time `json:"since"` // AWS's clock: when the policy was seen on the role last
	Last  bool      `json:"last,omitempty"`
}

// askWho queues the questions who changed the policy.
func (w *guardRun) askWho(t *approvals.Transition, source string) {
	since := w.lastWritten()
	for i, after := range asks {
		t.Due = append(t.Due, approvals.Due{After: after, Item: approvals.Item{
			Kind: KindTamperedBy, Request: w.request.ID, Source: fmt.Sprintf("tampered_by %d of %s", i+1, source),
			Body: step.Body(ask{Since: since, Last: i == len(asks)-1}),
		}})
	}
}

// lastWritten is when AWS accepted the policy the last time, by its own clock as far as the log has
// it.
func (w *guardRun) lastWritten() time.Time {
	var at time.Time
	for _, of := range []approvals.EventType{approvals.EventApplied, approvals.EventRewritten} {
		for _, written := range record.All[record.Applied](w.events, of) {
			at = times.Later(at, written.At)
		}
	}
	if at.IsZero() { // a try that died had written it
		at = record.WrittenBy(w.events).Planned.Add(-w.Margin - time.Minute)
	}
	return at
}

// TamperedBy asks CloudTrail who changed the policy and tells what is new.
func (g *Guard) TamperedBy(ctx context.Context, item approvals.Item) error {
	q, err := step.BodyOf[ask](item)
	if err != nil {
		return err
	}
	r, events, err := g.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	if r.Has(item.Source) || step.CountOf(events, approvals.EventTampered) == 0 {
		return nil
	}
	c, err := g.Context(r)
	if err != nil {
		return err
	}
	m, writes, told := g.Measures.On()[r.Purpose.Measure()], record.Writes(events), toldSince(events, q.Since)
	slots, ours := record.Ours(m, events)
	all, err := g.Trail.Tampering(ctx, trail.TamperQuery{
		AccountName: c.Role.AccountName, RoleName: c.Role.Name, Slots: slots, Since: q.Since, Ours: ours,
	})
	var changes []record.Change
	for _, one := range all {
		before := slices.DeleteFunc(slices.Clone(writes), func(w record.Write) bool { return w.At.After(one.At) })
		if one.At.Before(q.Since) || told[one.EventID] ||
			len(before) > 0 && !before[len(before)-1].Harms(m, one.At, one.Put) {
			continue
		}
		changes = append(changes, record.Change{Change: one, Cutoff: step.CutoffOf(m, one.At, one.Put)})
	}
	switch {
	case len(changes) > 0:
		return g.tellChanges(ctx, item, q.Since, changes)
	case len(told) > 0:
		return nil
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil && !aws.Final(err) && item.Attempt < maxAskTries:
		return &step.Again{After: step.RetryAfter(item.Attempt)}
	case err != nil && (aws.Final(err) || q.Last):
		g.Log.WarnContext(ctx, "CloudTrail could not be asked who changed what was written", "request", r.ID, "error", err)
		return g.Remark(ctx, r.ID, approvals.EventFinding, "tampered_by blind", record.Finding{
			Sentence: "CloudTrail could not be asked who changed the " + c.Words.Deny + ": " + step.Explained(err) +
				" Check the event history of the account for " + c.Words.Calls + " on this role.",
		})
	case q.Last && err == nil:
		return g.Remark(ctx, r.ID, approvals.EventFinding, "tampered_by nobody", record.Finding{
			Sentence: "CloudTrail does not show who changed the " + c.Words.Deny + ", 20 minutes after it was missed. " +
				"CloudTrail may have missed the call: check the event history of the account for " + c.Words.Calls +
				" on this role.",
		})
	default:
		return nil // there are later questions
	}
}

// tellChanges records who it was. Two questions at the same time do not tell the same.
func (g *Guard) tellChanges(ctx context.Context, item approvals.Item, since time.Time, changes []record.Change) error {
	return g.Change(ctx, item.Request, func(v record.View) (t approvals.Transition, err error) {
		told := toldSince(v.Events, since)
		left := slices.DeleteFunc(slices.Clone(changes), func(c record.Change) bool { return told[c.EventID] })
		if len(left) > 0 && !v.Request.Has(item.Source) {
			step.Add(&t, approvals.EventFinding, item.Source, record.Finding{Changes: left})
		}
		return t, nil
	})
}

// toldSince are the changes after since that the thread names already, by their events. Who made
// the first of them may not have made the others, of which CloudTrail is late.
func toldSince(events []approvals.Event, since time.Time) map[string]bool {
	told := map[string]bool{}
	for _, f := range record.All[record.Finding](events, approvals.EventFinding) {
		for _, c := range f.Changes {
			told[c.EventID] = told[c.EventID] || !c.At.Before(since)
		}
	}
	maps.DeleteFunc(told, func(_ string, since bool) bool { return !since })
	return told
}

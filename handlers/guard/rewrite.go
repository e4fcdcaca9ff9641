package guard

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

// maxRewriteTries is how often one rewrite is tried again that AWS does not accept for a passing
// reason: about half a minute.
const maxRewriteTries = 5

// errOffDuty stops a rewrite because the policy is not to be kept any more.
var errOffDuty = fmt.Errorf("%w: the guard has ended", step.ErrTaken)

// write puts the policy on the role again. check is what was found; zero if an earlier try of this
// check promised and may have written. The new cutoff is in the log before it is written.
func (w *guardRun) write(ctx context.Context, check role.Check) error {
	o := w.order()
	o.Promise = func(ctx context.Context, p role.Plan) ([]contain.Change, error) { return w.promise(ctx, check, p) }
	out, err := w.Roles.Apply(ctx, nil, o)
	if err != nil {
		return w.notWritten(ctx, check, err)
	}
	told := w.told()
	if len(told) == 0 { // it came back by itself before anything was written
		clock := messages.Clock(check.At, check.At)
		if err := w.Remark(ctx, w.request.ID, approvals.EventFinding, w.item.Source+backByItself, record.Finding{
			Sentence: "A check at " + clock + " missed the " + w.about.Words.Deny + ", and it was back before it was " +
				"restored. IAM can answer late, or someone took it away for a moment.",
		}); err != nil {
			return err
		}
		return &step.Again{After: time.Second, Busy: true}
	}
	w.Log.WarnContext(ctx, "the measure was written again", "request", w.request.ID, "role", w.about.Role.ARN)
	return w.record(ctx, out, told[0].Rewrite)
}

// promise makes the new document durable, after a last check that the policy is still to be kept.
// The step is made on the log as it was read, so that of two checks that miss the policy at the
// same time one writes.
func (w *guardRun) promise(ctx context.Context, check role.Check, p role.Plan) ([]contain.Change, error) {
	written := times.Later(w.lastWritten(), w.look.Since)
	for _, t := range w.tampered() {
		if t.Writing() {
			written = times.Later(written, t.At)
		}
	}
	if err := step.GuardInTime(written, p.At, slices.Max(slices.Concat(w.Plan, recheckAfter))); err != nil {
		return nil, err
	}
	rewrites := w.rewrites()
	var promised []approvals.Event
	err := w.Change(ctx, w.request.ID, func(v record.View) (t approvals.Transition, err error) {
		w.request, w.events, promised = v.Request, v.Events, nil
		known := w.status.Minimum
		if w.status, err = w.GuardStatus(ctx, v.Request, v.Events); err != nil {
			return t, err
		}
		told := w.told()
		switch {
		case w.status.Off():
			return t, errOffDuty
		case w.status.Busy, len(told) == 0 && w.rewrites() != rewrites, w.undercuts(p, known):
			return t, step.ErrElsewhere
		case slices.ContainsFunc(told, func(t record.Tampered) bool {
			return slices.ContainsFunc(t.Changes, func(c contain.Change) bool { return c.Slot == p.Slot && c.After == p.After })
		}):
			return t, nil // it is in the log
		}
		loss := w.loss(check, p, told)
		step.Add(&t, approvals.EventTampered, w.source(len(told)), loss)
		if !loss.Resumed {
			w.askWho(&t, w.source(0))
		}
		promised = t.Events
		return t, nil
	})
	if err != nil {
		return nil, err
	}
	w.events = append(w.events, promised...)
	return record.WrittenBy(w.events).Changes, nil
}

// undercuts reports whether another request has promised more since than a plan that was made with
// what is known.
func (w *guardRun) undercuts(p role.Plan, known []contain.Document) bool {
	return slices.ContainsFunc(w.status.Minimum, func(d contain.Document) bool {
		planned := contain.Document{Slot: p.Slot, Text: p.After}
		return !slices.Contains(known, d) && d.Slot.Kind == p.Slot.Kind &&
			w.order().Measure.Gap(p.Now, planned, d) != contain.Covers
	})
}

// loss is recorded before a write: the loss that this check found, or a later planned cutoff for
// the same loss.
func (w *guardRun) loss(check role.Check, p role.Plan, told []record.Tampered) record.Tampered {
	t := w.found(check)
	t.Cutoff, t.Rewrite = record.WrittenBy(w.events).Planned, w.rewrites()+1
	if len(told) > 0 {
		t = told[0]
		t.Resumed, t.SCP = true, ""
	} else if t.Rewrite == 1 {
		on := w.about.Role
		t.SCP = role.GuardRailSCP(on.ARN, w.Roles.Cloud().OwnRoles(on.AccountName, on.Kind, p.Slot), p.Slot)
	}
	t.Changes = []contain.Change{p.Change}
	t.Promise = step.CutoffOf(w.order().Measure, p.Now, contain.Document{Slot: p.Slot, Text: p.After})
	return t
}

// record tells what was written and what was seen of it, and checks again soon.
func (w *guardRun) record(ctx context.Context, out role.Outcome, n int) error {
	r, events, err := w.Store.Load(ctx, w.request.ID)
	if err != nil {
		return err
	}
	now, err := w.GuardStatus(ctx, r, events)
	if err != nil {
		return err
	}
	order := w.order()
	a, t := step.Sum(order, time.Time{}, out), step.Appending(r.ID)
	again := record.Rewritten{Applied: a, Rewrite: n}
	for _, d := range out.Documents {
		if back := w.ReadBack(ctx, order, d); again.Back.At.IsZero() || !back.Equal {
			again.Back = back
		}
	}
	step.Add(&t, approvals.EventRewritten, w.written(), again)
	if now.Off() || now.Busy {
		step.Add(&t, approvals.EventFinding, w.item.Source+" crossed", record.Finding{
			Sentence: "While the " + w.about.Words.Deny + " was being restored, another request for this role was decided: " +
				"an undo, or a later " + w.about.Words.Noun + ". Look at the thread of that request, and at the role.",
		})
	}
	t.Work = append(t.Work, approvals.Item{Kind: KindSimulate, Request: r.ID, Source: fmt.Sprintf("simulate %d", n)})
	w.events = events
	round := look{Round: w.round() + 1, AfterUndo: w.look.AfterUndo}
	looksSoon(&t, r.ID, round)
	w.schedule(&t, r.ID, round)
	w.reassess(&t)
	if err := w.Store.Commit(ctx, t); err != nil || !now.Later || a.Writes == 0 {
		return err
	}
	// While this write was under way a later request has promised more, and may have written it
	// before.
	return w.CheckNow(ctx, now.Keeper, "guard after "+w.written()+" of "+r.ID, a.At)
}

// notWritten says what a rewrite that did not succeed comes to: another try, or the loss is told.
func (w *guardRun) notWritten(ctx context.Context, check role.Check, cause error) error {
	end := step.OutcomeOf(ctx, cause, w.item.Attempt, maxRewriteTries)
	if leaves, err := end.Leaves(cause); leaves {
		return err
	}
	switch end {
	case step.EndReplaced:
		return w.tell(ctx, w.failed(), record.Tampered{State: role.RoleReplaced, At: check.At})
	case step.EndGone:
		return w.tell(ctx, w.failed(), record.Tampered{State: role.RoleGone, At: check.At})
	}
	w.Log.WarnContext(ctx, "the measure could not be written again", "request", w.request.ID, "role", w.about.Role.ARN,
		"error", cause)
	if end == step.EndLater {
		return &step.Again{After: step.RetryAfter(w.item.Attempt)}
	}
	lost := w.found(check)
	if told := w.told(); len(told) > 0 {
		lost = record.Tampered{State: told[0].State, Found: told[0].Found, At: told[0].At, Policy: told[0].Policy, Told: true}
	}
	lost.Why = "It could not be restored: " + step.Explained(cause)
	if end == step.EndStale {
		lost.Why = messages.GuardStale
		if err := w.Alarm(ctx, w.request.ID, w.item.Source+" stale "+w.request.ID, lost.Why); err != nil {
			return err
		}
	}
	source, last := w.failed(), w.lastLoss()
	lost.Anew = lost.Told || lost.State != last.State || !lost.Found.Equal(last.Found) || lost.Policy != last.Policy ||
		lost.Why != last.Why
	if !lost.Told && !w.look.Last {
		if !lost.Anew {
			return nil // told, and it has not changed since
		}
		source = fmt.Sprintf("guard lost after %d rewrites, %d losses", w.rewrites(), w.losses())
	}
	return w.tell(ctx, source, lost)
}

// lastLoss is the loss that was told last and was not made good since.
func (w *guardRun) lastLoss() (last record.Tampered) {
	for _, e := range w.events {
		switch t := record.Known[record.Tampered](e); {
		case e.Type == approvals.EventTampered && t != nil:
			last = *t
		case e.Type == approvals.EventRewritten:
			last = record.Tampered{}
		}
	}
	return last
}

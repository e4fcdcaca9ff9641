package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
)

// maxRewriteTries is how often one rewrite is tried again that AWS does not take for a passing reason: about half a minute.
const maxRewriteTries = 5

var (
	// errElsewhere stops a rewrite because another look was quicker, or another request is about to write.
	errElsewhere = errors.New("somebody else writes the deny")
	// errOffDuty stops it because the deny is not to be kept any more.
	errOffDuty = errors.New("the deny is not to be kept any more")
)

// write puts the deny on the role again. check is what was found; zero if an earlier try of this
// check promised and may have written. The new cutoff is in the log before it is written.
func (w *watchman) write(ctx context.Context, check role.Check) error {
	o := w.order()
	o.Promise = func(ctx context.Context, p role.Plan) ([]contain.Change, error) { return w.promise(ctx, check, p) }
	out, err := w.h.Roles.Apply(ctx, nil, o)
	if err != nil {
		return w.notWritten(ctx, check, err)
	}
	told := w.told()
	if len(told) == 0 { // it came back by itself before anything was written
		return &Again{After: time.Second, Busy: true}
	}
	w.h.log.WarnContext(ctx, "the deny was written again", "request", w.request.ID, "role", w.about.Role.ARN)
	return w.record(ctx, out, told[0].Rewrite)
}

// promise makes the new document durable, after a last look whether the deny is still to be kept. The
// step is made on the log as it was read, so that of two checks that miss the deny at the same time
// one writes.
func (w *watchman) promise(ctx context.Context, check role.Check, p role.Plan) ([]contain.Change, error) {
	rewrites := w.rewrites()
	var promised []approvals.Event
	err := w.h.change(ctx, w.request.ID, func(v view) (t approvals.Transition, err error) {
		w.request, w.events, promised = v.request, v.events, nil
		known := w.status.minimum
		if w.status, err = w.h.guardStatus(ctx, v.request, v.events); err != nil {
			return t, err
		}
		told := w.told()
		switch {
		case w.status.off():
			return t, errOffDuty
		case w.status.busy, len(told) == 0 && w.rewrites() != rewrites, w.undercuts(p, known):
			return t, errElsewhere
		case slices.ContainsFunc(told, func(t record.Tampered) bool {
			return slices.ContainsFunc(t.Changes, func(c contain.Change) bool { return c.Slot == p.Slot && c.After == p.After })
		}):
			return t, nil // it is in the log
		}
		loss := w.loss(check, p, told)
		if err := add(&t, approvals.EventTampered, w.source(len(told)), loss); err != nil {
			return t, err
		}
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
func (w *watchman) undercuts(p role.Plan, known []contain.Document) bool {
	return slices.ContainsFunc(w.status.minimum, func(d contain.Document) bool {
		planned := contain.Document{Slot: p.Slot, Text: p.After}
		return !slices.Contains(known, d) && w.order().Measure.Gap(p.Now, planned, d) != contain.Covers
	})
}

// loss is what the log is told before a write: a loss that this check found, or a later promise for
// the same.
func (w *watchman) loss(check role.Check, p role.Plan, told []record.Tampered) record.Tampered {
	t := w.found(check)
	t.Cutoff, t.Rewrite = record.WrittenBy(w.events).Planned, w.rewrites()+1
	if len(told) > 0 {
		t = told[0]
		t.Resumed, t.SCP = true, ""
	} else if t.Rewrite == 1 {
		t.SCP = role.GuardRailSCP(w.scpRole(), w.h.Cloud.OwnRoles(w.about.Role.Account))
	}
	t.Changes = []contain.Change{p.Change}
	t.Promise = cutoffOf(w.order().Measure, p.Now, contain.Document{Slot: p.Slot, Text: p.After})
	return t
}

// record tells what was written and what was seen of it, and checks again soon.
func (w *watchman) record(ctx context.Context, out role.Outcome, n int) error {
	r, events, err := w.h.Store.Load(ctx, w.request.ID)
	if err != nil {
		return err
	}
	now, err := w.h.guardStatus(ctx, r, events)
	if err != nil {
		return err
	}
	e := &execution{h: w.h, request: w.request, about: w.about, order: w.order()}
	a, t := e.sum(out), appending(r.ID)
	again := record.Rewritten{
		Cutoff: a.Cutoff, At: a.At, AlreadyThere: a.AlreadyThere, There: a.There, Rewrite: n, Writes: a.Writes, CallerARN: a.CallerARN,
	}
	for _, d := range out.Documents {
		if back := e.readBack(ctx, d); again.Back.At.IsZero() || !back.Equal {
			again.Back = back
		}
	}
	if err := add(&t, approvals.EventRewritten, w.written(), again); err != nil {
		return err
	}
	if now.off() || now.busy {
		err := add(&t, approvals.EventFinding, w.item.Source+" crossed", record.Finding{
			Sentence: "In the moment in which the deny was written again, another request for this role was decided: " +
				"an undo, or a later revocation. Look at the thread of that request, and at the role.",
		})
		if err != nil {
			return err
		}
	}
	t.Work = append(t.Work, approvals.Item{Kind: KindSimulate, Request: r.ID, Source: fmt.Sprintf("simulate %d", n)})
	looksSoon(&t, r.ID, n, w.look.Last)
	if err := w.h.Store.Commit(ctx, t); err != nil || !now.later || a.Writes == 0 {
		return err
	}
	// While this write was under way a later request has promised more, and may have written it before.
	return w.h.checkNow(ctx, now.keeper, "guard after "+w.written()+" of "+r.ID)
}

// notWritten says what a rewrite that did not succeed comes to: another try, or the loss is told.
func (w *watchman) notWritten(ctx context.Context, check role.Check, cause error) error {
	end := outcomeOf(ctx, cause, w.item.Attempt, maxRewriteTries)
	switch end {
	case endTaken:
		return nil
	case endElsewhere:
		return &Again{After: time.Second, Busy: true}
	case endBroken:
		return cause
	case endReplaced:
		return w.tell(ctx, w.failed(), record.Tampered{State: record.RoleReplaced, At: check.At})
	case endGone:
		return w.tell(ctx, w.failed(), record.Tampered{State: record.RoleGone, At: check.At})
	}
	w.h.log.WarnContext(ctx, "the deny could not be written again", "request", w.request.ID, "role", w.about.Role.ARN, "error", cause)
	if end == endLater {
		return &Again{After: retryAfter(cause, w.item.Attempt)}
	}
	lost := w.found(check)
	if told := w.told(); len(told) > 0 {
		lost = record.Tampered{State: told[0].State, Found: told[0].Found, At: told[0].At, Policy: told[0].Policy, Told: true}
	}
	lost.Why = "It could not be written again: " + explained(cause)
	return w.tell(ctx, w.failed(), lost)
}

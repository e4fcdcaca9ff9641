package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/oldrole"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/times"
)

// maxRewriteTries is how often one rewrite is tried again that AWS does not take for a passing reason: about half a minute.
const maxRewriteTries = 5

var (
	// errElsewhere stops a rewrite because another look was quicker, or another request is about to write.
	errElsewhere = errors.New("somebody else writes the deny")
	// errOffDuty stops it because the deny is not to be kept any more.
	errOffDuty = errors.New("the deny is not to be kept any more")
)

// write puts the deny on the role again. check is what a look found, promise the cutoff that an earlier try of this look
// promised and may have written; one of them is zero. The new cutoff is in the log before it is written.
func (w *watchman) write(ctx context.Context, check role.Check, promise time.Time) error {
	o := order(w.request, w.role, w.request.Voters())
	o.NotBefore, o.AtLeast = promise, w.status.minCutoff
	o.Promise = func(ctx context.Context, p role.Plan) error { return w.promise(ctx, check, p) }
	result, err := w.h.Roles.Revoke(ctx, o)
	if err != nil {
		return w.notWritten(ctx, check, err)
	}
	w.h.log.WarnContext(ctx, "the deny was written again", "request", w.request.ID, "role", w.role.ARN,
		"cutoff", result.Cutoff.Format(time.RFC3339), "writes", result.Writes, "read_back", result.ReadBack)
	return w.record(ctx, result)
}

// promise makes the new cutoff durable, after a last look whether the deny is still to be kept. The step is made on the
// log as it was read, so that of two looks that miss the deny at the same time one writes.
func (w *watchman) promise(ctx context.Context, check role.Check, p role.Plan) error {
	rewrites := w.rewrites()
	var promised []approvals.Event
	err := w.h.change(ctx, w.request.ID, func(v view) (t approvals.Transition, err error) {
		w.request, w.events, promised = v.request, v.events, nil
		before := w.status.minCutoff
		if w.status, err = w.h.guardStatus(ctx, v.request, v.events); err != nil {
			return t, err
		}
		own := w.ownPromise()
		switch {
		case w.status.off():
			return t, errOffDuty
		case w.status.busy, own.IsZero() && w.rewrites() != rewrites, w.status.minCutoff.After(times.Later(before, p.Cutoff)):
			return t, errElsewhere
		case !own.Before(p.Cutoff):
			return t, nil // it is in the log
		}
		source, told := w.promised(check, p, own)
		if err := add(&t, approvals.EventTampered, source, told); err != nil {
			return t, err
		}
		if !told.Resumed {
			w.askWho(&t, source)
		}
		promised = t.Events
		return t, nil
	})
	if err == nil {
		w.events = append(w.events, promised...)
	}
	return err
}

// promised is what the log is told before a write, and its source: a loss that this look found, or
// a later cutoff for the same.
func (w *watchman) promised(check role.Check, p role.Plan, own time.Time) (string, record.Tampered) {
	if !own.IsZero() {
		t := *w.ownLoss()
		t.Resumed, t.Promise, t.Previous, t.Document, t.SCP = true, p.Cutoff, p.PreviousDocument, p.Document, ""
		return w.resumed(p.Cutoff), t
	}
	t := record.Tampered{
		State: record.TamperedState(check.State), Cutoff: record.WrittenBy(w.events).Planned, Found: check.Cutoff, At: check.At,
		Promise: p.Cutoff, Previous: p.PreviousDocument, Document: p.Document, Rewrite: w.rewrites() + 1,
	}
	if t.Rewrite == 1 {
		t.SCP = role.GuardRailSCP(w.scpRole(), w.h.Cloud.OwnRoles(w.role.Account))
	}
	return w.item.Source, t
}

// record tells what was written and what was seen of it, and looks again soon.
func (w *watchman) record(ctx context.Context, result role.Result) error {
	n := w.rewrites()
	if told := w.ownLoss(); told != nil {
		n = told.Rewrite
	}
	r, events, err := w.h.Store.Load(ctx, w.request.ID)
	if err != nil {
		return err
	}
	now, err := w.h.guardStatus(ctx, r, events)
	if err != nil {
		return err
	}
	if !now.ended && result.Cutoff.Before(now.minCutoff) {
		// While this write was under way a higher cutoff was promised, and may have been written before it.
		if result, err = w.raise(ctx, now.minCutoff); err != nil {
			return w.notWritten(ctx, role.Check{State: role.Weakened, Cutoff: result.Cutoff, At: result.AppliedAt}, err)
		}
	}
	back := record.ReadBack{Equal: result.ReadBack, At: result.ReadBackAt, Mismatch: result.Mismatch}
	if result.ReadBackError != nil {
		back.Error = explained(result.ReadBackError)
	}
	t := appending(r.ID)
	err = add(&t, approvals.EventRewritten, w.written(), record.Rewritten{
		Cutoff: result.Cutoff, At: result.AppliedAt, AlreadyThere: result.AlreadyThere, Document: result.Written,
		Rewrite: n, Writes: result.Writes, CallerARN: result.CallerARN, Back: back,
	})
	if err != nil {
		return err
	}
	if now.off() || now.busy {
		err := add(&t, approvals.EventFinding, w.item.Source+" crossed", record.Finding{
			Sentence: "In the moment in which the deny was written again, another request for this role was decided: an undo, or a later revocation. Look at the thread of that request, and at the role.",
		})
		if err != nil {
			return err
		}
	}
	t.Work = append(t.Work, approvals.Item{Kind: KindSimulate, Request: r.ID, Source: fmt.Sprintf("simulate %d", n)})
	looksSoon(&t, r.ID, n, w.look.Last)
	return w.h.Store.Commit(ctx, t)
}

// raise writes a higher cutoff over a lower one.
func (w *watchman) raise(ctx context.Context, cutoff time.Time) (role.Result, error) {
	o := order(w.request, w.role, w.request.Voters())
	o.NotBefore = cutoff
	return w.h.Roles.Revoke(ctx, o)
}

// ownLoss is what this look found missing and promised to write again; nil before.
func (w *watchman) ownLoss() *record.Tampered {
	for _, e := range w.events {
		if t, ok := tampering(e); ok && e.Source == w.item.Source {
			return &t
		}
	}
	return nil
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
	w.h.log.WarnContext(ctx, "the deny could not be written again", "request", w.request.ID, "role", w.role.ARN, "error", cause)
	if end == endLater {
		return &Again{After: retryAfter(cause, w.item.Attempt)}
	}
	lost := record.Tampered{State: record.TamperedState(check.State), Found: check.Cutoff, At: check.At}
	if told := w.ownLoss(); told != nil {
		lost = record.Tampered{State: told.State, Found: told.Found, At: told.At, Told: true}
	}
	lost.Why = "It could not be written again: " + explained(cause)
	return w.tell(ctx, w.failed(), lost)
}

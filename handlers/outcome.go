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
	"github.com/revokebot/revokebot/handlers/guard"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

// errOvertaken stops a record of a document that does less than what another worker has promised
// meanwhile: what was promised may be on the role already and must not be undercut.
var errOvertaken = fmt.Errorf("%w: more was promised meanwhile", step.ErrElsewhere)

// applied records what AWS answered and what was read back, and asks for what follows.
func (e *execution) applied(ctx context.Context, out role.Outcome) error {
	undo := e.Order.Mode == role.Undo
	t := approvals.Transition{Next: approvals.StateApplied}
	if e.request.State == approvals.StateApproved { // it was found done, so that nothing was begun
		if err := step.Add(&t, approvals.EventStarted, "", record.Started{ServerTime: out.Role.ServerTime}); err != nil {
			return err
		}
	}
	a := e.Sum(out)
	if err := step.Add(&t, approvals.EventApplied, "", a); err != nil {
		return err
	}
	for _, d := range out.Documents {
		err := error(nil)
		if d.Err != nil {
			err = step.Add(&t, approvals.EventFinding, "", record.Finding{Sentence: sentenceOf(d.Err), Urgent: true})
		} else {
			err = step.Add(&t, approvals.EventReadBack, "", e.h.ReadBack(ctx, e.Order, d))
		}
		if err != nil {
			return err
		}
	}
	if undo {
		t.Work = append(t.Work, undoneItem(e.request))
	} else if err := e.follow(&t, out, a); err != nil {
		return err
	}
	err := e.commit(ctx, t, func(promised []contain.Change) error {
		if !undo && e.undercuts(out, promised) {
			return errOvertaken
		}
		return nil
	})
	if !errors.Is(err, step.ErrTaken) {
		return err
	}
	// This goes on to its end when the bot is stopped: nobody else knows of the late write.
	return e.late(context.WithoutCancel(ctx), a)
}

// follow asks for what follows when a measure was applied: the evidence, the guard, the proof and,
// when no denied session can be alive any more, the clean-up.
func (e *execution) follow(t *approvals.Transition, out role.Outcome, a record.Applied) error {
	id := e.request.ID
	if out.Role.TrustDigest != e.about.Role.TrustDigest {
		err := step.Add(t, approvals.EventFinding, "", record.Finding{
			Sentence: "The trust policy of the role was changed between the request and the revocation. " +
				"That stops no revocation, " +
				"but it may be how somebody means to come back: compare it with the card.",
			Trust: roleFacts(out.Role).Trust,
		})
		if err != nil {
			return err
		}
	}
	t.Work = append(t.Work, investigate.EvidenceItem(id, investigate.Look{}))
	for i, after := range e.h.FollowUps {
		t.Due = append(t.Due, approvals.Due{
			After: after, Item: investigate.EvidenceItem(id, investigate.Look{Number: i + 1}),
		})
	}
	if !a.RevivesUntil.IsZero() {
		now := times.Later(out.Role.ServerTime, a.At)
		for _, d := range out.Documents {
			now = times.Later(now, d.ReadBackAt)
		}
		t.Due = append(t.Due, guard.InertDue(id, a.RevivesUntil.Sub(now)))
	}
	e.h.guard.Watch(t, id, a.Seen == record.SeenEqual)
	return nil
}

// undercuts reports whether what another worker has promised since this one did is more than what
// is recorded.
func (e *execution) undercuts(out role.Outcome, promised []contain.Change) bool {
	return slices.ContainsFunc(promised[min(len(e.changes), len(promised)):], func(c contain.Change) bool {
		return !slices.ContainsFunc(out.Documents, func(d role.Result) bool {
			return e.Order.Measure.Gap(e.Clock(d), step.Document(d), contain.Document{
				Slot: c.Slot, Text: c.After,
			}) == contain.Covers
		})
	})
}

// late makes good what a worker did that was held up for so long that its request has moved on. A
// write that AWS took although the request had ended without one, or was undone, is told. Otherwise
// the guard checks at once whether it has put less on the role than what is in force.
func (e *execution) late(ctx context.Context, a record.Applied) error {
	r, events, err := e.h.Store.Load(ctx, e.request.ID)
	if err != nil {
		return err
	}
	if e.Order.Mode == role.Undo {
		if r.State == approvals.StateApplied || a.AlreadyThere {
			return nil
		}
		return e.h.Remark(ctx, r.ID, approvals.EventFinding, "late undo",
			record.Finding{Sentence: messages.UndoneAfterAll, Urgent: true})
	}
	status, err := e.h.GuardStatus(ctx, r, events)
	switch {
	case err != nil:
		return err
	case r.State != approvals.StateApplied, status.Ended && !a.AlreadyThere:
		source := "late write " + a.Cutoff.Format(time.RFC3339)
		return e.h.Remark(ctx, r.ID, approvals.EventFinding, source,
			record.Finding{Sentence: messages.WrittenAfterAll(a.Policy, a.Cutoff), Urgent: true})
	case status.Ended, a.AlreadyThere:
		return nil
	}
	e.h.Log.WarnContext(ctx, "a write was late: the guard checks the role", "request", r.ID)
	return e.h.guard.CheckNow(ctx, status.Keeper, fmt.Sprintf("guard after late write %d of %s", e.own, r.ID))
}

package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
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
	undo := e.undoes()
	t := approvals.Transition{Next: approvals.StateApplied}
	if e.request.State == approvals.StateApproved { // it was found done, so that nothing was begun
		step.Add(&t, approvals.EventStarted, "", record.Started{ServerTime: out.Role.ServerTime})
	}
	a := step.Sum(e.order, e.now, out)
	if undo {
		step.SumUndo(&a, e.h.Measures.On()[e.request.Purpose.Measure()], *e.about.Undo, e.now, out)
		a.Promised = a.AlreadyThere && e.earlier
	}
	step.Add(&t, approvals.EventApplied, "", a)
	for _, d := range out.Documents {
		if d.Err != nil {
			step.Add(&t, approvals.EventFinding, "", record.Finding{Sentence: sentenceOf(d.Err), Urgent: true})
		} else {
			step.Add(&t, approvals.EventReadBack, "", e.h.ReadBack(ctx, e.order, d))
		}
	}
	if undo {
		t.Work = append(t.Work, undoneItem(e.request))
	} else {
		e.follow(&t, out, a)
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
	// This goes on to its end when the bot is stopped: no other worker knows of the late write.
	return e.late(context.WithoutCancel(ctx), a)
}

// follow asks for what follows when a measure was applied: the evidence, the guard, the proof and,
// when no denied session can be alive any more, the clean-up.
func (e *execution) follow(t *approvals.Transition, out role.Outcome, a record.Applied) {
	id := e.request.ID
	if out.Role.TrustDigest != e.about.Role.TrustDigest {
		step.Add(t, approvals.EventFinding, "", record.Finding{
			Sentence: "The trust policy of the role changed between the request and the revocation. An attacker " +
				"may have changed it to come back: compare it with the card.",
			Trust: roleFacts(out.Role).Trust,
		})
	}
	for i, d := range out.Documents {
		if d.Beside.Text == "" {
			continue
		}
		sentence, _ := role.Foreign(e.order.Measure, d.Beside)
		source := fmt.Sprintf("foreign %d of %s", i, id)
		step.Add(t, approvals.EventFinding, source, record.Finding{Sentence: sentence})
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
		t.Due = append(t.Due, guard.ExpiredDue(id, a.RevivesUntil.Sub(now)))
	}
	e.h.guard.Watch(t, id, a.Seen == record.SeenEqual)
}

// undercuts reports whether what another worker has promised since this one did is more than what
// is recorded.
func (e *execution) undercuts(out role.Outcome, promised []contain.Change) bool {
	return slices.ContainsFunc(promised[min(len(e.order.Promised), len(promised)):], func(c contain.Change) bool {
		return !slices.ContainsFunc(out.Documents, func(d role.Result) bool {
			return e.order.Measure.Gap(step.Clock(e.now, d), step.Document(d), contain.Document{
				Slot: c.Slot, Text: c.After,
			}) == contain.Covers
		})
	})
}

// late makes good what a worker did that was held up for so long that its request has moved on. A
// write that AWS accepted although the request had ended without one, or was undone, is told.
// Otherwise the guard checks at once whether it has put less on the role than what is in force.
func (e *execution) late(ctx context.Context, a record.Applied) error {
	r, events, err := e.h.Store.Load(ctx, e.request.ID)
	if err != nil {
		return err
	}
	if e.undoes() {
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
			record.Finding{Sentence: messages.WrittenAfterAll(e.about.Words, a.Policy, a.Cutoff), Urgent: true})
	case status.Ended, a.AlreadyThere:
		return nil
	}
	e.h.Log.WarnContext(ctx, "a write was late: the guard checks the role", "request", r.ID)
	return e.h.guard.CheckNow(ctx, status.Keeper, fmt.Sprintf("guard after late write %d of %s", e.own, r.ID), a.At)
}

// failed ends a request of which a try did not succeed, or leaves it to another try. out is what
// the try has done all the same.
func (e *execution) failed(ctx context.Context, item approvals.Item, out role.Outcome, cause error) error {
	var f step.Failure
	end := step.OutcomeOf(ctx, cause, e.request.Delays, maxDelays)
	if leaves, err := end.Leaves(cause); leaves {
		return err
	}
	switch end {
	case step.EndLater:
		return e.delayed(ctx, item, cause)
	case step.EndUnconfirmed:
		unconfirmed, _ := errors.AsType[*step.NotConfirmed](cause)
		f.Sentence = messages.ApproverNotConfirmed(unconfirmed.Approver, unconfirmed.Refusal)
	case step.EndReplaced:
		f.Sentence, f.Next, f.Event = aws.Explain(cause), approvals.StateVoid, approvals.EventVoided
	case step.EndStale:
		f.Sentence, f.Next, f.Event = messages.Stale, approvals.StateVoid, approvals.EventVoided
		if err := e.h.Alarm(ctx, e.request.ID, "stale "+e.request.ID, messages.Stale); err != nil {
			return err
		}
	case step.EndExhausted:
		f.Sentence = fmt.Sprintf("It was tried %d times. %s", e.request.Delays+1, aws.Explain(cause))
	case step.EndGone, step.EndRefused:
		f.Sentence = sentenceOf(cause)
	}
	undo := e.undoes()
	switch {
	case !undo:
	case end == step.EndReplaced, end == step.EndGone:
		f.Sentence = messages.UndoRoleGone
	case errors.Is(cause, contain.ErrNotOurs):
		f.Sentence = messages.UndoNotOurs(e.about.Undo.Policy)
	}
	writes := 0
	if undo {
		f.Sentence = e.undoneInPart(out, f.Sentence)
	}
	for _, d := range out.Documents {
		if writes += d.Writes; d.Writes > 0 && end == step.EndReplaced && !undo {
			f.Sentence = messages.WrittenOnAnother(step.PolicyOf(d.There), d.There.Text == d.Change.After)
		} else if d.Writes > 0 && !undo {
			f.Sentence = messages.WrittenOnce(step.PolicyOf(d.There), step.Mismatch(e.order.Measure, d), f.Sentence)
		}
	}
	// What the role had was read for this try, or just before a write that AWS refused: the undo was
	// not done.
	_, refused := errors.AsType[*contain.Refusal](cause)
	known := undo && (refused || end == step.EndUnconfirmed || end == step.EndStale || end == step.EndReplaced ||
		end == step.EndGone || aws.Final(cause) && e.isWrite(cause))
	e.h.Log.WarnContext(ctx, "a request was not carried out", "request", e.request.ID,
		"purpose", string(e.request.Purpose),
		"role", e.about.Role.ARN, "error", cause)
	_, err := e.h.Close(ctx, e.request.ID, step.UnderWay, func(r approvals.Request) step.Failure {
		others := r.Promise != nil && r.Promise.Seq != e.own
		f.Unsure = r.Purpose.Writes() && writes == 0 && !known && (others || errors.Is(cause, aws.ErrTimeout))
		return f
	})
	return err
}

// sentenceOf is what an error that ends a request means to people.
func sentenceOf(err error) string {
	if refused, ok := errors.AsType[*contain.Refusal](err); ok {
		return refused.Sentence
	}
	return aws.Explain(err)
}

// delayed records that AWS did not accept it yet. It comes back as the queue's item; a click that
// was being carried out is done with that, since what it decided is in the log. A sweep's item is
// not in the queue, and sets a timer as a click does.
func (e *execution) delayed(ctx context.Context, item approvals.Item, cause error) error {
	after := step.RetryAfter(e.request.Delays)
	e.h.Log.WarnContext(ctx, "AWS has not accepted the request yet", "request", e.request.ID, "error", cause,
		"again_in", after.String())
	t := step.Appending(e.request.ID)
	source := fmt.Sprintf("%s attempt %d", item.Source, e.request.Delays)
	step.Add(&t, approvals.EventDelayed, source, record.Failure{Sentence: aws.Explain(cause)})
	queued := item.Kind == KindExecute && item.ID != ""
	if !queued {
		t.Due = []approvals.Due{{Item: executeItem(e.request.ID), After: after}} // the one that waits already comes sooner
	}
	if err := e.h.Store.Commit(ctx, t); err != nil || !queued {
		return err
	}
	return &step.Again{After: after}
}

// giveUp ends an approved request whose execution was parked: it must not look as if it was
// still under way.
func (h *Handlers) giveUp(ctx context.Context, id string) error {
	_, err := h.Close(ctx, id, step.UnderWay, func(r approvals.Request) step.Failure {
		byHand := ""
		if r.Purpose.Mode() == approvals.ModeDo {
			byHand = h.Measures.Words(r.Purpose).ByHand
		}
		return step.Failure{Sentence: messages.GaveUp(byHand), Unsure: r.State == approvals.StateExecuting}
	})
	return err
}

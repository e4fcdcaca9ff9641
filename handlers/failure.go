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
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// failed ends a request of which a try did not succeed, or leaves it to another try. out is what
// the try has done all the same.
func (e *execution) failed(ctx context.Context, item approvals.Item, out role.Outcome, cause error) error {
	var f step.Failure
	end := step.OutcomeOf(ctx, cause, e.request.Delays, maxDelays)
	switch end {
	case step.EndTaken:
		return nil
	case step.EndElsewhere:
		return &step.Again{After: time.Second, Busy: true}
	case step.EndBroken:
		return cause
	case step.EndLater:
		return e.delayed(ctx, item, cause)
	case step.EndUnconfirmed:
		unconfirmed, _ := errors.AsType[*step.NotConfirmed](cause)
		f.Sentence = messages.ApproverNotConfirmed(unconfirmed.Approver, unconfirmed.Refusal)
	case step.EndReplaced:
		f.Sentence, f.Next, f.Event = aws.Explain(cause), approvals.StateVoid, approvals.EventVoided
	case step.EndExhausted:
		f.Sentence = fmt.Sprintf("It was tried %d times. %s", e.request.Delays+1, aws.Explain(cause))
	case step.EndGone, step.EndRefused:
		f.Sentence = sentenceOf(cause)
	}
	undo := e.Order.Mode == role.Undo
	switch {
	case !undo:
	case end == step.EndReplaced:
		f.Sentence = messages.UndoOfAnotherRole
	case end == step.EndGone:
		f.Sentence = messages.UndoRoleGone
	case errors.Is(cause, contain.ErrNotOurs):
		f.Sentence = messages.UndoNotOurs(e.about.Undo.Policy)
	}
	writes := 0
	if undo {
		f.Sentence = e.undoneInPart(out, f.Sentence)
	}
	for _, d := range out.Documents {
		if writes += d.Writes; d.Writes > 0 && !undo {
			f.Sentence = messages.WrittenOnce(step.PolicyOf(d.There), step.Mismatch(e.Order.Measure, d), f.Sentence)
		}
	}
	// What the role had was read for this try, or just before a write that AWS refused: the undo was
	// not done.
	known := undo && (end == step.EndUnconfirmed || end == step.EndReplaced || end == step.EndGone ||
		errors.Is(cause, contain.ErrNotOurs) || errors.Is(cause, step.ErrNewer) ||
		errors.Is(cause, step.ErrMore) || errors.Is(cause, step.ErrRevives) || aws.Final(cause) && e.isWrite(cause))
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

// undoneInPart adds to why an undo failed which policies are gone and which stay, if some are gone.
func (e *execution) undoneInPart(out role.Outcome, why string) string {
	var done, stays []string
	for i, w := range contain.Fold(e.about.Undo.Changes) {
		switch {
		case i >= len(out.Documents):
		case out.Documents[i].Err == nil && (out.Documents[i].AlreadyThere || out.Documents[i].Writes > 0):
			done = append(done, w.Slot.Label())
		default:
			stays = append(stays, w.Slot.Label())
		}
	}
	if len(done) == 0 || len(stays) == 0 {
		return why
	}
	return why + " " + messages.UndoneInPart(done, stays)
}

// isWrite reports whether it was the write itself that AWS refused.
func (e *execution) isWrite(err error) bool {
	call, ok := errors.AsType[*aws.CallError](err)
	return ok && slices.ContainsFunc(e.about.Undo.Changes, func(c contain.Change) bool {
		f := c.Slot.Kind.Facts()
		return call.Operation == f.Put || call.Operation == f.Remove
	})
}

// sentenceOf is what an error that ends a request means to people.
func sentenceOf(err error) string {
	if refused, ok := errors.AsType[*contain.Refusal](err); ok {
		return refused.Sentence
	}
	switch {
	case errors.Is(err, step.ErrNewer):
		return messages.UndoNotNewest
	case errors.Is(err, step.ErrMore):
		return messages.UndoNotAll
	case errors.Is(err, step.ErrRevives):
		return messages.UndoRevives
	}
	return aws.Explain(err)
}

// delayed records that AWS did not take it yet. It comes back as the queue's item; a click that was
// being carried out is done with that, since what it decided is in the log.
func (e *execution) delayed(ctx context.Context, item approvals.Item, cause error) error {
	after := step.RetryAfter(item.Attempt)
	e.h.Log.WarnContext(ctx, "AWS did not take the request yet", "request", e.request.ID, "error", cause,
		"again_in", after.String())
	t := step.Appending(e.request.ID)
	source := fmt.Sprintf("%s attempt %d", item.Source, item.Attempt)
	why := record.Failure{Sentence: aws.Explain(cause), Retry: after}
	if err := step.Add(&t, approvals.EventDelayed, source, why); err != nil {
		return err
	}
	queued := item.Kind == KindExecute
	if !queued {
		t.Due = []approvals.Due{{Item: executeItem(e.request.ID), After: after}} // the one that waits already comes sooner
	}
	if err := e.h.Store.Commit(ctx, t); err != nil || !queued {
		return err
	}
	return &step.Again{After: after}
}

// giveUp ends an approved request whose execution was set aside: it must not look as if it was
// still under way.
func (h *Handlers) giveUp(ctx context.Context, id string) error {
	_, err := h.Close(ctx, id, step.UnderWay, func(r approvals.Request) step.Failure {
		f := step.Failure{Sentence: messages.GaveUp, Unsure: r.State == approvals.StateExecuting}
		switch r.Purpose.Mode() {
		case approvals.ModeUndo:
			f.Sentence = messages.UndoGaveUp
		case approvals.ModeDrill:
			f.Sentence = messages.DrillGaveUp
		}
		return f
	})
	return err
}

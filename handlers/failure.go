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
)

// ending is what a try that did not succeed comes to.
type ending int

const (
	endBroken      ending = iota // it was stopped, or the store failed, or it is a bug: another try goes on from the log
	endTaken                     // the request has moved on without it
	endElsewhere                 // another worker, or another request, is at it
	endUnconfirmed               // an approver may not approve any more
	endReplaced                  // another role is behind the name
	endGone                      // there is no such role any more
	endRefused                   // AWS will refuse every try
	endLater                     // AWS did not take it for a passing reason
	endExhausted                 // the same, after the last try
)

// outcomeOf says what an error of a try comes to, of which there were attempt before and may be
// most.
func outcomeOf(ctx context.Context, err error, attempt, most int) ending {
	_, unconfirmed := errors.AsType[*notConfirmed](err)
	_, refused := errors.AsType[*contain.Refusal](err)
	switch {
	case errors.Is(err, errTaken), errors.Is(err, errOffDuty):
		return endTaken
	case errors.Is(err, errElsewhere):
		return endElsewhere
	case ctx.Err() != nil:
		return endBroken
	case unconfirmed:
		return endUnconfirmed
	case refused, errors.Is(err, errNewer):
		return endRefused
	case errors.Is(err, aws.ErrRoleChanged):
		return endReplaced
	case aws.Explain(err) == "":
		return endBroken
	case errors.Is(err, aws.ErrNoSuchRole):
		return endGone
	case aws.Final(err):
		return endRefused
	case attempt < most:
		return endLater
	default:
		return endExhausted
	}
}

// failed ends a request of which a try did not succeed, or leaves it to another try. out is what
// the try has done all the same.
func (e *execution) failed(ctx context.Context, item approvals.Item, out role.Outcome, cause error) error {
	var f failure
	end := outcomeOf(ctx, cause, e.request.Delays, maxDelays)
	switch end {
	case endTaken:
		return nil
	case endElsewhere:
		return &Again{After: time.Second, Busy: true}
	case endBroken:
		return cause
	case endLater:
		return e.delayed(ctx, item, cause)
	case endUnconfirmed:
		unconfirmed, _ := errors.AsType[*notConfirmed](cause)
		f.sentence = messages.ApproverNotConfirmed(unconfirmed.approver, unconfirmed.refusal)
	case endReplaced:
		f.sentence, f.next, f.event = aws.Explain(cause), approvals.StateVoid, approvals.EventVoided
	case endExhausted:
		f.sentence = fmt.Sprintf("It was tried %d times. %s", e.request.Delays+1, aws.Explain(cause))
	case endGone, endRefused:
		f.sentence = sentenceOf(cause)
	}
	undo := e.order.Mode == role.Undo
	switch {
	case !undo:
	case end == endReplaced:
		f.sentence = messages.UndoOfAnotherRole
	case end == endGone:
		f.sentence = messages.UndoRoleGone
	case errors.Is(cause, contain.ErrNotOurs):
		f.sentence = messages.UndoNotOurs(e.about.Undo.Policy)
	}
	writes := 0
	for _, d := range out.Documents {
		if writes += d.Writes; d.Writes > 0 {
			f.sentence = messages.WrittenOnce(policyOf(d.There), mismatch(e.order.Measure, d), f.sentence)
		}
	}
	// What the role had was read for this try, or just before a write that AWS refused: the undo was not done.
	known := undo && (end == endUnconfirmed || end == endReplaced || end == endGone ||
		errors.Is(cause, contain.ErrNotOurs) || errors.Is(cause, errNewer) || aws.Final(cause) && e.isWrite(cause))
	e.h.log.WarnContext(ctx, "a request was not carried out", "request", e.request.ID, "purpose", string(e.request.Purpose),
		"role", e.about.Role.ARN, "error", cause)
	_, err := e.h.close(ctx, e.request.ID, underWay, func(r approvals.Request) failure {
		others := r.Promise != nil && r.Promise.Seq != e.own
		f.unsure = r.Purpose.Writes() && writes == 0 && !known && (others || errors.Is(cause, aws.ErrTimeout))
		return f
	})
	return err
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
	if errors.Is(err, errNewer) {
		return messages.UndoNotNewest
	}
	return aws.Explain(err)
}

// delayed records that AWS did not take it yet. It comes back as the queue's item; a click that was being carried out is
// done with that, since what it decided is in the log.
func (e *execution) delayed(ctx context.Context, item approvals.Item, cause error) error {
	after := retryAfter(cause, item.Attempt)
	e.h.log.WarnContext(ctx, "AWS did not take the request yet", "request", e.request.ID, "error", cause, "again_in", after.String())
	t := appending(e.request.ID)
	source := fmt.Sprintf("%s attempt %d", item.Source, item.Attempt)
	why := record.Failure{Sentence: aws.Explain(cause), Retry: after}
	if err := add(&t, approvals.EventDelayed, source, why); err != nil {
		return err
	}
	queued := item.Kind == KindExecute
	if !queued {
		t.Due = []approvals.Due{{Item: executeItem(e.request.ID), After: after}} // the one that waits already comes sooner
	}
	if err := e.h.Store.Commit(ctx, t); err != nil || !queued {
		return err
	}
	return &Again{After: after}
}

// giveUp ends an approved request whose execution was set aside: it must not look as if it was still under way.
func (h *Handlers) giveUp(ctx context.Context, id string) error {
	_, err := h.close(ctx, id, underWay, func(r approvals.Request) failure {
		f := failure{sentence: messages.GaveUp, unsure: r.State == approvals.StateExecuting}
		switch r.Purpose.Mode() {
		case approvals.ModeUndo:
			f.sentence = messages.UndoGaveUp
		case approvals.ModeDrill:
			f.sentence = messages.DrillGaveUp
		}
		return f
	})
	return err
}

// underWay and opened are when close may end a request.
func underWay(v view) bool {
	return v.request.State == approvals.StateApproved || v.request.State == approvals.StateExecuting
}

func opened(v view) bool { return v.request.State == approvals.StateOpen }

// close ends a request that is as it should be for that, whatever harmless events come in between.
// Any other it leaves alone: then it reports false.
func (h *Handlers) close(
	ctx context.Context, id string, may func(view) bool, why func(approvals.Request) failure,
) (closed bool, err error) {
	err = h.change(ctx, id, func(v view) (t approvals.Transition, err error) {
		if closed = may(v); !closed {
			return t, nil
		}
		f := why(v.request)
		if f.next == approvals.StateUnknown {
			f.next, f.event = approvals.StateFailed, approvals.EventFailed
		}
		t.Next = f.next
		err = add(&t, f.event, "", record.Failure{Sentence: f.sentence, Unsure: f.unsure})
		return t, err
	})
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return false, nil
	}
	return closed && err == nil, err
}

// failure is how a request ends without what it was for. The zero next and event mean that it failed.
type failure struct {
	sentence string
	unsure   bool
	next     approvals.State
	event    approvals.EventType
}

package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/messages"
)

// ended says what a try that did not succeed comes to: another try, or the end with a reason.
func (e *execution) ended(ctx context.Context, item approvals.Item, result aws.Result, cause error) error {
	others := e.othersMayHaveWritten(e.request)
	f := failure{unsure: others || errors.Is(cause, aws.ErrTimeout)}
	switch unconfirmed, isUnconfirmed := errors.AsType[*notConfirmed](cause); {
	case errors.Is(cause, errTaken):
		return nil
	case ctx.Err() != nil:
		return cause // stopped in the middle: another replica, or this one's next start, goes on from the log
	case isUnconfirmed:
		f.sentence = messages.ApproverNotConfirmed(unconfirmed.approver, unconfirmed.refusal)
		f.unsure = others
	case errors.Is(cause, aws.ErrRoleChanged):
		f.sentence, f.next, f.event = aws.Explain(cause), approvals.StateVoid, approvals.EventVoided
	case aws.Explain(cause) == "":
		return cause // the store, or a bug: the item comes back, and is set aside if that does not help
	case aws.Final(cause):
		f.sentence = aws.Explain(cause)
		f.unsure = others
	case e.request.Delays >= maxDelays:
		f.sentence = fmt.Sprintf("It was tried %d times. %s", e.request.Delays+1, aws.Explain(cause))
	default:
		return e.delayed(ctx, item, cause)
	}
	if result.Writes > 0 {
		f.sentence, f.unsure = messages.WrittenOnce(result.Mismatch, f.sentence), false
	}
	e.h.log.WarnContext(ctx, "the revocation did not happen", "request", e.request.ID, "role", e.role.ARN, "error", cause)
	for range maxDecisions {
		err := e.h.fail(ctx, e.request, f)
		if !errors.Is(err, approvals.ErrConflict) {
			return err
		}
		r, _, err := e.h.Store.Load(ctx, e.request.ID)
		if err != nil {
			return err
		}
		if r.State != approvals.StateApproved && r.State != approvals.StateExecuting {
			return nil
		}
		e.request, f.unsure = r, f.unsure || result.Writes == 0 && e.othersMayHaveWritten(r)
	}
	return fmt.Errorf("request %s changed %d times while it was closed", e.request.ID, maxDecisions)
}

// delayed records that AWS did not take it yet. It comes back as the queue's item; a click that was being carried out is
// done with that, since what it decided is in the log.
func (e *execution) delayed(ctx context.Context, item approvals.Item, cause error) error {
	after := retryAfter(cause, item.Attempt)
	e.h.log.WarnContext(ctx, "AWS did not take the revocation yet", "request", e.request.ID, "error", cause, "again_in", after.String())
	detail, err := json.Marshal(messages.Failure{Sentence: aws.Explain(cause), Retry: after})
	if err != nil {
		return fmt.Errorf("record a delay: %w", err)
	}
	t := approvals.Transition{
		RequestID: e.request.ID, Expect: approvals.AppendOnly,
		Events: []approvals.Event{{Type: approvals.EventDelayed, Source: fmt.Sprintf("%s attempt %d", item.Source, item.Attempt), Detail: detail}},
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
		switch r.Purpose {
		case approvals.PurposeUndo:
			f.sentence = messages.UndoGaveUp
		case approvals.PurposeDrill:
			f.sentence = messages.DrillGaveUp
		}
		return f
	})
	return err
}

// underWay and opened are the states in which close may end a request.
func underWay(s approvals.State) bool {
	return s == approvals.StateApproved || s == approvals.StateExecuting
}

func opened(s approvals.State) bool { return s == approvals.StateOpen }

// close ends a request that is in one of some states, whatever harmless events come in between. Any other it leaves alone:
// then it reports false.
func (h *Handlers) close(ctx context.Context, id string, in func(approvals.State) bool, why func(approvals.Request) failure) (bool, error) {
	for range maxDecisions {
		r, _, err := h.Store.Load(ctx, id)
		if errors.Is(err, approvals.ErrUnknownRequest) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !in(r.State) {
			return false, nil
		}
		err = h.fail(ctx, r, why(r))
		if !errors.Is(err, approvals.ErrConflict) {
			return err == nil, err
		}
	}
	return false, fmt.Errorf("request %s changed %d times while it was closed", id, maxDecisions)
}

// failure is how a request ends without what it was for. The zero next and event mean that it failed.
type failure struct {
	sentence string
	unsure   bool
	next     approvals.State
	event    approvals.EventType
}

// fail ends a request, on the state that it was read in.
func (h *Handlers) fail(ctx context.Context, r approvals.Request, f failure) error {
	if f.next == approvals.StateUnknown {
		f.next, f.event = approvals.StateFailed, approvals.EventFailed
	}
	detail, err := json.Marshal(messages.Failure{Sentence: f.sentence, Unsure: f.unsure})
	if err != nil {
		return fmt.Errorf("end a request: %w", err)
	}
	return h.Store.Commit(ctx, approvals.Transition{
		RequestID: r.ID, Expect: r.Seq, Next: f.next,
		Events: []approvals.Event{{Type: f.event, Detail: detail}},
	})
}

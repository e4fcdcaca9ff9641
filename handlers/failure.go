package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// lost is what a try that did not succeed comes to, whatever was tried. over: this try is done with it, and err is its answer;
// the request goes on, or is somebody else's. Else the request ends with f, whose unsure is the caller's to say.
func (e *execution) lost(ctx context.Context, item approvals.Item, cause error) (f failure, over bool, err error) {
	switch unconfirmed, isUnconfirmed := errors.AsType[*notConfirmed](cause); {
	case errors.Is(cause, errTaken):
		return failure{}, true, nil
	case ctx.Err() != nil:
		return failure{}, true, cause // stopped in the middle: another replica, or this one's next start, goes on from the log
	case isUnconfirmed:
		f.sentence = messages.ApproverNotConfirmed(unconfirmed.approver, unconfirmed.refusal)
	case errors.Is(cause, aws.ErrRoleChanged):
		f.sentence, f.next, f.event = aws.Explain(cause), approvals.StateVoid, approvals.EventVoided
	case aws.Explain(cause) == "":
		return failure{}, true, cause // the store, or a bug: the item comes back, and is set aside if that does not help
	case aws.Final(cause):
		f.sentence = aws.Explain(cause)
	case e.request.Delays >= maxDelays:
		f.sentence = fmt.Sprintf("It was tried %d times. %s", e.request.Delays+1, aws.Explain(cause))
	default:
		return failure{}, true, e.delayed(ctx, item, cause)
	}
	return f, false, nil
}

// ended ends a revocation of which a try did not succeed, or leaves it to another try.
func (e *execution) ended(ctx context.Context, item approvals.Item, result aws.Result, cause error) error {
	f, over, err := e.lost(ctx, item, cause)
	if over {
		return err
	}
	timeout := errors.Is(cause, aws.ErrTimeout)
	if result.Writes > 0 {
		f.sentence, timeout = messages.WrittenOnce(result.Mismatch, f.sentence), false
	}
	e.h.log.WarnContext(ctx, "the revocation did not happen", "request", e.request.ID, "role", e.role.ARN, "error", cause)
	_, err = e.h.close(ctx, e.request.ID, underWay, func(r approvals.Request) failure {
		f.unsure = timeout || result.Writes == 0 && e.othersMayHaveWritten(r)
		return f
	})
	return err
}

// delayed records that AWS did not take it yet. It comes back as the queue's item; a click that was being carried out is
// done with that, since what it decided is in the log.
func (e *execution) delayed(ctx context.Context, item approvals.Item, cause error) error {
	after := retryAfter(cause, item.Attempt)
	e.h.log.WarnContext(ctx, "AWS did not take the revocation yet", "request", e.request.ID, "error", cause, "again_in", after.String())
	detail, err := json.Marshal(record.Failure{Sentence: aws.Explain(cause), Retry: after})
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
	detail, err := json.Marshal(record.Failure{Sentence: f.sentence, Unsure: f.unsure})
	if err != nil {
		return fmt.Errorf("end a request: %w", err)
	}
	return h.Store.Commit(ctx, approvals.Transition{
		RequestID: r.ID, Expect: r.Seq, Next: f.next,
		Events: []approvals.Event{{Type: f.event, Detail: detail}},
	})
}

package step

import (
	"context"
	"errors"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// UnderWay reports whether a request is approved and has not ended.
func UnderWay(v View) bool {
	return v.Request.State == approvals.StateApproved || v.Request.State == approvals.StateExecuting
}

// Opened reports whether a request waits to be decided.
func Opened(v View) bool { return v.Request.State == approvals.StateOpen }

// Close ends a request that is as it should be for that, whatever harmless events come in between.
// Any other it leaves alone: then it reports false.
func (s Requests) Close(
	ctx context.Context, id string, may func(View) bool, why func(approvals.Request) Failure,
) (closed bool, err error) {
	err = s.Change(ctx, id, func(v View) (t approvals.Transition, err error) {
		if closed = may(v); !closed {
			return t, nil
		}
		f := why(v.Request)
		if f.Next == approvals.StateUnknown {
			f.Next, f.Event = approvals.StateFailed, approvals.EventFailed
		}
		t.Next = f.Next
		err = Add(&t, f.Event, "", record.Failure{Sentence: f.Sentence, Unsure: f.Unsure})
		return t, err
	})
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return false, nil
	}
	return closed && err == nil, err
}

// Failure is how a request ends without what it was for. The zero next and event mean that it
// failed.
type Failure struct {
	Sentence string
	Unsure   bool
	Next     approvals.State
	Event    approvals.EventType
}

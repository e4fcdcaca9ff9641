package step

import (
	"context"
	"errors"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// Close ends a request that is as it should be for that, whatever harmless events come in between.
// Any other it leaves alone: then it reports false.
func (s Requests) Close(
	ctx context.Context, id string, may func(record.View) bool, why func(approvals.Request) Failure,
) (closed bool, err error) {
	v, err := s.View(ctx, id)
	if err == nil {
		err = s.ChangeFrom(ctx, v, func(v record.View) (t approvals.Transition, err error) {
			if closed = may(v); !closed {
				return t, nil
			}
			f := why(v.Request)
			if f.Next == approvals.StateUnknown {
				f.Next, f.Event = approvals.StateFailed, approvals.EventFailed
			}
			t.Next = f.Next
			Add(&t, f.Event, "", record.Failure{Sentence: f.Sentence, Unsure: f.Unsure})
			return t, nil
		})
	}
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

var (
	// ErrTaken stops a try whose request has moved on without it.
	ErrTaken = errors.New("the request is not to be carried out any more")
	// ErrElsewhere stops a try because another check was quicker, or another request is writing.
	ErrElsewhere = errors.New("another check or request writes the policy")
	// ErrStale stops a write that AWS's clock knows to be too late for what it follows from.
	ErrStale = errors.New("too old by AWS's clock")
)

// Refusals of an undo just before it writes.
var (
	// ErrNewer: a later request has written into the same policy.
	ErrNewer = &contain.Refusal{Sentence: messages.UndoNotNewest}
	// ErrMore: the guard has written something else since the undo was asked for.
	ErrMore = &contain.Refusal{Sentence: messages.UndoNotAll}
	// ErrRevives: old sessions would work again after all, and the requester did not type the words.
	ErrRevives = &contain.Refusal{Sentence: messages.UndoRevives}
)

// NotConfirmed ends a revocation because an approver's right was not confirmed again.
type NotConfirmed struct {
	Approver string
	Refusal  approvals.Refusal
}

// Error names the approver and why.
func (n *NotConfirmed) Error() string {
	return "approver " + n.Approver + " not confirmed: " + string(n.Refusal.Code)
}

// Ending is what a try that did not succeed comes to.
type Ending int

// What a try comes to.
const (
	EndBroken      Ending = iota // it was stopped, or the store failed, or it is a bug: another try goes on from the log
	EndTaken                     // the request has moved on without it
	EndElsewhere                 // another worker, or another request, is at it
	EndUnconfirmed               // an approver may not approve any more
	EndReplaced                  // another role is behind the name
	EndStale                     // it is too late, by AWS's clock
	EndGone                      // there is no such role any more
	EndRefused                   // AWS will refuse every try
	EndLater                     // AWS did not accept it for a passing reason
	EndExhausted                 // the same, after the last try
)

// MaxDoubts is how often AWS is asked again that does not see what was there: IAM's reads can be
// seconds behind its writes, and differ from one to the next.
const MaxDoubts = 4

// Leaves reports whether a try ends without a word to people, and the error that it ends with.
func (e Ending) Leaves(cause error) (leaves bool, err error) {
	switch e {
	case EndTaken:
		return true, nil
	case EndElsewhere:
		return true, &Again{After: time.Second, Busy: true}
	case EndBroken:
		return true, cause
	default:
		return false, nil
	}
}

// OutcomeOf says what an error of a try comes to, of which there were attempt before and may be
// most.
func OutcomeOf(ctx context.Context, err error, attempt, most int) Ending {
	_, unconfirmed := errors.AsType[*NotConfirmed](err)
	_, refused := errors.AsType[*contain.Refusal](err)
	switch {
	case errors.Is(err, ErrTaken):
		return EndTaken
	case errors.Is(err, ErrElsewhere), errors.Is(err, role.ErrBusy):
		return EndElsewhere
	case errors.Is(err, ErrStale):
		return EndStale
	case ctx.Err() != nil:
		return EndBroken
	case unconfirmed:
		return EndUnconfirmed
	case refused:
		return EndRefused
	case errors.Is(err, aws.ErrRoleChanged):
		return EndReplaced
	case aws.Explain(err) == "":
		return EndBroken
	case errors.Is(err, aws.ErrNoSuchRole) && attempt >= MaxDoubts:
		return EndGone
	case aws.Final(err) && !errors.Is(err, aws.ErrNoSuchRole):
		return EndRefused
	case attempt < most:
		return EndLater
	default:
		return EndExhausted
	}
}

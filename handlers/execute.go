package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/oldrole"
	"github.com/revokebot/revokebot/handlers/record"
)

// maxDelays is how often a revocation that AWS does not take for a passing reason is tried again: about five minutes in
// all, with the delays of retryAfter.
const maxDelays = 9

// execute takes up an approved request that was not carried out where it was approved, or not to its end: from what the
// log says was promised. It is nobody's business any more when the request has moved on.
func (h *Handlers) execute(ctx context.Context, item approvals.Item) error {
	r, _, err := h.Store.Load(ctx, item.Request)
	if err != nil {
		return err
	}
	return h.carryOut(ctx, item, r, nil)
}

// Resume carries out what a click has completed the approval of before the replica that had it died. It judges nothing,
// and reports false for an item that has not been decided to that end.
func (h *Handlers) Resume(ctx context.Context, item approvals.Item) (mine bool, err error) {
	err = h.withAlarm(ctx, func(ctx context.Context) (err error) {
		mine, err = h.resume(ctx, item)
		return err
	})
	return mine, err
}

func (h *Handlers) resume(ctx context.Context, item approvals.Item) (bool, error) {
	if item.Kind != KindClick {
		return false, nil
	}
	c, err := bodyOf[Click](item)
	if err != nil {
		return false, err
	}
	v, err := h.view(ctx, c.Value)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return false, nil
	}
	if err != nil || !v.approvedBy(item.Source) {
		return false, err
	}
	return true, h.carryOut(ctx, item, v.request, nil)
}

// carryOut does an approved request: a revocation with what is prepared for it; nil is nothing. item is that of the click that
// completed the approval, or that of the queue.
func (h *Handlers) carryOut(ctx context.Context, item approvals.Item, r approvals.Request, ready *preparation) error {
	if r.State != approvals.StateApproved && r.State != approvals.StateExecuting {
		return nil
	}
	switch r.Purpose.Mode() {
	case approvals.ModeDo:
	case approvals.ModeUndo:
		return h.executeUndo(ctx, item, r)
	case approvals.ModeDrill:
		return h.rehearse(ctx, item, r)
	default:
		return h.unknownPurpose(ctx, r)
	}
	c, err := h.context(r)
	if err != nil {
		return err
	}
	e := &execution{h: h, request: r, role: c.Role, ready: ready}
	started := time.Now()
	result, err := e.tries(ctx)
	if err != nil {
		return e.ended(ctx, item, result, err)
	}
	h.log.InfoContext(ctx, "the deny is on the role", "request", r.ID, "role", c.Role.ARN, "cutoff", result.Cutoff.Format(time.RFC3339),
		"writes", result.Writes, "read_back", result.ReadBack, "took", time.Since(started).String())
	return nil
}

type execution struct {
	h         *Handlers
	request   approvals.Request
	role      record.Role
	ready     *preparation // for the first try; nil: everything is asked for anew
	minCutoff time.Time    // the cutoff that this try is about to promise, or has written
	own       int64        // the event by which this try promised it; 0 before
}

// maxLower is how often a revocation begins anew because another worker has promised a higher cutoff.
const maxLower = 5

// tries does the revocation and records it. A higher cutoff that another worker promised meanwhile is taken over, before
// anything is written and also after it: what was promised may be on the role already and must not be undercut.
func (e *execution) tries(ctx context.Context) (role.Result, error) {
	for n := 1; ; n++ {
		result, err := e.run(ctx)
		if err == nil {
			err = e.applied(ctx, result)
		}
		if !errors.Is(err, errLowerPromise) || n == maxLower {
			return result, err
		}
		e.h.log.WarnContext(ctx, "another worker promised a higher cutoff; it is taken over", "request", e.request.ID, "writes", result.Writes)
		r, _, err := e.h.Store.Load(ctx, e.request.ID)
		if err != nil {
			return result, err
		}
		e.request, e.own = r, 0
	}
}

// errLowerPromise stops a try whose cutoff is lower than one that another worker has promised meanwhile.
var errLowerPromise = errors.New("a later cutoff was promised meanwhile")

// errTaken stops an execution whose request has moved on without it.
var errTaken = errors.New("the request is not to be executed any more")

// run looks the approvers up again while the role is read, and writes only when both are done and well.
func (e *execution) run(ctx context.Context) (role.Result, error) {
	ready := e.ready
	e.ready = nil
	var again *confirmation
	if ready != nil {
		again = ready.confirmation
	} else {
		again = e.h.confirming(ctx, e.request, time.Time{}, 0)
	}
	r := revocation(e.request, e.role, e.request.Voters())
	r.NotBefore = promised(e.request)
	r.Promise = func(ctx context.Context, p role.Plan) error {
		if err := again.outcome(ctx, e.request); err != nil {
			return err
		}
		return e.start(ctx, p)
	}
	result, err := e.write(ctx, ready, r)
	<-again.done
	if result.AlreadyThere {
		// The policy is from a try whose approvers were confirmed: it stays.
		if err := again.outcome(ctx, e.request); err != nil {
			e.h.log.WarnContext(ctx, "an approver could not be confirmed after the fact", "request", e.request.ID, "error", err)
		}
	}
	return result, err
}

// write has AWS do it, with what is prepared if there is something. What AWS refused while it was prepared, it refused.
func (e *execution) write(ctx context.Context, ready *preparation, r role.Order) (role.Result, error) {
	if ready == nil {
		return e.h.Roles.Revoke(ctx, r)
	}
	<-ready.asked
	if ready.err != nil {
		return role.Result{}, ready.err
	}
	return e.h.Roles.RevokePrepared(ctx, ready.ready, r)
}

// promised is the latest cutoff in a request's log, which an earlier try or another worker wrote there.
func promised(r approvals.Request) time.Time {
	if r.Promise == nil {
		return time.Time{}
	}
	var s record.Started
	if json.Unmarshal(r.Promise.Detail, &s) != nil {
		return time.Time{}
	}
	return s.Cutoff
}

// othersMayHaveWritten reports whether the log of a request has a promise that is not this try's.
func (e *execution) othersMayHaveWritten(r approvals.Request) bool {
	return r.Promise != nil && r.Promise.Seq != e.own
}

// start makes the cutoff durable before anything is written.
func (e *execution) start(ctx context.Context, p role.Plan) error {
	t := approvals.Transition{Next: approvals.StateExecuting}
	err := add(&t, approvals.EventStarted, "", record.Started{
		Cutoff: p.Cutoff, ServerTime: p.ServerTime, Previous: p.PreviousDocument, Document: p.Document,
	})
	if err != nil {
		return err
	}
	e.minCutoff = p.Cutoff
	err = e.commit(ctx, t)
	if err == nil {
		e.own = e.request.Seq
	}
	return err
}

// commit moves the request while it is approved or executing, whatever harmless events came in between, unless one of them
// promised a cutoff above this try's.
func (e *execution) commit(ctx context.Context, t approvals.Transition) error {
	var r approvals.Request
	err := e.h.changeFrom(ctx, view{request: e.request}, func(v view) (approvals.Transition, error) {
		r = v.request
		switch {
		case !underWay(v):
			return approvals.Transition{}, errTaken
		case e.minCutoff.Before(promised(r)):
			return approvals.Transition{}, errLowerPromise
		default:
			return t, nil
		}
	})
	if err == nil {
		e.request, e.request.State, e.request.Seq = r, t.Next, r.Seq+int64(len(t.Events))
	}
	return err
}

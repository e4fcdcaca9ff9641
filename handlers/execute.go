package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/handlers/messages"
)

const (
	// confirmAfter is the age of a click from which on the approver is looked up again before the call to AWS.
	confirmAfter = time.Minute
	// maxDelays is how often a revocation that AWS does not take for a passing reason is tried again: about five minutes
	// in all, with the delays of retryAfter.
	maxDelays = 9
)

// execute does an approved revocation: once, by the replica that has the item; again only when that one died, and then
// from what the log says was promised.
func (h *Handlers) execute(ctx context.Context, item approvals.Item) error {
	r, _, err := h.Store.Load(ctx, item.Request)
	if errors.Is(err, approvals.ErrUnknownRequest) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.State != approvals.StateApproved && r.State != approvals.StateExecuting {
		return nil
	}
	c, err := h.context(r)
	if err != nil {
		return err
	}
	e := &execution{h: h, request: r, role: c.Role}
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
	h       *Handlers
	request approvals.Request
	role    messages.Role
	floor   time.Time // the cutoff that this try is about to promise, or has written
	own     int64     // the event by which this try promised it; 0 before
}

// maxLower is how often a revocation begins anew because another worker has promised a higher cutoff.
const maxLower = 5

// tries does the revocation and records it. A higher cutoff that another worker promised meanwhile is taken over, before
// anything is written and also after it: what was promised may be on the role already and must not be undercut.
func (e *execution) tries(ctx context.Context) (aws.Result, error) {
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

// notConfirmed ends a revocation because an approver's right was not confirmed again.
type notConfirmed struct {
	approver string
	refusal  approvals.Refusal
}

func (n *notConfirmed) Error() string {
	return "approver " + n.approver + " not confirmed: " + string(n.refusal.Code)
}

// errTaken stops an execution whose request has moved on without it.
var errTaken = errors.New("the request is not to be executed any more")

// run looks the approvers up again while the role is read, and writes only when both are done and well.
func (e *execution) run(ctx context.Context) (aws.Result, error) {
	confirmed := make(chan error, 1)
	go func() { confirmed <- e.confirm(ctx) }()
	var answer error
	waited := false
	wait := func() error {
		if !waited {
			answer, waited = <-confirmed, true
		}
		return answer
	}
	result, err := e.h.Cloud.Revoke(ctx, aws.Revocation{
		RequestID: e.request.ID, AccountName: e.role.Account, RoleName: e.role.Name, RoleARN: e.role.ARN, RoleID: e.role.ID,
		Requester: e.request.Requester, Approvers: e.request.Voters(), NotBefore: promised(e.request),
		Plan: func(ctx context.Context, p aws.Plan) error {
			if err := wait(); err != nil {
				return err
			}
			return e.start(ctx, p)
		},
	})
	if confirmErr := wait(); confirmErr != nil && err == nil {
		// The policy was there already, from a try whose approvers were confirmed: it stays.
		e.h.log.WarnContext(ctx, "an approver could not be confirmed after the fact", "request", e.request.ID, "error", confirmErr)
	}
	return result, err
}

// promised is the latest cutoff in a request's log, which an earlier try or another worker wrote there.
func promised(r approvals.Request) time.Time {
	if r.Promise == nil {
		return time.Time{}
	}
	var s messages.Started
	if json.Unmarshal(r.Promise.Detail, &s) != nil {
		return time.Time{}
	}
	return s.Cutoff
}

// othersMayHaveWritten reports whether the log of a request has a promise that is not this try's.
func (e *execution) othersMayHaveWritten(r approvals.Request) bool {
	return r.Promise != nil && r.Promise.Seq != e.own
}

// confirm looks up every approver whose click is more than a minute old, side by side.
func (e *execution) confirm(ctx context.Context) error {
	now, err := e.h.Store.Now(ctx)
	if err != nil {
		return err
	}
	policy := e.h.Policies[e.request.Subject.Group]
	var lookups errgroup.Group
	for _, v := range e.request.Votes {
		if now.Sub(v.At) <= confirmAfter {
			continue
		}
		lookups.Go(func() error {
			f := e.h.factsFor(ctx, v.By, policy)
			if refusal := approvals.MayDecide(v.By, f, e.home(), policy); refusal.Code != "" {
				return &notConfirmed{approver: v.By, refusal: refusal}
			}
			return nil
		})
	}
	return lookups.Wait()
}

// home is where the request belongs, with the organisation that the bot knows.
func (e *execution) home() approvals.Place { return e.h.Slack.Home() }

// start makes the cutoff durable before anything is written.
func (e *execution) start(ctx context.Context, p aws.Plan) error {
	detail, err := json.Marshal(messages.Started{Cutoff: p.Cutoff, ServerTime: p.ServerTime, Previous: p.PreviousDocument, Document: p.Document})
	if err != nil {
		return fmt.Errorf("promise a cutoff: %w", err)
	}
	e.floor = p.Cutoff
	err = e.commit(ctx, approvals.Transition{
		Next:   approvals.StateExecuting,
		Events: []approvals.Event{{Type: approvals.EventStarted, Detail: detail}},
	})
	if err == nil {
		e.own = e.request.Seq
	}
	return err
}

// commit moves the request while it is approved or executing, whatever harmless events came in between, unless one of them
// promised a cutoff above this try's.
func (e *execution) commit(ctx context.Context, t approvals.Transition) error {
	for range maxDecisions {
		r, _, err := e.h.Store.Load(ctx, e.request.ID)
		if err != nil {
			return err
		}
		if r.State != approvals.StateApproved && r.State != approvals.StateExecuting {
			return errTaken
		}
		if e.floor.Before(promised(r)) {
			return errLowerPromise
		}
		t.RequestID, t.Expect = r.ID, r.Seq
		err = e.h.Store.Commit(ctx, t)
		if errors.Is(err, approvals.ErrConflict) {
			continue
		}
		if err == nil {
			e.request, e.request.State, e.request.Seq = r, t.Next, r.Seq+int64(len(t.Events))
		}
		return err
	}
	return fmt.Errorf("request %s changed %d times while it was executed", e.request.ID, maxDecisions)
}

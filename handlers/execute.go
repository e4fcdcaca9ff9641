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
	if r.Purpose == approvals.PurposeUndo {
		return h.executeUndo(ctx, item, r)
	}
	c, err := h.context(r)
	if err != nil {
		return err
	}
	e := &execution{h: h, request: r, role: c.Role, earlier: r.Promise != nil}
	started := time.Now()
	result, err := e.run(ctx)
	if err != nil {
		return e.ended(ctx, item, result, err)
	}
	h.log.InfoContext(ctx, "the deny is on the role", "request", r.ID, "role", c.Role.ARN, "cutoff", result.Cutoff.Format(time.RFC3339),
		"writes", result.Writes, "read_back", result.ReadBack, "took", time.Since(started).String())
	return e.applied(ctx, result)
}

type execution struct {
	h       *Handlers
	request approvals.Request
	role    messages.Role
	earlier bool      // an earlier try promised a cutoff, and may have written it
	floor   time.Time // the cutoff that this try is about to promise
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
		Requester: e.request.Requester, Approvers: e.request.Voters(), NotBefore: e.promised(),
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

// promised is the cutoff that an earlier, interrupted try wrote into the log.
func (e *execution) promised() time.Time {
	if e.request.Promise == nil {
		return time.Time{}
	}
	var s messages.Started
	if json.Unmarshal(e.request.Promise.Detail, &s) != nil {
		return time.Time{}
	}
	return s.Cutoff
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
	return e.commit(ctx, approvals.Transition{
		Next:   approvals.StateExecuting,
		Events: []approvals.Event{{Type: approvals.EventStarted, Detail: detail}},
	})
}

// commit moves the request while it is approved or executing, whatever harmless events came in between.
func (e *execution) commit(ctx context.Context, t approvals.Transition) error {
	for range maxDecisions {
		r, _, err := e.h.Store.Load(ctx, e.request.ID)
		if err != nil {
			return err
		}
		if r.State != approvals.StateApproved && r.State != approvals.StateExecuting {
			return errTaken
		}
		if t.Next == approvals.StateExecuting && e.floor.Before((&execution{request: r}).promised()) {
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

// applied records what AWS answered and what was read back, and asks for the evidence.
func (e *execution) applied(ctx context.Context, result aws.Result) error {
	applied, err := json.Marshal(messages.Applied{
		Cutoff: result.Cutoff, At: result.AppliedAt, AlreadyThere: result.AlreadyThere, Writes: result.Writes, CallerARN: result.CallerARN,
		Seen: seen(result), RevivesUntil: aws.RevivesUntil(result.Cutoff, result.Role),
	})
	if err != nil {
		return fmt.Errorf("record an outcome: %w", err)
	}
	back := messages.ReadBack{Equal: result.ReadBack, At: result.ReadBackAt, Mismatch: result.Mismatch}
	if result.ReadBackError != nil {
		back.Error = aws.Explain(result.ReadBackError)
		e.h.log.WarnContext(ctx, "the policy could not be read back", "request", e.request.ID, "error", result.ReadBackError)
	}
	readBack, err := json.Marshal(back)
	if err != nil {
		return fmt.Errorf("record an outcome: %w", err)
	}
	t := approvals.Transition{
		Next: approvals.StateApplied,
		Work: []approvals.Item{{Kind: KindEvidence, Request: e.request.ID, Source: "evidence 0"}},
	}
	t.Events = append(t.Events,
		approvals.Event{Type: approvals.EventApplied, Detail: applied},
		approvals.Event{Type: approvals.EventReadBack, Detail: readBack})
	if result.Role.TrustDigest != e.role.TrustDigest {
		finding, err := json.Marshal(messages.Finding{
			Sentence: "The trust policy of the role was changed between the request and the revocation. That stops no revocation, but it may be how somebody means to come back: compare it with the card.",
			Trust:    roleFacts(result.Role).Trust,
		})
		if err != nil {
			return fmt.Errorf("record a finding: %w", err)
		}
		t.Events = append(t.Events, approvals.Event{Type: approvals.EventFinding, Detail: finding})
	}
	for i, after := range e.h.FollowUps {
		t.Due = append(t.Due, approvals.Due{
			After: after,
			Item:  approvals.Item{Kind: KindEvidence, Request: e.request.ID, Source: fmt.Sprintf("evidence %d", i+1)},
		})
	}
	t.Due = append(t.Due, whenInert(e.request.ID, result))
	if err := e.commit(ctx, t); !errors.Is(err, errTaken) {
		return err
	}
	return e.overtaken(ctx, result)
}

// seen says what the look after the write found.
func seen(result aws.Result) messages.Seen {
	switch {
	case result.ReadBack:
		return messages.SeenEqual
	case result.ReadBackError != nil:
		return messages.SeenNothing
	default:
		return messages.SeenOther
	}
}

// overtaken makes good what a worker did that was held up for so long that another one took the revocation over: if its
// late write put a lower cutoff on the role than the log has, the higher one is written again.
func (e *execution) overtaken(ctx context.Context, result aws.Result) error {
	r, _, err := e.h.Store.Load(ctx, e.request.ID)
	if err != nil {
		return err
	}
	var recorded messages.Applied
	if r.State != approvals.StateApplied || json.Unmarshal(r.Closing.Detail, &recorded) != nil || !result.Cutoff.Before(recorded.Cutoff) {
		return nil
	}
	e.h.log.WarnContext(ctx, "a late write had a lower cutoff; the recorded one is written again", "request", r.ID,
		"late", result.Cutoff.Format(time.RFC3339), "recorded", recorded.Cutoff.Format(time.RFC3339))
	_, err = e.h.Cloud.Revoke(ctx, aws.Revocation{
		RequestID: r.ID, AccountName: e.role.Account, RoleName: e.role.Name, RoleARN: e.role.ARN, RoleID: e.role.ID,
		Requester: r.Requester, Approvers: r.Voters(), NotBefore: recorded.Cutoff,
	})
	return err
}

// ended says what a try that did not succeed comes to: another try, or the end with a reason.
func (e *execution) ended(ctx context.Context, item approvals.Item, result aws.Result, cause error) error {
	wrote := e.earlier || result.Writes > 0
	f := failure{unsure: wrote || errors.Is(cause, aws.ErrTimeout)}
	switch unconfirmed, isUnconfirmed := errors.AsType[*notConfirmed](cause); {
	case errors.Is(cause, errTaken):
		return nil
	case ctx.Err() != nil:
		return cause // stopped in the middle: another replica, or this one's next start, goes on from the log
	case isUnconfirmed:
		f.sentence = messages.ApproverNotConfirmed(unconfirmed.approver, unconfirmed.refusal)
		f.unsure = e.earlier
	case errors.Is(cause, aws.ErrRoleChanged):
		f.sentence, f.next, f.event = aws.Explain(cause), approvals.StateVoid, approvals.EventVoided
	case aws.Explain(cause) == "":
		return cause // the store, or a bug: the item comes back, and is set aside if that does not help
	case aws.Final(cause):
		f.sentence = aws.Explain(cause)
		f.unsure = wrote
	case e.request.Delays >= maxDelays:
		f.sentence = fmt.Sprintf("It was tried %d times. %s", e.request.Delays+1, aws.Explain(cause))
	default:
		return e.delayed(ctx, item, cause)
	}
	if result.Writes > 0 {
		f.sentence = "AWS had taken the policy, and it was taken off the role again before it could be read back: somebody or something works against it. " + f.sentence
	}
	e.h.log.WarnContext(ctx, "the revocation did not happen", "request", e.request.ID, "role", e.role.ARN, "error", cause)
	return e.h.close(ctx, e.request.ID, func(approvals.Request) failure { return f })
}

// delayed records that AWS did not take it yet, and comes back.
func (e *execution) delayed(ctx context.Context, item approvals.Item, cause error) error {
	after := retryAfter(cause, item.Attempt)
	e.h.log.WarnContext(ctx, "AWS did not take the revocation yet", "request", e.request.ID, "error", cause, "again_in", after.String())
	detail, err := json.Marshal(messages.Failure{Sentence: aws.Explain(cause), Retry: after})
	if err != nil {
		return fmt.Errorf("record a delay: %w", err)
	}
	err = e.h.Store.Commit(ctx, approvals.Transition{
		RequestID: e.request.ID, Expect: approvals.AppendOnly,
		Events: []approvals.Event{{Type: approvals.EventDelayed, Source: fmt.Sprintf("%s attempt %d", item.Source, item.Attempt), Detail: detail}},
	})
	if err != nil {
		return err
	}
	return &Again{After: after}
}

// giveUp ends an approved request whose execution was set aside: it must not look as if it was still under way.
func (h *Handlers) giveUp(ctx context.Context, id string) error {
	return h.close(ctx, id, func(r approvals.Request) failure {
		f := failure{sentence: messages.GaveUp, unsure: r.State == approvals.StateExecuting}
		if r.Purpose == approvals.PurposeUndo {
			f.sentence = messages.UndoGaveUp
		}
		return f
	})
}

// close ends a request that is approved or executing, whatever harmless events come in between. Any other it leaves alone.
func (h *Handlers) close(ctx context.Context, id string, why func(approvals.Request) failure) error {
	for range maxDecisions {
		r, _, err := h.Store.Load(ctx, id)
		if errors.Is(err, approvals.ErrUnknownRequest) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.State != approvals.StateApproved && r.State != approvals.StateExecuting {
			return nil
		}
		err = h.fail(ctx, r, why(r))
		if !errors.Is(err, approvals.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("request %s changed %d times while it was closed", id, maxDecisions)
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

func cardImpossible(slackError string) string { return messages.CardImpossibleReason(slackError) }

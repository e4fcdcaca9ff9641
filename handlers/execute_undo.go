package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/oldrole"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// executeUndo takes a deny away for an approved request, or puts the policy back that was there before it. As with a
// revocation, what is about to be done is in the log before it is done: whoever goes on after a crash reads the role, and
// finds it done or not.
func (h *Handlers) executeUndo(ctx context.Context, item approvals.Item, r approvals.Request) error {
	c, err := h.context(r)
	if err != nil {
		return err
	}
	u := &undoExecution{execution: execution{h: h, request: r, role: c.Role}, what: *c.Undo, earlier: r.Promise != nil}
	o := order(r, c.Role, r.Voters())
	o.Written, o.Previous, o.Promise = c.Undo.Document, c.Undo.Restores, u.promise
	result, err := h.Roles.Undo(ctx, o)
	if err != nil {
		return u.failed(ctx, item, err)
	}
	h.log.InfoContext(ctx, "the deny is off the role", "request", r.ID, "about", r.About, "role", c.Role.ARN,
		"found", result.AlreadyDone, "read_back", result.ReadBack)
	return u.done(ctx, result)
}

// undoExecution is an execution that takes a deny away.
type undoExecution struct {
	execution
	what    record.Undoing
	earlier bool // an earlier try had begun, and may have done it
}

// promise looks the approvers up again where that is needed, and makes it durable what is about to be done.
func (u *undoExecution) promise(ctx context.Context, p role.Plan) error {
	if err := u.h.confirming(ctx, u.request, time.Time{}, 0).outcome(ctx, u.request); err != nil {
		return err
	}
	t := approvals.Transition{Next: approvals.StateExecuting}
	begun := record.UndoStarted{Removes: p.PreviousDocument, Restores: p.Document, ServerTime: p.ServerTime}
	if err := add(&t, approvals.EventStarted, "", begun); err != nil {
		return err
	}
	return u.commit(ctx, t)
}

// done records what AWS answered and what was read back, and queues that the request that put the deny there is told.
func (u *undoExecution) done(ctx context.Context, result role.UndoResult) error {
	back := record.ReadBack{Undo: true, Equal: result.ReadBack, At: result.ReadBackAt, Mismatch: result.Mismatch}
	seen := record.SeenOther
	switch {
	case result.ReadBack:
		seen = record.SeenEqual
	case result.ReadBackError != nil:
		seen, back.Error = record.SeenNothing, aws.Explain(result.ReadBackError)
		u.h.log.WarnContext(ctx, "the role could not be read back", "request", u.request.ID, "error", result.ReadBackError)
	}
	t := approvals.Transition{
		Next: approvals.StateApplied,
		Work: []approvals.Item{{
			Kind: KindUndone, Request: u.request.About, Source: "undone by " + u.request.ID,
			Body: body(undoneBy{u.request.ID}),
		}},
	}
	if u.request.State == approvals.StateApproved { // it was found done, so that nothing was begun
		begun := record.UndoStarted{Restores: u.what.Restores, ServerTime: result.Role.ServerTime}
		if err := add(&t, approvals.EventStarted, "", begun); err != nil {
			return err
		}
	}
	err := add(&t, approvals.EventApplied, "", record.UndoApplied{
		At: result.UndoneAt, Found: result.AlreadyDone, Promised: u.earlier, Revives: u.revives(result),
		CallerARN: result.CallerARN, Unnamed: result.Unnamed, Seen: seen,
	})
	if err != nil {
		return err
	}
	if err := add(&t, approvals.EventReadBack, "", back); err != nil {
		return err
	}
	if err := u.commit(ctx, t); !errors.Is(err, errTaken) {
		return err
	}
	return u.late(context.WithoutCancel(ctx), result)
}

// late tells, once, that a worker that was held up has taken the deny away although the request had ended without that.
// Where another worker was quicker with the record, there is nothing to tell.
func (u *undoExecution) late(ctx context.Context, result role.UndoResult) error {
	r, _, err := u.h.Store.Load(ctx, u.request.ID)
	if err != nil {
		return err
	}
	if r.State == approvals.StateApplied || result.AlreadyDone {
		return nil
	}
	found := record.Finding{Sentence: messages.UndoneAfterAll, Urgent: true}
	return u.h.remark(ctx, r.ID, approvals.EventFinding, "late undo", found)
}

// revives reports whether sessions that the deny kept out could still be alive when it went.
func (u *undoExecution) revives(result role.UndoResult) bool {
	at := result.UndoneAt
	if at.IsZero() {
		at = result.ReadBackAt
	}
	return u.what.Revives && (at.IsZero() || at.Before(u.what.RevivesUntil))
}

// failed ends an undo of which a try did not succeed, or leaves it to another try.
func (u *undoExecution) failed(ctx context.Context, item approvals.Item, cause error) error {
	f, over, err := u.lost(ctx, item, cause)
	if over {
		return err
	}
	_, isUnconfirmed := errors.AsType[*notConfirmed](cause)
	switch {
	case isUnconfirmed: // the deny was there when the role was read for this try
	case errors.Is(cause, aws.ErrRoleChanged):
		f.sentence = messages.UndoOfAnotherRole
	case errors.Is(cause, aws.ErrNoSuchRole):
		f.sentence = messages.UndoRoleGone
	case errors.Is(cause, aws.ErrNotOurs):
		f.sentence = messages.UndoNotOurs
	default:
		f.unsure = (u.earlier || errors.Is(cause, aws.ErrTimeout)) && !(aws.Final(cause) && isWrite(cause))
	}
	u.h.log.WarnContext(ctx, "the deny was not taken away", "request", u.request.ID, "role", u.role.ARN, "error", cause)
	_, err = u.h.close(ctx, u.request.ID, underWay, func(approvals.Request) failure { return f })
	return err
}

// isWrite reports whether it was the write itself that AWS refused: then the role was read just before, with the deny.
func isWrite(err error) bool {
	call, ok := errors.AsType[*aws.CallError](err)
	return ok && (call.Operation == "iam:DeleteRolePolicy" || call.Operation == "iam:PutRolePolicy")
}

// undoneBy is the Body of an item of KindUndone: the request that took the deny away.
type undoneBy struct {
	Request string `json:"request"`
}

// undone tells the request that put a deny on a role that another one has taken it away, so that its card and its thread
// say so. Where that brings an earlier deny of the bot's back, it is looked at whether that is inert.
func (h *Handlers) undone(ctx context.Context, item approvals.Item) error {
	by, err := bodyOf[undoneBy](item)
	if err != nil {
		return err
	}
	r, _, err := h.Store.Load(ctx, by.Request)
	if err != nil {
		return err
	}
	if r.Purpose.Mode() != approvals.ModeUndo || r.State != approvals.StateApplied || r.About != item.Request {
		// The item is not signed; the log is. By that no deny of this request was taken away.
		h.log.WarnContext(ctx, "an undo is not told that is none of this request", "request", item.Request, "by", by.Request)
		return nil
	}
	c, err := h.context(r)
	if err != nil {
		return err
	}
	var a record.UndoApplied
	if err := json.Unmarshal(r.Closing.Detail, &a); err != nil {
		return fmt.Errorf("outcome of request %s: %w", r.ID, err)
	}
	link, err := h.cardLink(ctx, r)
	if err != nil {
		return err
	}
	told := record.Undone{
		Request: r.ID, Card: link, Requester: r.Requester, Approvers: r.Voters(), At: a.At, Cutoff: c.Undo.Cutoff,
		Restored: c.Undo.Restores != "", Found: a.Found && !a.Promised, Revives: a.Revives, RevivesUntil: c.Undo.RevivesUntil, Seen: a.Seen,
	}
	if told.At.IsZero() {
		told.At = r.Ended
	}
	t := appending(item.Request)
	if err := addBy(&t, approvals.EventUndone, r.Requester, item.Source, told); err != nil {
		return err
	}
	if c.Undo.Restores != "" {
		force, err := h.inForce(ctx, r.Subject.Key)
		if err != nil {
			return err
		}
		if newest, found := force.Newest(approvals.Revoke); found && newest.Document == c.Undo.Restores {
			t.Work = []approvals.Item{inertItem(newest.Request.ID)}
		}
	}
	return h.Store.Commit(ctx, t)
}

// inertItem looks whether the deny of a request has become inert.
func inertItem(request string) approvals.Item {
	return approvals.Item{Kind: KindInert, Request: request, Source: "inert " + request}
}

// inertSlack is how much later than the moment itself a deny is looked at for being inert: clocks differ by a little.
const inertSlack = time.Second

// whenInert is the look at the moment at which, by the role as it was read for the revocation, no session that the deny
// keeps out can be alive any more.
func whenInert(request string, result role.Result) approvals.Due {
	now := result.Role.ServerTime
	for _, later := range []time.Time{result.AppliedAt, result.ReadBackAt} {
		if later.After(now) {
			now = later
		}
	}
	return approvals.Due{Item: inertItem(request), After: role.RevivesUntil(result.Cutoff, result.Role).Sub(now) + inertSlack}
}

package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/oldrole"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/times"
)

// applied records what AWS answered and what was read back, and asks for the evidence.
func (e *execution) applied(ctx context.Context, result role.Result) error {
	merged := ""
	if result.Writes > 1 {
		merged = result.Written
	}
	t := approvals.Transition{
		Next: approvals.StateApplied,
		Work: []approvals.Item{evidenceItem(e.request.ID, trailLook{})},
	}
	err := add(&t, approvals.EventApplied, "", record.Applied{
		Cutoff: result.Cutoff, At: result.AppliedAt, AlreadyThere: result.AlreadyThere, Writes: result.Writes, CallerARN: result.CallerARN,
		Seen: seen(result), Document: merged, Unnamed: result.Unnamed, RevivesUntil: role.RevivesUntil(result.Cutoff, result.Role),
	})
	if err != nil {
		return err
	}
	back := record.ReadBack{Equal: result.ReadBack, At: result.ReadBackAt, Mismatch: result.Mismatch}
	if result.ReadBackError != nil {
		back.Error = aws.Explain(result.ReadBackError)
		e.h.log.WarnContext(ctx, "the policy could not be read back", "request", e.request.ID, "error", result.ReadBackError)
	}
	if err := add(&t, approvals.EventReadBack, "", back); err != nil {
		return err
	}
	if result.Role.TrustDigest != e.role.TrustDigest {
		err := add(&t, approvals.EventFinding, "", record.Finding{
			Sentence: "The trust policy of the role was changed between the request and the revocation. That stops no revocation, but it may be how somebody means to come back: compare it with the card.",
			Trust:    roleFacts(result.Role).Trust,
		})
		if err != nil {
			return err
		}
	}
	for i, after := range e.h.FollowUps {
		t.Due = append(t.Due, approvals.Due{After: after, Item: evidenceItem(e.request.ID, trailLook{Number: i + 1})})
	}
	t.Due = append(t.Due, whenInert(e.request.ID, result))
	e.minCutoff = result.Cutoff
	e.h.watch(&t, e.request.ID, result.ReadBack)
	if err := e.commit(ctx, t); !errors.Is(err, errTaken) {
		return err
	}
	// This goes on to its end when the bot is stopped: nobody else knows of the late write.
	return e.overtaken(context.WithoutCancel(ctx), result)
}

// seen says what the look after the write found.
func seen(result role.Result) record.Seen {
	switch {
	case result.ReadBack:
		return record.SeenEqual
	case result.ReadBackError != nil:
		return record.SeenNothing
	default:
		return record.SeenOther
	}
}

// overtaken makes good what a worker did that was held up for so long that another one took the revocation over: if its
// late write put a lower cutoff on the role than the logs have, the guard's and later revocations' too, the higher one is
// written again. What cannot be made good, and a write that AWS took although the request had ended without one or was
// undone, is told as a finding.
func (e *execution) overtaken(ctx context.Context, result role.Result) error {
	r, events, err := e.h.Store.Load(ctx, e.request.ID)
	if err != nil {
		return err
	}
	d, err := e.h.guardStatus(ctx, r, events)
	switch {
	case err != nil:
		return err
	case r.State != approvals.StateApplied, d.ended && !result.AlreadyThere:
		return e.findLate(ctx, result, messages.WrittenAfterAll(result.Cutoff))
	case d.ended, !result.Cutoff.Before(d.minCutoff):
		return nil
	}
	e.h.log.WarnContext(ctx, "a late write had a lower cutoff; the recorded one is written again", "request", r.ID,
		"late", result.Cutoff.Format(time.RFC3339), "recorded", d.minCutoff.Format(time.RFC3339))
	for n := range maxRepairs {
		again := revocation(r, e.role, r.Voters())
		again.NotBefore = d.minCutoff
		_, err = e.h.Roles.Revoke(ctx, again)
		if err == nil || aws.Final(err) {
			break
		}
		times.Pause(ctx, retryAfter(nil, n))
	}
	if err == nil {
		return nil
	}
	e.h.log.WarnContext(ctx, "the recorded cutoff could not be written again", "request", r.ID, "error", err)
	return e.findLate(ctx, result, messages.CutoffUndercut(result.Cutoff, d.minCutoff, aws.Explain(err)))
}

// maxRepairs is how often the recorded cutoff is written again after a late write, with a few seconds between.
const maxRepairs = 4

// findLate tells, once, of a late write, to the people whom it concerns.
func (e *execution) findLate(ctx context.Context, result role.Result, sentence string) error {
	source := "late write " + result.Cutoff.Format(time.RFC3339)
	return e.h.remark(ctx, e.request.ID, approvals.EventFinding, source, record.Finding{Sentence: sentence, Urgent: true})
}

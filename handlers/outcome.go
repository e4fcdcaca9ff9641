package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/times"
)

// errOvertaken stops a record of a document that does less than what another worker has promised
// meanwhile: what was promised may be on the role already and must not be undercut.
var errOvertaken = fmt.Errorf("%w: more was promised meanwhile", errElsewhere)

// applied records what AWS answered and what was read back, and asks for what follows.
func (e *execution) applied(ctx context.Context, out role.Outcome) error {
	undo := e.order.Mode == role.Undo
	t := approvals.Transition{Next: approvals.StateApplied}
	if e.request.State == approvals.StateApproved { // it was found done, so that nothing was begun
		if err := add(&t, approvals.EventStarted, "", record.Started{ServerTime: out.Role.ServerTime}); err != nil {
			return err
		}
	}
	a := e.sum(out)
	if err := add(&t, approvals.EventApplied, "", a); err != nil {
		return err
	}
	for _, d := range out.Documents {
		err := error(nil)
		if d.Err != nil {
			err = add(&t, approvals.EventFinding, "", record.Finding{Sentence: sentenceOf(d.Err), Urgent: true})
		} else {
			err = add(&t, approvals.EventReadBack, "", e.readBack(ctx, d))
		}
		if err != nil {
			return err
		}
	}
	if undo {
		t.Work = append(t.Work, undoneItem(e.request))
	} else if err := e.follow(&t, out, a); err != nil {
		return err
	}
	err := e.commit(ctx, t, func(promised []contain.Change) error {
		if !undo && e.undercuts(out, promised) {
			return errOvertaken
		}
		return nil
	})
	if !errors.Is(err, errTaken) {
		return err
	}
	// This goes on to its end when the bot is stopped: nobody else knows of the late write.
	return e.late(context.WithoutCancel(ctx), a)
}

// sum is what the documents of an outcome come to.
func (e *execution) sum(out role.Outcome) record.Applied {
	a := record.Applied{AlreadyThere: true, CallerARN: out.CallerARN, Unnamed: out.Unnamed, Seen: record.SeenEqual}
	for _, d := range out.Documents {
		if d.Err != nil {
			continue
		}
		a.Policy, a.Writes, a.At = policyOf(document(d)), a.Writes+d.Writes, times.Later(a.At, d.At)
		a.AlreadyThere = a.AlreadyThere && d.AlreadyThere
		switch {
		case d.ReadBackError != nil:
			a.Seen = record.SeenNothing
		case !d.ReadBack && a.Seen == record.SeenEqual:
			a.Seen = record.SeenOther
		}
		a.Cutoff = times.Later(a.Cutoff, cutoffOf(e.order.Measure, e.clock(d), document(d)))
		a.RevivesUntil = times.Later(a.RevivesUntil, endOf(e.order.Measure, document(d), out.Role))
		a.There = append(a.There, document(d))
	}
	if u := e.about.Undo; u != nil {
		at := a.At
		for _, d := range out.Documents {
			if at.IsZero() {
				at = d.ReadBackAt
			}
		}
		a.Promised, a.Revives = a.AlreadyThere && e.earlier, u.Revives && (at.IsZero() || at.Before(u.RevivesUntil))
	}
	return a
}

// document is what stands in a slot as far as is known: what was read back, or what was written.
func document(d role.Result) contain.Document {
	if d.ReadBack {
		return d.There
	}
	return contain.Document{Slot: d.Change.Slot, Text: d.Change.After}
}

// clock is the latest that AWS's clock can have shown for what is known of a document.
func (e *execution) clock(d role.Result) time.Time {
	return times.Later(e.now, times.Later(d.At, d.ReadBackAt))
}

// readBack is what was read back of one document.
func (e *execution) readBack(ctx context.Context, d role.Result) record.ReadBack {
	back := record.ReadBack{
		Undo: e.order.Mode == role.Undo, Policy: policyOf(document(d)), Equal: d.ReadBack, At: d.ReadBackAt,
	}
	switch {
	case d.ReadBackError != nil:
		back.Error = explained(d.ReadBackError)
		e.h.log.WarnContext(ctx, "the policy could not be read back", "request", e.request.ID, "error", d.ReadBackError)
	case !d.ReadBack:
		back.Mismatch = mismatch(e.order.Measure, d)
	}
	return back
}

// follow asks for what follows when a measure was applied: the evidence, the guard, the proof and,
// when no denied session can be alive any more, the clean-up.
func (e *execution) follow(t *approvals.Transition, out role.Outcome, a record.Applied) error {
	id := e.request.ID
	if out.Role.TrustDigest != e.about.Role.TrustDigest {
		err := add(t, approvals.EventFinding, "", record.Finding{
			Sentence: "The trust policy of the role was changed between the request and the revocation. That stops no revocation, " +
				"but it may be how somebody means to come back: compare it with the card.",
			Trust: roleFacts(out.Role).Trust,
		})
		if err != nil {
			return err
		}
	}
	t.Work = append(t.Work, evidenceItem(id, trailLook{}))
	for i, after := range e.h.FollowUps {
		t.Due = append(t.Due, approvals.Due{After: after, Item: evidenceItem(id, trailLook{Number: i + 1})})
	}
	if !a.RevivesUntil.IsZero() {
		now := times.Later(out.Role.ServerTime, a.At)
		for _, d := range out.Documents {
			now = times.Later(now, d.ReadBackAt)
		}
		t.Due = append(t.Due, approvals.Due{Item: inertItem(id), After: a.RevivesUntil.Sub(now) + inertSlack})
	}
	e.h.watch(t, id, a.Seen == record.SeenEqual)
	return nil
}

// undercuts reports whether what another worker has promised since this one did is more than what
// is recorded.
func (e *execution) undercuts(out role.Outcome, promised []contain.Change) bool {
	return slices.ContainsFunc(promised[min(len(e.changes), len(promised)):], func(c contain.Change) bool {
		return !slices.ContainsFunc(out.Documents, func(d role.Result) bool {
			return e.order.Measure.Gap(e.clock(d), document(d), contain.Document{Slot: c.Slot, Text: c.After}) == contain.Covers
		})
	})
}

// late makes good what a worker did that was held up for so long that its request has moved on. A
// write that AWS took although the request had ended without one, or was undone, is told. Otherwise
// the guard checks at once whether it has put less on the role than what is in force.
func (e *execution) late(ctx context.Context, a record.Applied) error {
	r, events, err := e.h.Store.Load(ctx, e.request.ID)
	if err != nil {
		return err
	}
	if e.order.Mode == role.Undo {
		if r.State == approvals.StateApplied || a.AlreadyThere {
			return nil
		}
		return e.h.remark(ctx, r.ID, approvals.EventFinding, "late undo",
			record.Finding{Sentence: messages.UndoneAfterAll, Urgent: true})
	}
	status, err := e.h.guardStatus(ctx, r, events)
	switch {
	case err != nil:
		return err
	case r.State != approvals.StateApplied, status.ended && !a.AlreadyThere:
		source := "late write " + a.Cutoff.Format(time.RFC3339)
		return e.h.remark(ctx, r.ID, approvals.EventFinding, source,
			record.Finding{Sentence: messages.WrittenAfterAll(a.Policy, a.Cutoff), Urgent: true})
	case status.ended, a.AlreadyThere:
		return nil
	}
	e.h.log.WarnContext(ctx, "a write was late: the guard checks the role", "request", r.ID)
	return e.h.checkNow(ctx, status.keeper, fmt.Sprintf("guard after late write %d of %s", e.own, r.ID))
}

// maxChecksNow is how often a check is tried that cannot wait for the queue.
const maxChecksNow = 6

// checkNow lets the guard check what a request keeps on the role.
func (h *Handlers) checkNow(ctx context.Context, request, source string) error {
	item := approvals.Item{Kind: KindGuard, Request: request, Source: source, Body: body(look{})}
	for ; ; item.Attempt++ {
		err := h.guard(ctx, item)
		again, ok := errors.AsType[*Again](err)
		if !ok || item.Attempt == maxChecksNow || !times.Pause(ctx, again.After) {
			return err
		}
	}
}

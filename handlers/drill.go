package handlers

import (
	"context"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

// wordDrill is the word of the command that asks for a drill.
const wordDrill = "drill"

// IsDrill reports whether the text of a command asks for a drill.
func IsDrill(text string) bool {
	word, _ := splitCommand(text)
	return strings.EqualFold(word, wordDrill)
}

// drillKey names the drills of a role: of all of them one can be under way. It is not the role's
// own key, so that a drill is never in the way of a revocation, nor among the requests that the
// guard, an undo or a clean-up look through.
func drillKey(r role.Role) string { return drillPrefix + subjectKey(r) }

const drillPrefix = "drill/"

// drill asks for a rehearsal of a revocation, if everything about it is in order: all that is asked
// of a revocation, and that no real request for the role is under way. text is what followed the
// word drill.
func (h *Handlers) drill(ctx context.Context, item approvals.Item, c Command, to Listener, text string) error {
	c.Text = text // a note of a refusal names the role
	role, reason := splitCommand(text)
	if role == "" {
		h.whisper(ctx, to, messages.DrillUsage())
		return nil
	}
	return h.seek(ctx, item, c, to, role, reason, messages.NoQuorumToDrill, h.askDrill)
}

// askDrill opens the request for a drill and posts its card.
func (h *Handlers) askDrill(
	ctx context.Context, item approvals.Item, c Command, to Listener, found role.Role, reason string,
) error {
	role := roleFacts(found)
	if answered, err := h.realOneOpen(ctx, item, c, to, found, role); answered || err != nil {
		return err
	}
	return h.open(ctx, item, c, to, role, record.Facts{Drill: &role}, approvals.Opening{
		Purpose: approvals.Revoke.Drill(),
		Subject: approvals.Subject{Key: drillKey(found), Group: found.AccountName},
		Reason:  reason,
	})
}

// realOneOpen refuses a drill while a real request for the role is under way: the newest, if any
// is. A real one that is opened after this look goes on beside the drill.
func (h *Handlers) realOneOpen(
	ctx context.Context, item approvals.Item, c Command, to Listener, found role.Role, role record.Role,
) (bool, error) {
	force, err := h.InForce(ctx, subjectKey(found))
	if err != nil || len(force.Open) == 0 {
		return false, err
	}
	link, err := h.Sender.CardLink(ctx, force.Open[0])
	if err != nil {
		return false, err
	}
	return true, h.refuse(ctx, item, c, to, "real_one_open", messages.RealOneOpen(force.Open[0], role, link))
}

// rehearse carries an approved drill out. It has no way to a write: package role is asked for a
// rehearsal, whose session may only read. So there is nothing to promise before it, and a try that
// died is simply made again.
func (e *execution) rehearse(ctx context.Context) error {
	if <-e.asked; e.err != nil {
		return e.err
	}
	result, err := e.h.Roles.Rehearse(ctx, e.order)
	if confirmed := e.confirm(ctx); err == nil {
		err = confirmed
	}
	if err != nil {
		return err
	}
	return e.rehearsed(ctx, result)
}

// rehearsed records what was found, and asks for one look at CloudTrail. There is nothing to prove,
// to guard, to clean up or to conclude: no other looks follow.
func (e *execution) rehearsed(ctx context.Context, result role.Rehearsal) error {
	t := approvals.Transition{
		Next: approvals.StateRehearsed,
		Work: []approvals.Item{investigate.EvidenceItem(e.request.ID, investigate.Look{})},
	}
	found := record.Rehearsed{
		Documents: result.Documents, At: result.At, CallerARN: result.CallerARN, Own: result.Own, Unnamed: result.Unnamed,
		First: result.First, Second: result.Second, Size: result.Size, SizeUnknown: result.SizeUnknown,
		Before: record.Verdict(result.Paper.Before), After: record.Verdict(result.Paper.After),
		SimulatedAt: result.Paper.At, Unavailable: result.Paper.Unavailable,
		MayWrite: result.MayWrite, MayWriteUnknown: result.MayWriteUnknown,
	}
	for _, d := range result.Documents {
		found.WouldBe = times.Later(found.WouldBe, step.CutoffOf(e.order.Measure, result.Now, d))
		found.Policy = step.PolicyOf(d)
	}
	if err := step.Add(&t, approvals.EventRehearsed, "rehearsed", found); err != nil {
		return err
	}
	return e.commit(ctx, t, nil)
}

// unknownPurpose ends an approved request of which this version does not know what it is for.
func (h *Handlers) unknownPurpose(ctx context.Context, r approvals.Request) error {
	h.Log.WarnContext(ctx, "an approved request has a purpose that is not known here", "request", r.ID,
		"purpose", string(r.Purpose))
	_, err := h.Close(ctx, r.ID, step.UnderWay, func(approvals.Request) step.Failure {
		return step.Failure{Sentence: messages.UnknownPurpose}
	})
	return err
}

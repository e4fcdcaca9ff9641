package handlers

import (
	"context"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/investigate"
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

// drillPrefix begins the key of a role's drills: of those for a measure one can be under way. It is
// not the role's own key, so that a drill is never in the way of a real request, nor among the
// requests that the guard, an undo or a clean-up look through.
const drillPrefix = "drill/"

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

// rehearsed records what was found, and asks for one check of CloudTrail. There is nothing to
// prove, to guard, to clean up or to conclude: no other looks follow.
func (e *execution) rehearsed(ctx context.Context, result role.Rehearsal) error {
	t := approvals.Transition{
		Next: approvals.StateRehearsed,
		Work: []approvals.Item{investigate.EvidenceItem(e.request.ID, investigate.Look{})},
	}
	found := record.Rehearsed{Rehearsal: result}
	for _, d := range result.Documents {
		found.WouldBe = times.Later(found.WouldBe, step.CutoffOf(e.order.Measure, result.Now, d))
		found.Policy = step.PolicyOf(d)
	}
	step.Add(&t, approvals.EventRehearsed, "rehearsed", found)
	return e.commit(ctx, t, nil)
}

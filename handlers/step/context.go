package step

import (
	"fmt"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// Context gathers what messages about a request need.
func (s Requests) Context(r approvals.Request) (messages.Context, error) {
	if r.Forged != nil && r.Subject.Facts == nil {
		return messages.Context{Words: s.Measures.Words(r.Purpose), Margin: s.Margin}, nil // its opening is not to be trusted
	}
	facts, err := record.FactsOf(r)
	if err != nil {
		return messages.Context{}, err
	}
	drill := r.Purpose.Mode() == approvals.ModeDrill
	switch {
	case drill && facts.Drill == nil:
		return messages.Context{}, fmt.Errorf("facts of request %s: a drill without a role", r.ID)
	case drill:
		facts = record.Facts{Role: *facts.Drill}
	case r.Purpose.Mode() != approvals.ModeUndo:
		facts.Undo = nil
	case facts.Undo == nil:
		facts.Undo = new(record.Undoing) // without what was written nothing is taken away
	}
	policy := s.Policies[r.Subject.Group]
	return messages.Context{
		Words: s.Measures.Words(r.Purpose), Role: facts.Role, Undo: facts.Undo, Drill: drill, Margin: s.Margin,
		Approvers: policy.Approvers, Required: max(r.Required, policy.Required),
	}, nil
}

package step

import (
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// Order is what package role is told of a request. Of one for an unknown purpose, and of an undo of
// nothing, it has no document, which role refuses.
func (s Requests) Order(r approvals.Request, c messages.Context) role.Order {
	o := role.Order{
		Request: r.ID, Requester: r.Requester, Approvers: r.Voters(), Target: ref(c.Role),
		Measure: s.Measures.On()[r.Purpose.Measure()],
	}
	if r.Purpose.Mode() == approvals.ModeUndo {
		o.Mode, o.Measure = role.Undo, contain.Restore(o.Measure, contain.Fold(c.Undo.Changes))
	}
	return o
}

// ref names a recorded role for good.
func ref(of record.Role) role.Ref {
	return role.Ref{Account: of.Account, Name: of.Name, ARN: of.ARN, ID: of.ID}
}

// CutoffOf is the date of a document as of now, zero for one without.
func CutoffOf(m contain.Measure, now time.Time, d contain.Document) time.Time {
	if dated, ok := m.(contain.Dated); ok {
		return dated.Cutoff(now, d)
	}
	return time.Time{}
}

// EndOf is when a document has outlived every session that it denies, zero if it never does.
func EndOf(m contain.Measure, d contain.Document, r role.Role) time.Time {
	if expirer, ok := m.(contain.Expirer); ok {
		return expirer.Ends(d, r.Principal())
	}
	return time.Time{}
}

// PolicyOf is the name of a document's policy as the log has it.
func PolicyOf(d contain.Document) string {
	if d.Slot.Name == contain.ConsolePolicy {
		return ""
	}
	return d.Slot.Label()
}

// Mismatch says what keeps a document that was read back from doing what was written.
func Mismatch(m contain.Measure, d role.Result) string {
	switch d.Gap {
	case contain.Covers:
		return ""
	case contain.Gone:
		return "the policy is not there"
	case contain.Earlier:
		at := CutoffOf(m, d.ReadBackAt, d.There)
		return "the policy on the role has the earlier cutoff " + at.UTC().Format("2006-01-02T15:04:05.000Z")
	case contain.Changed:
		return "somebody else wrote the policy meanwhile"
	default:
		return "the policy is there without a deny that works"
	}
}

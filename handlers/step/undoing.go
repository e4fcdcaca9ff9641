package step

import (
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/times"
)

// Restoring is the measure that takes away what a request has written.
func (s Requests) Restoring(held record.Holding) contain.Measure {
	return contain.Restore(s.Measures.On()[held.Measure], contain.Fold(held.Changes))
}

// Undoable reports whether an undo would change anything.
func Undoable(l role.Look) bool {
	for i, wanted := range l.Wanted {
		if wanted != (contain.Document{}) && wanted != l.There[i] {
			return true
		}
	}
	return false
}

// Undoing is what an undo takes away, as the role is now.
func (s Requests) Undoing(held record.Holding, look role.Look) record.Undoing {
	u := record.Undoing{
		Requester: held.Request.Requester, Approvers: held.Request.Voters(), Applied: held.Request.Ended,
		Changes: held.Changes, Cutoff: held.Planned, Gone: look.Done(),
	}
	m := s.Measures.On()[held.Measure]
	for i, there := range look.There {
		left := record.Stand{Document: there, Fate: record.FateForeign}
		if wanted := look.Wanted[i]; wanted != (contain.Document{}) {
			left = record.Stand{Document: wanted, Fate: record.FateOf(there, wanted)}
		}
		u.Slots = append(u.Slots, left)
		u.RestoreCutoff = times.Later(u.RestoreCutoff, CutoffOf(m, look.Now, left.Document))
	}
	for _, d := range held.Last() {
		u.Policy, u.RevivesUntil = PolicyOf(d), times.Later(u.RevivesUntil, EndOf(m, d, look.Role))
	}
	now := look.Role.ServerTime
	u.Revives = !u.RevivesUntil.IsZero() && u.RestoreCutoff.Before(u.Cutoff) &&
		(now.IsZero() || now.Before(u.RevivesUntil))
	return u
}

package step

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/times"
)

// Sum is what the documents of an order's outcome come to. now is the latest that AWS's clock could
// show when the try promised last; zero if it did not.
func Sum(o role.Order, now time.Time, out role.Outcome) record.Applied {
	a := record.Applied{AlreadyThere: true, CallerARN: out.CallerARN, Unnamed: out.Unnamed, Seen: record.SeenEqual}
	for _, d := range out.Documents {
		if d.Err != nil {
			a.Refused = append(a.Refused, d.There.Slot)
			continue
		}
		a.Writes, a.At = a.Writes+d.Writes, times.Later(a.At, d.At)
		if doc := Document(d); doc.Slot.Kind != contain.KeyStatus {
			a.Policy = PolicyOf(doc)
		}
		a.AlreadyThere = a.AlreadyThere && d.AlreadyThere
		switch {
		case d.ReadBackError != nil:
			a.Seen = record.SeenNothing
		case !d.ReadBack && a.Seen == record.SeenEqual:
			a.Seen = record.SeenOther
		}
		a.Cutoff = times.Later(a.Cutoff, CutoffOf(o.Measure, Clock(now, d), Document(d)))
		a.RevivesUntil = times.Later(a.RevivesUntil, EndOf(o.Measure, Document(d), out.Role))
		a.There = append(a.There, Document(d))
	}
	return a
}

// SumUndo adds what an undo of a measure left in each slot, and whether old sessions could be alive
// then.
func SumUndo(a *record.Applied, m contain.Measure, u record.Undoing, now time.Time, out role.Outcome) {
	at := a.At
	for _, d := range out.Documents {
		if at.IsZero() {
			at = d.ReadBackAt
		}
		left := left(d)
		a.Slots = append(a.Slots, left)
		a.RestoreCutoff = times.Later(a.RestoreCutoff, CutoffOf(m, Clock(now, d), left.Document))
	}
	a.Revives = revives(u, a.RestoreCutoff, at)
}

// revives reports whether sessions that a policy keeps out could work again once it is gone: unless
// what stands then keeps them out, too, or they are too old to be alive at that moment.
func revives(u record.Undoing, restored, at time.Time) bool {
	return !u.RevivesUntil.IsZero() && restored.Before(u.Cutoff) && (at.IsZero() || at.Before(u.RevivesUntil))
}

// left is what an undo left in a slot, as far as is known.
func left(d role.Result) record.Stand {
	switch {
	case errors.Is(d.Err, contain.ErrNotOurs):
		return record.Stand{Document: d.There, Fate: record.FateForeign}
	case d.Err != nil:
		return record.Stand{Document: d.There, Fate: record.FateFailed}
	case d.AlreadyThere:
		return record.Stand{Document: d.There, Fate: record.FateSame}
	}
	doc := Document(d)
	if d.ReadBackError == nil {
		doc = d.There
	}
	after := contain.Document{Slot: d.Change.Slot, Text: d.Change.After}
	return record.Stand{Document: doc, Fate: record.FateOf(contain.Document{}, after)}
}

// Document is what stands in a slot as far as is known: what was read back, or what was written.
func Document(d role.Result) contain.Document {
	if d.ReadBack {
		return d.There
	}
	return contain.Document{Slot: d.Change.Slot, Text: d.Change.After}
}

// Clock is the latest that AWS's clock can have shown for what is known of a document.
func Clock(now time.Time, d role.Result) time.Time {
	return times.Later(now, times.Later(d.At, d.ReadBackAt))
}

// ReadBack is what was read back of one document.
func (s Requests) ReadBack(ctx context.Context, o role.Order, d role.Result) record.ReadBack {
	back := record.ReadBack{Policy: PolicyOf(Document(d)), Equal: d.ReadBack, At: d.ReadBackAt}
	switch {
	case d.ReadBackError != nil:
		back.Error = Explained(d.ReadBackError)
		s.Log.WarnContext(ctx, "the policy could not be verified on the role", "request", o.Request, "error", d.ReadBackError)
	case !d.ReadBack:
		back.Mismatch = Mismatch(o.Measure, d)
	}
	return back
}

// EndOf is when a document has outlived every session that it denies, zero if it never does.
func EndOf(m contain.Measure, d contain.Document, r role.Role) time.Time {
	if expirer, ok := m.(contain.Expirer); ok {
		return expirer.Ends(d, r.Principal)
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
		return "someone else wrote the policy meanwhile"
	default:
		return "the policy is there, but does not deny what it should"
	}
}

// Restoring is the measure that takes away what a request has written.
func (s Requests) Restoring(held record.Holding) contain.Measure {
	return contain.Restore(s.Measures.On()[held.Measure], contain.Fold(slices.Concat(held.Changes, held.Others)))
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
		Changes: slices.Concat(held.Changes, held.Others), Cutoff: held.Planned, Gone: look.Done(),
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
		u.RevivesUntil = times.Later(u.RevivesUntil, EndOf(m, d, look.Role))
		if d.Slot.Kind != contain.KeyStatus {
			u.Policy = PolicyOf(d)
		}
	}
	if !u.RevivesUntil.IsZero() {
		u.RevivesUntil = times.Later(u.RevivesUntil, held.Expires())
	}
	u.Revives = revives(u, u.RestoreCutoff, look.Role.ServerTime)
	return u
}

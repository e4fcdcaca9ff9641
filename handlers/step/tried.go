package step

import (
	"context"
	"errors"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/internal/times"
)

// Tried is what is known of a try to carry out an order.
type Tried struct {
	Order   role.Order
	Measure contain.Measure // of the request; an undo's order has what restores it
	Undo    *record.Undoing // of an undo
	Earlier bool            // an earlier try had begun, and may have done it
	Now     time.Time       // the latest that AWS's clock could show when this try promised last
}

// Sum is what the documents of an outcome come to.
func (t Tried) Sum(out role.Outcome) record.Applied {
	a := record.Applied{AlreadyThere: true, CallerARN: out.CallerARN, Unnamed: out.Unnamed, Seen: record.SeenEqual}
	for _, d := range out.Documents {
		if d.Err != nil {
			continue
		}
		a.Policy, a.Writes, a.At = PolicyOf(Document(d)), a.Writes+d.Writes, times.Later(a.At, d.At)
		a.AlreadyThere = a.AlreadyThere && d.AlreadyThere
		switch {
		case d.ReadBackError != nil:
			a.Seen = record.SeenNothing
		case !d.ReadBack && a.Seen == record.SeenEqual:
			a.Seen = record.SeenOther
		}
		a.Cutoff = times.Later(a.Cutoff, CutoffOf(t.Order.Measure, t.Clock(d), Document(d)))
		a.RevivesUntil = times.Later(a.RevivesUntil, EndOf(t.Order.Measure, Document(d), out.Role))
		a.There = append(a.There, Document(d))
	}
	if t.Undo != nil {
		t.sumUndo(out, &a)
	}
	return a
}

// sumUndo adds what an undo left in each slot, and whether old sessions could be alive then.
func (t Tried) sumUndo(out role.Outcome, a *record.Applied) {
	at := a.At
	for _, d := range out.Documents {
		if at.IsZero() {
			at = d.ReadBackAt
		}
		left := left(d)
		a.Slots = append(a.Slots, left)
		a.RestoreCutoff = times.Later(a.RestoreCutoff, CutoffOf(t.Measure, t.Clock(d), left.Document))
	}
	u := t.Undo
	a.Promised = a.AlreadyThere && t.Earlier
	a.Revives = !u.RevivesUntil.IsZero() && a.RestoreCutoff.Before(u.Cutoff) && (at.IsZero() || at.Before(u.RevivesUntil))
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
func (t Tried) Clock(d role.Result) time.Time {
	return times.Later(t.Now, times.Later(d.At, d.ReadBackAt))
}

// ReadBack is what was read back of one document.
func (s Requests) ReadBack(ctx context.Context, o role.Order, d role.Result) record.ReadBack {
	back := record.ReadBack{
		Undo: o.Mode == role.Undo, Policy: PolicyOf(Document(d)), Equal: d.ReadBack, At: d.ReadBackAt,
		Restored: o.Mode == role.Undo && Document(d).Text != "",
	}
	switch {
	case d.ReadBackError != nil:
		back.Error = Explained(d.ReadBackError)
		s.Log.WarnContext(ctx, "the policy could not be read back", "request", o.Request, "error", d.ReadBackError)
	case !d.ReadBack:
		back.Mismatch = Mismatch(o.Measure, d)
	}
	return back
}

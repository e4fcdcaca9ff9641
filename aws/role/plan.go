package role

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

const (
	// maxPlans bounds how often one write is promised because promises take long, or other workers
	// promise more.
	maxPlans = 5
	// maxLate is how much older than the promise the clock may be that a document was wanted by.
	maxLate = time.Second
)

// step is what is to be done for a document now.
type step struct {
	change  contain.Change   // that was promised
	done    bool             // by an undo: what is there is as it should be; only the change's slot counts
	refused *contain.Refusal // by the measure
}

// plan wants a document and promises it, until the promise covers all that was promised for the
// document and is no older than a second.
func (r *run) plan(ctx context.Context, i int) (step, error) {
	var kept *contain.Change
	var lead time.Duration // how long the last promise took, for the next one to allow for
	for n := 1; ; {
		now := r.clock.Latest().Add(lead)
		doc, refused, err := r.want(now, i)
		change := contain.Change{Slot: doc.Slot, After: doc.Text, Guard: r.order.Guard}
		switch {
		case err != nil || refused != nil:
			return step{refused: refused}, err
		case r.order.Mode == Undo && doc == r.in(doc.Slot).Document:
			return step{change: change, done: true}, nil
		case kept != nil && kept.Slot == doc.Slot && kept.After == doc.Text:
			return step{change: *kept}, nil
		}
		if passed, err := r.gate.pass(ctx); err != nil {
			return step{}, err
		} else if !passed {
			continue // it was waited for, and the clock went on
		}
		change.Before = r.in(doc.Slot).Text
		if err := r.promise(ctx, Plan{Change: change, At: r.clock.Server, Now: now}); err != nil {
			return step{}, err
		}
		all, refused, err := r.want(now, i) // with what other workers have promised meanwhile
		if err != nil {
			return step{}, err
		}
		covered, late := refused == nil && all == doc, r.clock.Latest().Sub(now)
		switch {
		case r.order.Mode == Undo || covered && (late <= maxLate || n == maxPlans):
			return step{change: change}, nil
		case n == maxPlans:
			return step{}, fmt.Errorf("role: other workers have promised more for %s %d times", doc.Slot.Label(), n)
		}
		kept, lead = nil, max(late, 0)
		if covered {
			kept = &change
		}
		n++
	}
}

// want asks the measure for one of its documents.
func (r *run) want(now time.Time, i int) (contain.Document, *contain.Refusal, error) {
	state := r.state(r.order, r.c)
	state.Now = now
	state.There = state.There[:0]
	for _, f := range r.now {
		state.There = append(state.There, f.Document)
	}
	docs, err := r.order.Measure.Want(state, slices.Concat(r.order.InForce, documents(r.changes)))
	if refused := contain.RefusalOf(err, r.places[i]); refused != nil {
		return contain.Document{}, refused, nil
	}
	if len(docs) != len(r.places) || docs[i] == (contain.Document{}) {
		return contain.Document{}, nil, errors.Join(err, errors.New("role: the measure wants no document"))
	}
	return docs[i], nil, nil
}

// promise makes a change durable, and learns what else the request has promised.
func (r *run) promise(ctx context.Context, p Plan) error {
	if r.order.Promise == nil {
		r.changes = append(r.changes, p.Change)
		return nil
	}
	all, err := r.order.Promise(ctx, p)
	if err != nil {
		return err
	}
	r.changes = all
	return nil
}

// gate lets a promise pass once the approvers are confirmed.
type gate struct {
	confirm func(context.Context) error
	first   chan error // nil once its answer was used
	cancel  context.CancelFunc
	open    bool
}

// gate begins to confirm the approvers.
func (o Order) gate(ctx context.Context) *gate {
	g := &gate{confirm: o.Confirm, cancel: func() {}}
	if o.Confirm == nil {
		return g
	}
	ctx, g.cancel = context.WithCancel(ctx)
	first := make(chan error, 1)
	g.first = first
	go func() { first <- o.Confirm(ctx) }()
	return g
}

// pass confirms the approvers for one promise. passed is false when it had to be asked first, so
// that time went by; the next call then passes.
func (g *gate) pass(ctx context.Context) (passed bool, err error) {
	switch {
	case g.confirm == nil:
		return true, nil
	case g.open:
		g.open = false
		return true, nil
	case g.first != nil:
		err = <-g.first
		g.first = nil
	default:
		err = g.confirm(ctx)
	}
	g.open = err == nil
	return false, err
}

// close waits for what was begun and is not needed.
func (g *gate) close() {
	g.cancel()
	if g.first != nil {
		<-g.first
	}
}

package role

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws/contain"
)

const (
	// maxPlans bounds how often one write is promised because promises take long, or other workers
	// promise more.
	maxPlans = 5
	// maxRounds bounds how often one write is thought over because its steps take long.
	maxRounds = 4 * maxPlans
	// maxLate is how much older than the write the clock may be that a document was wanted by, and the
	// confirmation of the approvers.
	maxLate = time.Second
)

// ErrBusy stops an order for which other workers keep promising more, or whose steps all take too
// long. It passes: apply the order again, with what was promised.
var ErrBusy = errors.New("role: other workers keep promising more, or everything takes too long")

// step is what is to be done for a document now.
type step struct {
	change  contain.Change   // that was promised
	done    bool             // by an undo: what is there is as it should be; only the change's slot counts
	refused *contain.Refusal // by the measure
}

// plan wants a document and promises it, until the promise covers all that was promised for the
// document and is no older than a second. However long something took, the approvers were confirmed
// within a second before the promise, and before the write that follows; and the role and its slots
// were read within a few seconds.
func (r *run) plan(ctx context.Context, i int) (step, error) {
	var kept *contain.Change // that was promised last, while it may be what is wanted
	var lead time.Duration   // how long the last promise took, for the next one to allow for
	for n, rounds := 0, 0; rounds < maxRounds; rounds++ {
		if err := r.refresh(ctx); err != nil {
			return step{}, err
		}
		began := r.clock.Latest()
		now := began.Add(lead)
		if kept != nil {
			now = began.Add(-maxLate)
		}
		doc, refused, err := r.want(now, i)
		if err != nil || refused != nil {
			return step{refused: refused}, err
		}
		before := r.in(doc.Slot).Text
		change := contain.Change{Slot: doc.Slot, Before: before, After: doc.Text, Guard: r.order.Guard}
		switch {
		case r.order.Mode == Undo && before == doc.Text:
			return step{change: change, done: true}, nil
		case kept != nil && (kept.Slot != doc.Slot || kept.After != doc.Text || kept.Before != before):
			kept = nil // it came too late, others have promised more, or something else is there now
			continue
		}
		if passed, err := r.gate.pass(ctx); err != nil {
			return step{}, err
		} else if !passed {
			continue // it was waited for, and the clock went on
		}
		switch {
		case kept != nil:
			return step{change: *kept}, nil
		case n == maxPlans:
			return step{}, ErrBusy
		}
		n++
		kept = &change
		if err := r.promise(ctx, Plan{Change: change, At: r.clock.Server, Now: now}); err != nil {
			return step{}, err
		}
		r.out.Documents[i].Change = change
		lead = r.clock.Latest().Sub(began)
	}
	return step{}, ErrBusy
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

// gate lets a promise and its write pass once the approvers are confirmed.
type gate struct {
	confirm   func(context.Context) error
	first     chan error // nil once its answer was used
	answered  time.Time  // when the first answer came; once that was received
	confirmed time.Time  // when the approvers were confirmed last
	cancel    context.CancelFunc
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
	go func() {
		err := o.Confirm(ctx)
		g.answered = time.Now()
		first <- err
	}()
	return g
}

// pass reports whether the approvers were confirmed just now. Otherwise it confirms them, so that
// time goes by: look at the clock and come again.
func (g *gate) pass(ctx context.Context) (passed bool, err error) {
	switch {
	case g.confirm == nil || time.Since(g.confirmed) <= maxLate:
		return true, nil
	case g.first != nil:
		err = <-g.first
		g.first, g.confirmed = nil, g.answered
	default:
		err = g.confirm(ctx)
		g.confirmed = time.Now()
	}
	return false, err
}

// close waits for what was begun and is not needed.
func (g *gate) close() {
	g.cancel()
	if g.first != nil {
		<-g.first
	}
}

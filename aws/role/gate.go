package role

import (
	"context"
	"time"
)

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

package handlers

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/step"
)

// preparation is what carrying out a request needs and is asked for while it is looked up who
// approves it: AWS's part, whether the earlier approvers still may, and what must not be undercut.
// It grants nothing; it is used when the approval is committed, and dropped when it is not.
type preparation struct {
	cancel       context.CancelFunc
	confirmation *confirmation // of the earlier approvers

	asked   chan struct{}      // closed when the rest is known
	minimum []contain.Document // that other requests for the measure have in force
	ready   *role.Prepared     // nil if AWS was not asked
	err     error
}

// lookAhead is how long carrying out may take without an approver's minute being over in the
// middle, which would cost a look-up of its own.
const lookAhead = 10 * time.Second

// prepare begins to ask for what carrying out a request takes if the attempt turns out to be the
// approval that is still missing. It returns nil if that cannot be, by all that is known without a
// look-up, or if the measure is not of the first response. The caller drops it.
func (h *Handlers) prepare(ctx context.Context, v step.View, a approvals.Attempt, p approvals.Policy) *preparation {
	r := v.Request
	if r.Purpose.Mode() != approvals.ModeDo || !isFirstResponse(r.Purpose.Measure()) ||
		!approvals.MayComplete(r, v.Card, a, p, v.Now) {
		return nil
	}
	about, err := h.Context(r)
	if err != nil {
		return nil // carrying it out comes to the same
	}
	o := h.Order(r, about)
	o.Approvers = append(o.Approvers, a.By)
	ctx, cancel := context.WithCancel(ctx)
	n := &preparation{cancel: cancel, confirmation: h.confirming(ctx, r, v.Now, lookAhead), asked: make(chan struct{})}
	go func() {
		defer close(n.asked)
		var asking errgroup.Group
		asking.Go(func() (err error) { n.minimum, err = h.minimum(ctx, r); return err })
		asking.Go(func() (err error) { n.ready, err = h.Roles.Prepare(ctx, o); return err })
		n.err = asking.Wait()
	}()
	return n
}

// unprepared is a preparation that AWS was not asked for.
func (h *Handlers) unprepared(ctx context.Context, r approvals.Request) *preparation {
	n := &preparation{confirmation: h.confirming(ctx, r, time.Time{}, 0), asked: make(chan struct{})}
	if n.minimum, n.err = h.minimum(ctx, r); n.err != nil {
		<-n.confirmation.done
	}
	close(n.asked)
	return n
}

// minimum is what other requests for the measure have in force: a request to apply it writes no
// less, and a drill says so.
func (h *Handlers) minimum(ctx context.Context, r approvals.Request) ([]contain.Document, error) {
	if r.Purpose.Mode() == approvals.ModeUndo {
		return nil, nil
	}
	force, err := h.InForce(ctx, strings.TrimPrefix(r.Subject.Key, drillPrefix))
	return force.Minimum(r.Purpose.Measure(), r.ID), err
}

// drop ends what is still being asked for.
func (n *preparation) drop() {
	n.cancel()
	<-n.asked
	<-n.confirmation.done
}

// isFirstResponse reports whether a click prepares the measure, so that it is two remote steps
// away.
func isFirstResponse(m approvals.Measure) bool { return m == approvals.Revoke }

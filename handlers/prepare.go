package handlers

import (
	"context"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/oldrole"
	"github.com/revokebot/revokebot/handlers/record"
)

// preparation is what a revocation needs and is asked for while it is looked up who approves it: AWS's part, and whether
// the earlier approvers still may. Nothing in it permits anything; it is used when the approval is committed, and dropped
// when it is not.
type preparation struct {
	cancel       context.CancelFunc
	confirmation *confirmation // of the earlier approvers

	asked chan struct{} // closed when AWS has answered
	ready *role.Prepared
	err   error
}

// lookAhead is how long carrying out may take without an approver's minute being over in the middle, which would cost a
// look-up of its own.
const lookAhead = 10 * time.Second

// prepare begins to ask for what carrying out a request takes if the attempt turns out to be the approval that is still
// missing. It returns nil when that cannot be, by all that is known without a look-up. The caller drops it.
func (h *Handlers) prepare(ctx context.Context, v view, a approvals.Attempt, p approvals.Policy) *preparation {
	if v.request.Purpose.Mode() != approvals.ModeDo || !approvals.MayComplete(v.request, v.card, a, p, v.now) {
		return nil
	}
	about, err := h.context(v.request)
	if err != nil {
		return nil // carrying it out comes to the same
	}
	ctx, cancel := context.WithCancel(ctx)
	r := v.request
	approvers := append(r.Voters(), a.By)
	n := &preparation{cancel: cancel, confirmation: h.confirming(ctx, r, v.now, lookAhead), asked: make(chan struct{})}
	go func() {
		defer close(n.asked)
		n.ready, n.err = h.Roles.Prepare(ctx, revocation(r, about.Role, approvers))
	}()
	return n
}

// drop ends what is still being asked for.
func (n *preparation) drop() {
	n.cancel()
	<-n.asked
	<-n.confirmation.done
}

// revocation is the order of a request for a revocation. Of any other it is empty, which package role refuses.
func revocation(r approvals.Request, of record.Role, approvers []string) role.Order {
	if r.Purpose.Mode() != approvals.ModeDo {
		return role.Order{}
	}
	return order(r, of, approvers)
}

// order is what package role is told of an approved request.
func order(r approvals.Request, of record.Role, approvers []string) role.Order {
	return role.Order{Request: r.ID, Requester: r.Requester, Approvers: approvers, Target: ref(of)}
}

// ref names a recorded role for good.
func ref(of record.Role) role.Ref {
	return role.Ref{Account: of.Account, Name: of.Name, ARN: of.ARN, ID: of.ID}
}

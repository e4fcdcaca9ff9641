package role

import (
	"context"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws"
)

// Ref names one role for good: another role of the same name has another ID.
type Ref struct {
	Account string // the configured name
	Name    string
	ARN     string // with the path, as Describe gave it
	ID      string // the unique id
}

// Ref is what names the role for good.
func (r Role) Ref() Ref { return Ref{r.AccountName, r.Name, r.ARN, r.ID} }

// Order is one approved request about a role: what Prepare, Revoke, Undo and Rehearse are told of
// it.
type Order struct {
	Request   string // becomes the session's name and a tag
	Requester string // becomes the source identity and a tag
	Approvers []string
	Target    Ref // the role that was approved

	// NotBefore, of a revocation, is a cutoff that was promised by an earlier, interrupted attempt;
	// zero when there was none. The new cutoff is never lower, and if the policy on the role
	// already reaches it, nothing is written.
	NotBefore time.Time

	// AtLeast, of a revocation, is a cutoff that the new one must not be lower than, whatever is on
	// the role: what was promised before somebody took it away. Unlike NotBefore it excuses nothing
	// from being written. May be zero.
	AtLeast time.Time

	// Of an undo: the document that the bot wrote last, the only one that is taken away, and what
	// was on the role before it, to be restored; "" deletes the policy.
	Written, Previous string

	// Promise is called after the reads and before the write, at most once, so that the caller can
	// make durable what is about to be written. An error stops the write and is returned as it is.
	// It is not called when nothing is to be written. May be nil.
	Promise func(context.Context, Plan) error
}

// Plan is what is about to be written.
type Plan struct {
	ServerTime       time.Time // AWS's clock at GetRole, whole seconds
	PreviousDocument string    // the policy that is on the role now, "" none
	ExistingCutoff   time.Time // its cutoff, zero none
	Document         string    // the policy that will be, "" none
	Cutoff           time.Time // its cutoff, zero none
}

// grant is what a session of the order is opened for.
func (o Order) grant(policy string) aws.Grant {
	return aws.Grant{Request: o.Request, Requester: o.Requester, Approvers: o.Approvers, Policy: policy}
}

// promise calls Promise, if there is one.
func (o Order) promise(ctx context.Context, p Plan) error {
	if o.Promise == nil {
		return nil
	}
	return o.Promise(ctx, p)
}

// same reports whether two orders are about the same request, role and people.
func (o Order) same(other Order) bool {
	return o.Request == other.Request && o.Target == other.Target && o.Requester == other.Requester &&
		slices.Equal(o.Approvers, other.Approvers)
}

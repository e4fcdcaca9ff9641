package role

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// Mode is what an order does with its measure. A drill is Rehearse of an order in mode Do.
type Mode int

// The modes.
const (
	Do   Mode = iota
	Undo      // the measure is that of contain.Restore
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

// Order is one approved request about a role.
type Order struct {
	Request   string // becomes the session's name and a tag
	Requester string // becomes the source identity and a tag
	Approvers []string
	Target    Ref // the role that was approved

	Measure  contain.Measure // of an undo: contain.Restore(measure, written)
	Params   json.RawMessage // of the measure; nil if it takes none
	Mode     Mode
	Promised []contain.Change   // by this request, oldest first
	InForce  []contain.Document // what other requests of the same measure have in force: the minimum
	Guard    bool               // the guard writes: its changes are marked

	// Confirm looks the approvers up once more. Its first call runs beside the survey. Each promise
	// and each write that follows one needs an answer that is no older than a second; what is there
	// already needs none. An error stops the order and is returned as it is. Nil: there is nobody to
	// confirm.
	Confirm func(context.Context) error

	// Promise makes a change durable before its write. It returns all changes of the request, this
	// one included. If one of them is not covered by this one, the engine wants again with all of
	// them and nothing is written. An error stops the order and is returned as it is. Nil: the
	// order's own changes are kept in memory only.
	Promise func(context.Context, Plan) (all []contain.Change, err error)
}

// Plan is one change that is about to be written.
type Plan struct {
	contain.Change
	At  time.Time // AWS's clock at the survey, whole seconds
	Now time.Time // the latest that AWS's clock can show: for contain.Dated
}

// grant is what a session of the order is opened for.
func (o Order) grant(policy string) aws.Grant {
	return aws.Grant{Request: o.Request, Requester: o.Requester, Approvers: o.Approvers, Policy: policy}
}

// same reports whether two orders are about the same request, role and people, and come to the
// same session.
func (o Order) same(other Order) bool {
	return o.Request == other.Request && o.Target == other.Target && o.Requester == other.Requester &&
		o.Mode == other.Mode && slices.Equal(o.Approvers, other.Approvers)
}

// target is what the measure is told of the order, with the principal as far as it is known.
func (o Order) target(p contain.Principal) contain.Target {
	return contain.Target{Principal: p, Request: o.Request, Params: o.Params}
}

// documents are changes as what was promised.
func documents(changes []contain.Change) []contain.Document {
	docs := make([]contain.Document, len(changes))
	for i, c := range changes {
		docs[i] = contain.Document{Slot: c.Slot, Text: c.After}
	}
	return docs
}

// Outcome is what Apply did and what was seen of it. That a document was read back does not say
// that it is enforced already: IAM takes seconds to spread it.
type Outcome struct {
	Role      Role     // as it was read for this order: its trust policy may not be the one that was shown
	Documents []Result // one for each document of the measure, in write order; zero where the order was stopped before
	CallerARN string   // who wrote, as AWS calls the bot's session
	Unnamed   bool     // the session could not name the people; see Account.AllowUnnamedSessions
}

// Result is what became of one document.
type Result struct {
	Change        contain.Change   // the last that was promised by this try; zero if nothing had to be promised
	There         contain.Document // what was read last, as far as known
	At            time.Time        // AWS's clock when the last write answered, whole seconds; zero: nothing was written
	AlreadyThere  bool             // the document was there, and nothing was written
	ReadBack      bool             // it was read after the write, or instead of it, and leaves no gap
	ReadBackAt    time.Time        // AWS's clock at that read, whole seconds
	Gap           contain.Gap      // when ReadBack is false and it could be read
	ReadBackError error            // why it could not be read, a *CallError
	Writes        int              // more than one when someone else changed it
	Err           error            // AWS or the measure refused this document; the others were tried all the same
}

// err is the error of an outcome: the first that may pass, or that of its first document if none of
// them is there or was written.
func (o Outcome) err() error {
	through := false
	for _, d := range o.Documents {
		if d.Err != nil && !aws.Final(d.Err) {
			return d.Err
		}
		through = through || d.Err == nil
	}
	if through {
		return nil
	}
	return o.Documents[0].Err
}

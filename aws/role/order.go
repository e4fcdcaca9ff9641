package role

import (
	"context"
	"maps"
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

// Order is one approved request about a role.
type Order struct {
	contain.Target // the role that was approved, and the request: the session's name and a tag

	Requester string // becomes the source identity and a tag
	Approvers []string

	Measure  contain.Measure // of an undo: contain.Restore(measure, written)
	Mode     Mode
	Promised []contain.Change   // by this request, oldest first
	InForce  []contain.Document // what other requests of the same measure have in force: the minimum
	Stands   []contain.Document // as AWS accepted them last, for Check; what was promised later it may have refused
	Guard    bool               // the guard writes: its changes are marked

	// Confirm looks the approvers up once more. Its first call runs beside the survey. Each promise
	// and each write that follows one needs an answer that is no older than a second; what is there
	// already needs none. An error stops the order and is returned as it is. Nil: there is no
	// approver to confirm.
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

// slots returns the places of the measure's documents, and all slots that it has to see.
func (o Order) slots() (places [][]contain.Slot, all []contain.Slot) {
	if o.Measure == nil {
		return nil, nil
	}
	places = o.Measure.Places(o.Target)
	return places, slices.Concat(append(places[:len(places):len(places)], o.Measure.Reads(o.Target))...)
}

// at is the order about a role as it was read.
func (o Order) at(r Role) Order {
	o.Principal = r.Principal
	return o
}

// grant is what the session of the order is opened for.
func (o Order) grant(policy string) aws.Grant {
	return aws.Grant{Request: o.Request, Requester: o.Requester, Approvers: o.Approvers, Policy: policy}
}

// asks is the call that tells who is behind the name of a role or user.
func asks(kind contain.PrincipalKind) string {
	if kind == contain.User {
		return "iam:GetUser"
	}
	return "iam:GetRole"
}

// reads, puts and removes are the actions by which the slots of documents are read, written and
// emptied.
func (o Order) reads(slots []contain.Slot) []string {
	return append([]string{asks(o.Principal.Kind)}, actions(slots, func(f contain.Facts) string { return f.Read })...)
}

func puts(places [][]contain.Slot) []string {
	return actions(slices.Concat(places...), func(f contain.Facts) string { return f.Put })
}

func removes(places [][]contain.Slot) []string {
	return actions(slices.Concat(places...), func(f contain.Facts) string { return f.Remove })
}

func actions(slots []contain.Slot, of func(contain.Facts) string) (all []string) {
	for _, s := range slots {
		if action := of(s.Kind.Facts()); action != "" && action != "iam:GetRole" && !slices.Contains(all, action) {
			all = append(all, action)
		}
	}
	return all
}

// sessionPolicy is the session policy of the order: a few actions on one role. What IAM has a
// condition for is narrowed to the very documents: without it, the session could attach a policy
// that allows everything.
func (o Order) sessionPolicy() string {
	places, slots := o.slots()
	allowed, narrowed := o.reads(slots), []policyStatement(nil)
	byKind := map[contain.Kind][]contain.Slot{}
	for _, s := range slices.Concat(places...) {
		byKind[s.Kind] = append(byKind[s.Kind], s)
	}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		if o.Mode == Undo && kind == contain.KeyStatus {
			continue // the right to make a key inactive would be one to make it active
		}
		facts := kind.Facts()
		writes := []string{facts.Put}
		if o.Mode == Undo && facts.Remove != "" {
			writes = append(writes, facts.Remove)
		}
		only := Context(byKind[kind]...)
		if only == nil {
			allowed = append(allowed, writes...)
		}
		for _, key := range only {
			narrowed = append(narrowed, allow(writes, condition{"StringEquals": {key.Name: key.Values}}, o.Principal.ARN))
		}
	}
	return printed("", append([]policyStatement{allow(allowed, nil, o.Principal.ARN)}, narrowed...))
}

// drillPolicy is the session policy of a drill: it reads, and asks the policy simulator about the
// role and about what the bot itself is. There is no action in it that writes.
func (o Order) drillPolicy(own string) string {
	_, slots := o.slots()
	allowed := append(o.reads(slots), "iam:SimulatePrincipalPolicy")
	return printed("", []policyStatement{allow(allowed, nil, o.Principal.ARN, own)})
}

// allow is a statement about a few roles or users.
func allow(actions []string, only condition, arns ...string) policyStatement {
	var resources []string
	for _, arn := range arns {
		resources = append(resources, aws.ByName(arn)...)
	}
	return policyStatement{Effect: "Allow", Action: actions, Resource: resources, Condition: only}
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
	Beside        contain.Document // that is foreign, in another place of the document; zero if none is
	Err           error            // AWS or the measure refused this document; the others were tried all the same
}

// found notes that a document was there.
func (res *Result) found(f found) {
	res.AlreadyThere, res.ReadBack, res.There, res.ReadBackAt = true, true, f.Document, f.at
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

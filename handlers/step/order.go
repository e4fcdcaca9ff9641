package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// Context gathers what messages about a request need.
func (s Requests) Context(r approvals.Request) (messages.Context, error) {
	if r.Forged != nil && r.Subject.Facts == nil {
		return messages.Context{Words: s.Measures.Words(r.Purpose), Margin: s.Margin}, nil // its opening is not to be trusted
	}
	facts, err := record.FactsOf(r)
	if err != nil {
		return messages.Context{}, err
	}
	drill := r.Purpose.Mode() == approvals.ModeDrill
	switch {
	case drill && facts.Drill == nil:
		return messages.Context{}, fmt.Errorf("facts of request %s: a drill without a role", r.ID)
	case drill:
		facts = record.Facts{Role: *facts.Drill}
	case r.Purpose.Mode() != approvals.ModeUndo:
		facts.Undo = nil
	case facts.Undo == nil:
		facts.Undo = new(record.Undoing) // without what was written nothing is taken away
	}
	policy := s.Policies[r.Subject.Group]
	var guard time.Duration
	if n := len(s.Guard); n > 0 {
		guard = s.Guard[n-1]
	}
	c := messages.Context{
		Words: s.Measures.Words(r.Purpose), Role: facts.Role, Undo: facts.Undo, Drill: drill, Margin: s.Margin,
		Approvers: policy.Approvers, Required: max(r.Required, policy.Required),
		Guard: guard, Keys: slices.Contains(policy.Measures, approvals.AccessKey),
	}
	if k, further := s.Measures.After(r.Purpose.Measure()); further {
		c.Further = &k.Words
	}
	c.Next = func(v record.Conclusion, in record.Incident) *messages.Offer {
		return s.Measures.Next(r.Purpose.Measure(), policy.Measures, facts.Role, v, in)
	}
	return c, nil
}

// Order converts a request for package role. For an unknown purpose, and for an undo of nothing, it
// has no document, which role refuses.
func (s Requests) Order(r approvals.Request, c messages.Context) role.Order {
	o := role.Order{
		Target:    contain.Target{Request: r.ID, Principal: c.Role.Principal, Params: c.Role.Params()},
		Requester: r.Requester, Approvers: r.Voters(), Measure: s.Measures.On()[r.Purpose.Measure()],
	}
	if r.Purpose.Mode() == approvals.ModeUndo {
		o.Mode, o.Measure = role.Undo, contain.Restore(o.Measure, contain.Fold(c.Undo.Changes))
	}
	return o
}

// CutoffOf is the date of a document as of now, zero for one without.
func CutoffOf(m contain.Measure, now time.Time, d contain.Document) time.Time {
	if dated, ok := m.(contain.Dated); ok {
		return dated.Cutoff(now, d)
	}
	return time.Time{}
}

// LoadAll reads requests with their logs, without those that are gone from the store. known are not
// read again.
func (s Requests) LoadAll(ctx context.Context, ids []string, known ...record.View) ([]record.View, error) {
	past := known
	for _, id := range ids {
		if slices.ContainsFunc(known, func(p record.View) bool { return p.Request.ID == id }) {
			continue
		}
		r, events, err := s.Store.Load(ctx, id)
		if errors.Is(err, approvals.ErrUnknownRequest) {
			continue
		}
		if err != nil {
			return nil, err
		}
		past = append(past, record.View{Request: r, Events: events})
	}
	return past, nil
}

// InForce says what is in force on the principal that a subject's key names. known are requests
// that were read already.
func (s Requests) InForce(ctx context.Context, key string, known ...record.View) (record.Force, error) {
	ids, err := s.Store.History(ctx, key, approvals.HistoryDepth)
	if err != nil {
		return record.Force{}, err
	}
	past, err := s.LoadAll(ctx, ids, known...)
	past = slices.DeleteFunc(past, func(p record.View) bool { // the list is not sealed
		return p.Request.Subject.Key != key
	})
	return record.InForce(past, s.Measures.On()), err
}

// GuardStatus says whether the revocation policy of a request is to be kept on the role.
type GuardStatus struct {
	Ended   bool   // nothing of it is in force
	Later   bool   // a later request for the measure looks after it
	Busy    bool   // another request is about to write, or to undo; that can still fail
	Keeper  string // the request whose checks look after the measure
	Minimum []contain.Document
}

// Off reports whether this request's checks have nothing to do any more.
func (s GuardStatus) Off() bool { return s.Ended || s.Later }

// GuardStatus reads what the other requests for the role of r came to.
func (s Requests) GuardStatus(
	ctx context.Context, r approvals.Request, events []approvals.Event,
) (GuardStatus, error) {
	force, err := s.InForce(ctx, r.Subject.Key, record.View{Request: r, Events: events})
	own, applied := force.Of(r.ID)
	m := r.Purpose.Measure()
	newest, _ := force.Newest(r)
	return GuardStatus{
		Ended: !applied || !own.InForce(), Later: own.SupersededBy != "", Busy: force.Writing(m),
		Keeper: newest.Request.ID, Minimum: force.Minimum(r),
	}, err
}

// How long a write may follow the deadline of its request, and a rewrite the last planned check.
const (
	writeSlack = 15 * time.Minute
	GuardSlack = time.Hour
)

// InTime returns ErrStale if a request is not to be carried out any more at a time by AWS's clock.
// Write access to the store is not enough to carry out an old approval again.
func InTime(r approvals.Request, at time.Time) error {
	return within(r.Witness, at, r.Deadline.Sub(r.Opened)+writeSlack)
}

// GuardInTime is the same for a rewrite, longest after the newest of some writes.
func GuardInTime(written, at time.Time, longest time.Duration) error {
	return within(written, at, longest+GuardSlack)
}

func within(since, at time.Time, most time.Duration) error {
	if at.Sub(since) > most {
		return ErrStale
	}
	return nil
}

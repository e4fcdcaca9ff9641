package step

import (
	"context"
	"errors"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/record"
)

// LoadAll reads requests with their logs, without those that are gone from the store. known are not
// read again.
func (s Requests) LoadAll(ctx context.Context, ids []string, known ...record.Past) ([]record.Past, error) {
	past := known
	for _, id := range ids {
		if slices.ContainsFunc(known, func(p record.Past) bool { return p.Request.ID == id }) {
			continue
		}
		r, events, err := s.Store.Load(ctx, id)
		if errors.Is(err, approvals.ErrUnknownRequest) {
			continue
		}
		if err != nil {
			return nil, err
		}
		past = append(past, record.Past{Request: r, Events: events})
	}
	return past, nil
}

// InForce says what is in force on the principal that a subject's key names. known are requests
// that were read already.
func (s Requests) InForce(ctx context.Context, key string, known ...record.Past) (record.Force, error) {
	ids, err := s.Store.History(ctx, key, approvals.HistoryDepth)
	if err != nil {
		return record.Force{}, err
	}
	past, err := s.LoadAll(ctx, ids, known...)
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
	force, err := s.InForce(ctx, r.Subject.Key, record.Past{Request: r, Events: events})
	own, applied := force.Of(r.ID)
	newest, _ := force.Newest(r.Purpose.Measure())
	return GuardStatus{
		Ended: !applied || !own.InForce(), Later: own.SupersededBy != "", Busy: force.Writing(),
		Keeper: newest.Request.ID, Minimum: force.Minimum(r.Purpose.Measure(), r.ID),
	}, err
}

package handlers

import (
	"context"
	"errors"
	"slices"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/record"
)

// load reads requests with their logs, without those that are gone from the store. known are not
// read again.
func (h *Handlers) load(ctx context.Context, ids []string, known ...record.Past) ([]record.Past, error) {
	past := known
	for _, id := range ids {
		if slices.ContainsFunc(known, func(p record.Past) bool { return p.Request.ID == id }) {
			continue
		}
		r, events, err := h.Store.Load(ctx, id)
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

// inForce says what is in force on the principal that a subject's key names. known are requests
// that were read already.
func (h *Handlers) inForce(ctx context.Context, key string, known ...record.Past) (record.Force, error) {
	ids, err := h.Store.History(ctx, key, approvals.HistoryDepth)
	if err != nil {
		return record.Force{}, err
	}
	past, err := h.load(ctx, ids, known...)
	return record.InForce(past, h.measures), err
}

// guardStatus says whether the revocation policy of a request is to be kept on the role.
type guardStatus struct {
	ended   bool   // nothing of it is in force
	later   bool   // a later request for the measure looks after it
	busy    bool   // another request is about to write, or to undo; that can still fail
	keeper  string // the request whose checks look after the measure
	minimum []contain.Document
}

// off reports whether this request's checks have nothing to do any more.
func (s guardStatus) off() bool { return s.ended || s.later }

// guardStatus reads what the other requests for the role of r came to.
func (h *Handlers) guardStatus(
	ctx context.Context, r approvals.Request, events []approvals.Event,
) (guardStatus, error) {
	force, err := h.inForce(ctx, r.Subject.Key, record.Past{Request: r, Events: events})
	own, applied := force.Of(r.ID)
	newest, _ := force.Newest(r.Purpose.Measure())
	return guardStatus{
		ended: !applied || !own.InForce(), later: own.SupersededBy != "", busy: force.Writing(),
		keeper: newest.Request.ID, minimum: force.Minimum(r.Purpose.Measure(), r.ID),
	}, err
}

package step

import (
	"context"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

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

// Alarm records what a person has to look at now, once for each source.
func (s Requests) Alarm(ctx context.Context, request, source, why string) error {
	s.Log.ErrorContext(ctx, "someone else writes to Redis, or Redis lost data", "request", request, "why", why)
	return s.Note(ctx, approvals.EventForged, "", source, struct {
		Why     string `json:"why"`
		Request string `json:"request,omitempty"`
	}{why, request})
}

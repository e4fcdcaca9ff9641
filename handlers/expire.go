package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// expire ends a request that nobody decided in time.
func (h *Handlers) expire(ctx context.Context, item approvals.Item) error {
	expired := false
	err := h.Change(ctx, item.Request, func(v record.View) (t approvals.Transition, err error) {
		if expired = v.Request.State == approvals.StateOpen; expired {
			t.When, t.Next = approvals.AfterDeadline, approvals.StateExpired
			t.Events = []approvals.Event{{Type: approvals.EventExpired, Source: "expire " + v.Request.ID}}
		}
		return t, nil
	})
	switch {
	case errors.Is(err, approvals.ErrTooEarly):
		// The timer and the deadline are set by the same clock, in the same step; a failover to a
		// server whose clock is behind can still bring the timer first.
		return &step.Again{After: time.Second}
	case err == nil && expired:
		h.Log.InfoContext(ctx, "a request expired", "request", item.Request)
	}
	return err
}

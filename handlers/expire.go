package handlers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/investigate"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// expire ends a request that no approver decided in time.
func (h *Handlers) expire(ctx context.Context, item approvals.Item) error {
	expired, left := false, time.Duration(0)
	err := h.Change(ctx, item.Request, func(v record.View) (t approvals.Transition, err error) {
		left = v.Request.Deadline.Sub(v.Now)
		if expired = v.Request.State == approvals.StateOpen; expired {
			t.When, t.Next = approvals.AfterDeadline, approvals.StateExpired
			t.Events = []approvals.Event{{Type: approvals.EventExpired, Source: "expire " + v.Request.ID}}
		}
		return t, nil
	})
	switch {
	case errors.Is(err, approvals.ErrTooEarly):
		// The timer and the deadline are set by the same clock, in the same step; a failover to a
		// server whose clock is behind, or someone else, can still bring the timer first.
		return &step.Again{After: max(time.Second, left)}
	case err == nil && expired:
		h.Log.InfoContext(ctx, "a request expired", "request", item.Request)
	}
	return err
}

// What a sweep looks at. What is late for a moment is being done, or will be tried again.
const (
	swept        = 200 // of the newest requests, and those that this replica has worked for
	expiryLate   = 30 * time.Second
	executeLate  = 2 * time.Minute
	deliveryLate = 2 * time.Minute
	deliveryOver = 30 * time.Minute // then Slack does not take it
	followUpLate = 10 * time.Minute
	followUpOver = time.Hour
)

// sweeps remembers when requests are to be looked at next, by this machine's running clock.
type sweeps struct {
	mu   sync.Mutex
	next map[string]time.Time
}

// over is when a request is looked at again for which nothing will be late any more.
const over = 1000 * time.Hour

// note says that a request is looked at after a while at the latest; with always, not before, too.
func (s *sweeps) note(id string, after time.Duration, always bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil || len(s.next) > 100*swept {
		s.next = make(map[string]time.Time)
	}
	if next, known := s.next[id]; id != "" && (always || !known || time.Until(next) > after) {
		s.next[id] = time.Now().Add(after)
	}
}

// among are the requests whose time has come, of some and of those that were noted.
func (s *sweeps) among(ids []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.next {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return time.Until(s.next[id]) > 0 })
}

// Sweep does what the logs say is late, whatever became of its timer: expiries, approved requests,
// checks of the guard, checks of CloudTrail, and deliveries. It announces this replica's policies.
func (h *Handlers) Sweep(ctx context.Context) error {
	if _, err := h.Announce(ctx); err != nil {
		return err
	}
	ids, err := h.Store.Recent(ctx, swept)
	if err != nil {
		return err
	}
	now, err := h.Store.Now(ctx)
	if err != nil {
		return err
	}
	for _, id := range h.sweeps.among(ids) {
		if ctx.Err() != nil {
			return nil
		}
		if err := h.sweep(ctx, id, now); err != nil {
			h.Log.WarnContext(ctx, "a request could not be swept", "request", id, "error", err)
		}
	}
	return nil
}

func (h *Handlers) sweep(ctx context.Context, id string, now time.Time) error {
	return h.withAlarm(ctx, func(ctx context.Context) error {
		r, events, err := h.Store.Load(ctx, id)
		if errors.Is(err, approvals.ErrUnknownRequest) {
			h.sweeps.mu.Lock()
			delete(h.sweeps.next, id)
			h.sweeps.mu.Unlock()
			return nil
		}
		if err != nil {
			return err
		}
		late := now.Sub(events[len(events)-1].At)
		owed, again := h.owed(r, events, now, late)
		switch {
		case late <= deliveryLate:
			again = min(again, deliveryLate-late+time.Second)
		case late < deliveryOver:
			d, err := h.Store.Delivered(ctx, id)
			if err != nil {
				return err
			}
			if min(d.Cursor, d.CardSeq) < r.Seq {
				again, owed = 0, append(owed, approvals.Item{Kind: approvals.KindDeliver, Request: id})
			}
		}
		if r.State == approvals.StateApplied && r.Purpose.Mode() == approvals.ModeUndo {
			if late := now.Sub(r.Ended) - executeLate; late < 0 {
				again = min(again, time.Second-late)
			} else if earlier, _, err := h.Store.Load(ctx, r.About); err == nil && !earlier.Has(undoneItem(r).Source) {
				again, owed = 0, append(owed, undoneItem(r))
			}
		}
		for _, item := range owed {
			if _, later := errors.AsType[*step.Again](h.handle(ctx, item)); !later {
				h.Log.WarnContext(ctx, "what was late was done by a sweep", "request", id, "kind", item.Kind, "source", item.Source)
			}
		}
		h.sweeps.note(id, again, true)
		return nil
	})
}

// owed is what should have been done for a request by now, and after how long to look again. late
// is the time since its last event.
func (h *Handlers) owed(
	r approvals.Request, events []approvals.Event, now time.Time, late time.Duration,
) (owed []approvals.Item, again time.Duration) {
	switch r.State {
	case approvals.StateOpen:
		if again = expiryLate - now.Sub(r.Deadline); again <= 0 {
			owed = append(owed, approvals.Item{Kind: approvals.KindExpire, Request: r.ID})
		}
	case approvals.StateApproved, approvals.StateExecuting:
		if again = executeLate - late; again <= 0 {
			// Its source differs, so that a timer it sets replaces one that is only late.
			owed = append(owed, approvals.Item{Kind: KindExecute, Request: r.ID, Source: "sweep"})
		}
	case approvals.StateApplied:
		if r.Purpose.Mode() != approvals.ModeDo || r.Undone != nil {
			return nil, over
		}
		owed, again = h.guard.Missed(record.View{Request: r, Events: events}, now, over)
		for i, after := range h.FollowUps {
			item := investigate.EvidenceItem(r.ID, investigate.Look{Number: i + 1})
			since := now.Sub(r.Ended) - after
			switch {
			case since <= followUpLate:
				again = min(again, followUpLate-since+time.Second)
			case since < followUpOver && !r.Has(item.Source):
				again, owed = 0, append(owed, item)
			}
		}
	default:
		again = over
	}
	return owed, again
}

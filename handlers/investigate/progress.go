package investigate

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// A check that takes longer than progressEvery tells how far it is, as often and at most
// maxProgress times.
const (
	progressEvery = 4 * time.Second
	maxProgress   = 8
)

// tellProgress tells how far a check is, beside it: a store that is slow must not hold up the
// check. The first check says at once that it is under way. report takes how far it is; end stops
// telling and waits until nothing is told any more.
func (q *investigation) tellProgress(ctx context.Context) (report func(done, all int), end func()) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	var latest atomic.Pointer[record.Looking]
	latest.Store(&record.Looking{Look: q.Number})
	go func() {
		defer close(over)
		told := record.Looking{Look: q.Number}
		if q.Number == 0 && !q.Wide {
			q.looking(ctx, told, 0)
		}
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for n := 1; n <= maxProgress; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if now := *latest.Load(); now != told {
				told = now
				q.looking(ctx, now, n)
				n++
			}
		}
	}()
	report = func(done, all int) { latest.Store(&record.Looking{Look: q.Number, Done: done, All: all}) }
	return report, func() { cancel(); <-over }
}

// looking records the progress. That it fails is no reason to stop looking.
func (q *investigation) looking(ctx context.Context, now record.Looking, n int) {
	source := fmt.Sprintf("looking %d at %s, try %d", n, q.item.Source, q.item.Attempt)
	err := q.Remark(ctx, q.request.ID, approvals.EventLooking, source, now)
	if err != nil && ctx.Err() == nil {
		q.Log.WarnContext(ctx, "the progress of a check was not recorded", "request", q.request.ID, "error", err)
	}
}

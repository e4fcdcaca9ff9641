package investigate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/trail"
	"github.com/revokebot/revokebot/handlers/record"
)

// A look that takes longer than progressEvery tells how far it is, as often and at most maxProgress
// times.
const (
	progressEvery = 4 * time.Second
	maxProgress   = 8
)

// progress tells how far a look is, beside it: a store that is slow must not hold up the look.
type progress struct {
	mu     sync.Mutex
	latest trail.Progress
	cancel context.CancelFunc
	done   chan struct{}
}

// tellProgress begins to tell. The first look says at once that it is under way.
func (q *investigation) tellProgress(ctx context.Context) *progress {
	ctx, cancel := context.WithCancel(ctx)
	p := &progress{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		told := record.Looking{Look: q.number}
		if q.number == 0 && !q.wide {
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
			p.mu.Lock()
			now := record.Looking{Look: q.number, Done: p.latest.Done, All: p.latest.Regions}
			p.mu.Unlock()
			if now != told {
				told = now
				q.looking(ctx, now, n)
				n++
			}
		}
	}()
	return p
}

// looking records the progress. That it fails is no reason to stop looking.
func (q *investigation) looking(ctx context.Context, now record.Looking, n int) {
	source := fmt.Sprintf("looking %d at %s, try %d", n, q.item.Source, q.item.Attempt)
	err := q.Remark(ctx, q.request.ID, approvals.EventLooking, source, now)
	if err != nil && ctx.Err() == nil {
		q.Log.WarnContext(ctx, "the progress of a look was not recorded", "request", q.request.ID, "error", err)
	}
}

// report is the Progress of a look-up.
func (p *progress) report(now trail.Progress) {
	p.mu.Lock()
	p.latest = now
	p.mu.Unlock()
}

// end stops telling and waits until nothing is told any more.
func (p *progress) end() {
	p.cancel()
	<-p.done
}

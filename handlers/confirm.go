package handlers

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/step"
)

// confirmAfter is the age of a click from which on the approver is looked up again before the call
// to AWS.
const confirmAfter = time.Minute

// confirmation is the second look at the approvers of a request, which is under way beside
// everything else. It counts the time from the store's clock on with this machine's running clock.
type confirmation struct {
	h     *Handlers
	done  chan struct{}
	err   error     // the store did not say what time it is
	now   time.Time // the store's clock when it began
	began time.Time
	found map[string]approvals.Refusal
}

// confirming begins to look up the approvers whose click is more than a minute old, or will be
// within ahead. A zero now is asked for.
func (h *Handlers) confirming(
	ctx context.Context, r approvals.Request, now time.Time, ahead time.Duration,
) *confirmation {
	c := &confirmation{h: h, done: make(chan struct{}), now: now, began: time.Now()}
	go func() {
		defer close(c.done)
		if c.now.IsZero() {
			if c.now, c.err = h.Store.Now(ctx); c.err != nil {
				return
			}
		}
		c.found = h.lookAgain(ctx, r, nil, c.now.Add(ahead))
	}()
	return c
}

// outcome waits, and returns *notConfirmed if one of a request's approvers was not found to be one
// again although their click is more than a minute old by now. Whoever was not looked up, or too
// long ago, because something else took long, is looked up now. r may have more votes than the
// request had when the look began.
func (c *confirmation) outcome(ctx context.Context, r approvals.Request) error {
	<-c.done
	if c.err != nil {
		return c.err
	}
	if time.Since(c.began) > confirmAfter {
		c.now, c.began, c.found = c.now.Add(time.Since(c.began)), time.Now(), nil
	}
	at := c.now.Add(time.Since(c.began))
	c.found = c.h.lookAgain(ctx, r, c.found, at)
	for _, v := range r.Votes {
		if refusal, ok := c.found[v.By]; at.Sub(v.At) > confirmAfter && (!ok || refusal.Code != "") {
			return &step.NotConfirmed{Approver: v.By, Refusal: refusal}
		}
	}
	return nil
}

// lookAgain looks up, side by side, every approver whose click is more than a minute old at a time
// and who was not found already.
func (h *Handlers) lookAgain(
	ctx context.Context, r approvals.Request, known map[string]approvals.Refusal, at time.Time,
) map[string]approvals.Refusal {
	policy := h.Policies[r.Subject.Group]
	found := make(map[string]approvals.Refusal)
	maps.Copy(found, known)
	var mu sync.Mutex
	var lookups sync.WaitGroup
	for _, v := range r.Votes {
		if _, ok := known[v.By]; ok || at.Sub(v.At) <= confirmAfter {
			continue
		}
		lookups.Go(func() {
			refusal := approvals.MayDecide(v.By, h.factsFor(ctx, v.By, policy), h.Slack.Home(), policy)
			mu.Lock()
			defer mu.Unlock()
			found[v.By] = refusal
		})
	}
	lookups.Wait()
	return found
}

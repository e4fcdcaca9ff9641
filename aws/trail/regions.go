package trail

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/times"
)

// Client asks CloudTrail in a Cloud's accounts. Make it with New. Its methods may be called at the
// same time.
type Client struct{ cloud *aws.Cloud }

// New returns a client.
func New(cloud *aws.Cloud) *Client { return &Client{cloud} }

// errPatience is the cause when a region is given up because it alone did not answer.
var errPatience = errors.New("the other regions are done")

// regionBudget is the reading of one region for one look-up. Its time counts while a call is under
// way; waiting for the turn to call is nobody's delay.
type regionBudget struct {
	region string

	mu    sync.Mutex
	left  time.Duration // for its calls together
	since time.Time     // when the call under way began, zero when there is none
}

// call makes one call within what is left of the region's time.
func (s *regionBudget) call(ctx context.Context, do func(context.Context)) {
	began := time.Now()
	s.mu.Lock()
	s.since = began
	ctx, cancel := context.WithTimeout(ctx, s.left)
	s.mu.Unlock()
	defer cancel()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.left, s.since = s.left-time.Since(began), time.Time{}
	}()
	do(ctx)
}

func (c *Client) budget(region string) *regionBudget {
	return &regionBudget{region: region, left: c.cloud.RegionTimeout()}
}

// silentSince returns when the call under way began, zero when there is none.
func (s *regionBudget) silentSince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since
}

// everywhere reads all regions of an account side by side and returns when each is done. With
// patience, regions that do not answer while all the others are done are given up: their context
// ends with errPatience.
func (c *Client) everywhere(
	ctx context.Context, regions []string, patience time.Duration, read func(context.Context, int, *regionBudget),
) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	open := map[int]*regionBudget{}
	done := make(chan int, len(regions))
	for i, region := range regions {
		s := c.budget(region)
		open[i] = s
		go func() {
			read(ctx, i, s)
			done <- i
		}()
	}
	for len(open) > 0 {
		var tick <-chan time.Time
		if patience > 0 && len(open) < len(regions) {
			wait := patience
			if last, silent := lastToAsk(open); silent {
				if wait = patience - time.Since(last); wait <= 0 {
					giveUp(errPatience)
					patience = 0
					continue
				}
			}
			tick = time.After(wait)
		}
		select {
		case i := <-done:
			delete(open, i)
		case <-tick:
		}
	}
}

// lastToAsk returns when the last of the regions began the call that it waits for. It reports false
// when one of them is not waiting for an answer.
func lastToAsk(open map[int]*regionBudget) (last time.Time, silent bool) {
	for _, s := range open {
		since := s.silentSince()
		if since.IsZero() {
			return time.Time{}, false
		}
		last = times.Later(last, since)
	}
	return last, true
}

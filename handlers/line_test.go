package handlers

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/step"
)

func TestAnItemThatFoundNoPlaceComesBackAboutWhenItHasOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const items, takes = 40, 3 * time.Second
		l := newLine(2, time.Second, time.Minute)
		var tries atomic.Int64
		done := make(chan time.Duration, items)
		began := time.Now()
		for range items {
			go func() {
				for {
					tries.Add(1)
					err := l.ifFree(t.Context(), approvals.Item{}, func(context.Context, approvals.Item) error {
						time.Sleep(takes)
						return nil
					})
					again, busy := errors.AsType[*step.Again](err)
					if !busy {
						done <- time.Since(began)
						return
					}
					if again.After < time.Second || again.After > time.Minute || !again.Busy {
						t.Errorf("again in %v", again.After)
					}
					time.Sleep(again.After)
				}
			}()
			synctest.Wait()
		}
		last := time.Duration(0)
		for range items {
			last = <-done
		}
		if n := tries.Load(); n > 4*items || last > items*takes*3/4 {
			t.Errorf("%d tries of %d items, the last was done after %v", n, items, last)
		}
	})
}

package bot

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/handlers"
)

func TestAChannelIsToldInABurstAndThenAtSlacksPaceAndWhatWouldWaitLongComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		started := time.Now()
		for range postBurst {
			if err := p.turn(t.Context(), "C1"); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(started); took != 0 {
			t.Errorf("the burst took %v", took)
		}
		if err := p.turn(t.Context(), "C2"); err != nil || time.Since(started) != 0 {
			t.Errorf("another channel waits: %v", err)
		}
		time.Sleep(postEvery - waitHere/2)
		if err := p.turn(t.Context(), "C1"); err != nil || time.Since(started).Round(time.Millisecond) != postEvery {
			t.Errorf("the next was sent after %v: %v", time.Since(started), err)
		}
		later, ok := errors.AsType[*handlers.SlackError](p.turn(t.Context(), "C1"))
		if !ok || later.Kind != handlers.SlackPassing || later.Code != handlers.CodePaced || later.RetryAfter <= waitHere || later.RetryAfter > postEvery+comeBack {
			t.Errorf("the one after it: %+v", later)
		}
		time.Sleep(postEvery) // what comes back later has not taken a turn
		if err := p.turn(t.Context(), "C1"); err != nil {
			t.Error(err)
		}
		time.Sleep(postEvery - waitHere/2)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.turn(ended, "C1"); !errors.Is(err, context.Canceled) {
			t.Errorf("with its context ended: %v", err)
		}
	})
}

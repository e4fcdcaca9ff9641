package bot

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/handlers"
)

func TestAChannelIsToldInABurstAndThenAtSlacksPaceAndWhatWouldWaitLongComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		started := time.Now()
		turn := func(what string) error { return p.turn(t.Context(), "C1", what) }
		for i := range postBurst {
			if err := turn(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(started); took != 0 {
			t.Errorf("the burst took %v", took)
		}
		if err := p.turn(t.Context(), "C2", "other"); err != nil || time.Since(started) != 0 {
			t.Errorf("another channel waits: %v", err)
		}
		time.Sleep(postEvery - waitHere/2)
		if err := turn("next"); err != nil || time.Since(started).Round(time.Millisecond) != postEvery {
			t.Errorf("the next was sent after %v: %v", time.Since(started), err)
		}
		comesBack := func(what string, after time.Duration) {
			t.Helper()
			later, ok := errors.AsType[*handlers.SlackError](turn(what))
			if !ok || later.Kind != handlers.SlackPassing || later.Code != handlers.CodePaced || later.RetryAfter.Round(time.Millisecond) != after {
				t.Errorf("%s: %+v, want it back after %v", what, later, after)
			}
		}
		comesBack("first", postEvery)
		comesBack("second", 2*postEvery)
		comesBack("first", postEvery) // asking again takes no second turn
		time.Sleep(postEvery)
		comesBack("second", postEvery)
		if err := turn("first"); err != nil {
			t.Error(err)
		}
		time.Sleep(postEvery)
		if err := turn("second"); err != nil {
			t.Error(err)
		}
		time.Sleep(postEvery - waitHere/2)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.turn(ended, "C1", "last"); !errors.Is(err, context.Canceled) {
			t.Errorf("with its context ended: %v", err)
		}
	})
}

package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/handlers/deliver"
)

func TestAChannelIsToldInABurstAndThenAtSlacksPaceAndWhatWouldWaitLongComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPostPace()
		started := time.Now()
		turn := func(what string) error { return p.turn(t.Context(), "C1", what, classThread, 1) }
		for i := range postBurst {
			if err := turn(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(started); took != 0 {
			t.Errorf("the burst took %v", took)
		}
		if err := p.turn(t.Context(), "C2", "other", classThread, 1); err != nil || time.Since(started) != 0 {
			t.Errorf("another channel waits: %v", err)
		}
		time.Sleep(postEvery - waitHere/2)
		if err := turn("next"); err != nil || time.Since(started).Round(time.Millisecond) != postEvery {
			t.Errorf("the next was sent after %v: %v", time.Since(started), err)
		}
		comesBack := func(what string, after time.Duration) {
			t.Helper()
			later, ok := errors.AsType[*deliver.SlackError](turn(what))
			if !ok || later.Kind != deliver.SlackPassing || later.Code != deliver.CodePaced ||
				later.RetryAfter.Round(time.Millisecond) != after {
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
		if err := p.turn(ended, "C1", "last", classThread, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("with its context ended: %v", err)
		}
	})
}

func TestMessagesThatComeBackLateAreNotAllSentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPostPace()
		turn := func(what string) error { return p.turn(t.Context(), "C1", what, classThread, 1) }
		for i := range 3 * postBurst {
			_ = turn(fmt.Sprint(i))
		}
		time.Sleep(time.Minute) // Redis was away
		started, told := time.Now(), 0
		for i := range 2 * postBurst {
			if turn(fmt.Sprint(postBurst+i)) == nil {
				told++
			}
		}
		if told > postBurst+1 {
			t.Errorf("%d messages were sent within %v", told, time.Since(started))
		}
		for i := range 2 * postBurst { // and each comes to its turn
			for again := 0; turn(fmt.Sprint(postBurst+i)) != nil; again++ {
				if time.Sleep(postEvery); again > 3*postBurst {
					t.Fatalf("message %d does not come to its turn", i)
				}
			}
		}
	})
}

func TestWhileSlackTakesNothingInAChannelNothingIsSentThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPostPace()
		p.hold("C1", 10*time.Second)
		p.hold("C1", time.Second) // a shorter wait takes nothing back
		if err := p.turn(t.Context(), "C2", "other", classThread, 1); err != nil {
			t.Errorf("another channel waits: %v", err)
		}
		later, ok := errors.AsType[*deliver.SlackError](p.turn(t.Context(), "C1", "one", classThread, 1))
		if !ok || later.RetryAfter != 10*time.Second {
			t.Fatalf("it is sent, or after %+v", later)
		}
		time.Sleep(10 * time.Second)
		if err := p.turn(t.Context(), "C1", "one", classThread, 1); err != nil {
			t.Error(err)
		}
	})
}

func TestNoCardWaitsBehindThreadsNorBehindTheCardsOfOneWhoAsksForMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPostPace()
		for i := range postBurst {
			if err := p.turn(t.Context(), "C1", fmt.Sprint(i), classThread, 1); err != nil {
				t.Fatal(err)
			}
		}
		all := map[string]int{
			"late 1": classLate, "thread 1": classThread, "thread 2": classThread, "late 2": classLate, "card 1": classCard,
			"card 2": classCard,
		}
		for _, what := range []string{"late 1", "thread 1", "thread 2", "late 2", "card 1", "card 2"} {
			if p.turn(t.Context(), "C1", what, all[what], 1) == nil {
				t.Errorf("%s is sent at once", what)
			}
		}
		for _, next := range []string{"card 1", "card 2", "thread 1", "thread 2", "late 1", "late 2"} {
			time.Sleep(postEvery)
			for _, what := range slices.Sorted(maps.Keys(all)) { // all come back
				if sent := p.turn(t.Context(), "C1", what, all[what], 1) == nil; sent != (what == next) {
					t.Fatalf("it is the turn of %q, %q is sent: %v", next, what, sent)
				}
			}
			delete(all, next)
		}
	})
}

func TestEditsThatAreMadeTogetherWaitOnceForAllTheirTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newEditPace()
		turn := func(what string, takes int) error { return p.turn(t.Context(), everywhere, what, classThread, takes) }
		if err := turn("burst", 2*editBurst); err != nil { // more than there ever are count as all
			t.Fatal(err)
		}
		waits := func(what string, takes int, after time.Duration) {
			t.Helper()
			later, ok := errors.AsType[*deliver.SlackError](turn(what, takes))
			if !ok || later.RetryAfter.Round(time.Millisecond) != after {
				t.Errorf("%s: %+v, want it back after %v", what, later, after)
			}
		}
		waits("three", 3, 3*editEvery)
		waits("one", 1, 4*editEvery)
		time.Sleep(3 * editEvery)
		if err := turn("three", 3); err != nil {
			t.Error(err)
		}
		waits("one", 1, editEvery)
	})
}

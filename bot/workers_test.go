package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/handlers/step"
)

// doer is a handler as a test wants it, and counts.
type doer struct {
	store approvals.Store
	do    func(ctx context.Context, item approvals.Item) error

	mu    sync.Mutex
	calls map[string]int // by the item's request
	aside map[string]string
}

func (d *doer) Handle(ctx context.Context, item approvals.Item) error {
	d.mu.Lock()
	d.calls[item.Request]++
	d.mu.Unlock()
	if d.do == nil {
		return nil
	}
	return d.do(ctx, item)
}

func (d *doer) Park(ctx context.Context, item approvals.Item, cause error) error {
	d.mu.Lock()
	d.aside[item.Request] = cause.Error()
	d.mu.Unlock()
	return d.store.Park(ctx, item, cause.Error())
}

func (d *doer) count(request string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls[request]
}

func (d *doer) total() (different, all int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.calls {
		all += n
	}
	return len(d.calls), all
}

// crew is the workers of one replica, at work.
type crew struct {
	*workers
	*doer
	taking, working context.CancelFunc
	witness         witness
	done            chan struct{}
}

// die ends a replica as a crash does, as far as the store can see: what is in hand is neither
// finished nor kept.
func (c *crew) die() { c.taking(); c.working(); <-c.done }

func newCrew(
	t *testing.T, store approvals.Store, log *book, name string, do func(ctx context.Context, item approvals.Item) error,
) *crew {
	t.Helper()
	c := &crew{
		doer: &doer{store: store, do: do, calls: map[string]int{}, aside: map[string]string{}}, done: make(chan struct{}),
	}
	c.workers = &workers{store: store, handle: c.doer, name: name, slots: 16, log: log.logger(), status: newStatus()}
	c.watch = watches{&c.witness}
	base := context.WithoutCancel(t.Context())
	var taking, working context.Context
	taking, c.taking = context.WithCancel(base)
	working, c.working = context.WithCancel(base)
	go func() {
		defer close(c.done)
		c.run(taking, working)
	}()
	t.Cleanup(c.die)
	return c
}

func queue(t *testing.T, store *redisstore.Store, requests ...string) {
	t.Helper()
	for _, r := range requests {
		if _, err := store.Accept(t.Context(), approvals.Item{Kind: "test", Request: r}); err != nil {
			t.Fatal(err)
		}
	}
}

// left is how many items are still in the store's inbox.
func left(t *testing.T, db *redis.Client) int64 {
	t.Helper()
	n, err := db.XLen(t.Context(), "{revokebot}:work").Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// stuck is a handler that never returns by itself, as in a process that was killed.
func stuck(ctx context.Context, _ approvals.Item) error { <-ctx.Done(); return context.Cause(ctx) }

func TestWhatADeadReplicaHadInHandIsTakenOverWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		log := newBook(t)
		first := newCrew(t, store, log, "first", stuck)
		queue(t, store, "A", "B", "C")
		until(t, "the first has them", func() bool { different, _ := first.total(); return different == 3 })
		second := newCrew(t, store, log, "second", nil)
		time.Sleep(time.Minute)
		if _, n := second.total(); n != 0 {
			t.Fatalf("%d items were taken from a replica that works on them", n)
		}
		first.die()
		at := time.Now()
		until(t, "the second has done them", func() bool { return left(t, db) == 0 })
		if took := time.Since(at); took > abandoned+claimEvery+keepEvery {
			t.Errorf("that took %v", took)
		}
		if different, all := second.total(); different != 3 || all != 3 {
			t.Errorf("the second did %d items %d times", different, all)
		}
	})
}

func TestAnIdleReplicaTakesOverAllThatManyDeadOnesLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		log := newBook(t)
		var names []string
		for i := range 100 {
			names = append(names, fmt.Sprint("R", i))
		}
		queue(t, store, names...)
		for i := range 7 {
			dead := newCrew(t, store, log, fmt.Sprint("dead", i), stuck)
			until(t, "its hands are full", func() bool { different, _ := dead.total(); return different == min(16, 100-16*i) })
			dead.die()
		}
		at := time.Now()
		next := newCrew(t, store, log, "next", func(context.Context, approvals.Item) error {
			time.Sleep(200 * time.Millisecond)
			return nil
		})
		until(t, "all is done", func() bool { return left(t, db) == 0 })
		t.Logf("%v for 100 items", time.Since(at))
		if took := time.Since(at); took > 2*time.Minute {
			t.Errorf("that took %v", took)
		}
		if different, all := next.total(); different != 100 || all != 100 {
			t.Errorf("it did %d items %d times", different, all)
		}
	})
}

func TestAnItemThatIsWorkedOnForAMinuteIsNotTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		log := newBook(t)
		slow := func(context.Context, approvals.Item) error { time.Sleep(time.Minute); return nil }
		one, two := newCrew(t, store, log, "one", slow), newCrew(t, store, log, "two", slow)
		queue(t, store, "A")
		until(t, "it is done", func() bool { return left(t, db) == 0 })
		if n := one.count("A") + two.count("A"); n != 1 {
			t.Errorf("done %d times", n)
		}
	})
}

func TestAPoisonousItemIsParkedAfterFiveTriesAndTheRestGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		log := newBook(t, "an item was parked", "a handler panicked")
		c := newCrew(t, store, log, "one", func(_ context.Context, item approvals.Item) error {
			switch {
			case strings.HasPrefix(item.Request, "BAD"):
				return errors.New("no sense can be made of it")
			case strings.HasPrefix(item.Request, "PANIC"):
				panic("of a handler")
			}
			return nil
		})
		queue(t, store, "BAD1", "PANIC1", "GOOD1")
		until(t, "the good one is done", func() bool { return c.count("GOOD1") == 1 })
		for i := range 60 {
			queue(t, store, fmt.Sprint("MORE", i))
			time.Sleep(time.Second)
			if c.count(fmt.Sprint("MORE", i)) != 1 {
				t.Fatalf("the rest does not go on after %d s", i)
			}
		}
		until(t, "both bad ones are parked", func() bool { return left(t, db) == 0 })
		for _, bad := range []string{"BAD1", "PANIC1"} {
			if n := c.count(bad); n != maxTries || c.aside[bad] != "failed 5 times" {
				t.Errorf("%s was tried %d times, and then: %q", bad, n, c.aside[bad])
			}
		}
		if n := db.XLen(t.Context(), "{revokebot}:parked").Val(); n != 2 {
			t.Errorf("%d items are kept for a person to look at", n)
		}
		if n := strings.Count(log.String(), "a handler panicked"); n != maxTries {
			t.Errorf("%d panics in the log", n)
		}
		if gone, failed, done := c.witness.count("gave_up"), c.witness.count("failed"), c.witness.count("done"); gone != 2 ||
			failed != 2*maxTries || done != 61 {
			t.Errorf("%d gave up, %d tries failed, %d are done", gone, failed, done)
		}
	})
}

func TestManyItemsThatHangDoNotKeepOthersFromBeingTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, _ := newRedis(t)
		log := newBook(t)
		dead := newCrew(t, store, log, "dead", stuck)
		queue(t, store, "LEFT")
		until(t, "it is in hand", func() bool { return dead.count("LEFT") == 1 })
		dead.die()
		c := newCrew(t, store, log, "one", func(ctx context.Context, item approvals.Item) error {
			if item.Request == "LEFT" {
				return nil
			}
			return stuck(ctx, item)
		})
		for i := range 40 {
			queue(t, store, fmt.Sprint("HANGS", i))
		}
		until(t, "what was left is done", func() bool { return c.count("LEFT") == 1 })
		if different, _ := c.total(); different != 17 {
			t.Errorf("%d items were begun", different)
		}
	})
}

func TestTwoReplicasShareTheWorkAndNothingIsDoneTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		log := newBook(t)
		slow := func(context.Context, approvals.Item) error { time.Sleep(300 * time.Millisecond); return nil }
		one, two := newCrew(t, store, log, "one", slow), newCrew(t, store, log, "two", slow)
		for i := range 300 {
			queue(t, store, fmt.Sprint("R", i))
		}
		until(t, "all is done", func() bool { return left(t, db) == 0 })
		first, firstAll := one.total()
		second, secondAll := two.total()
		if first+second != 300 || firstAll+secondAll != 300 || first < 60 || second < 60 {
			t.Errorf("one did %d items %d times, the other %d items %d times", first, firstAll, second, secondAll)
		}
	})
}

func TestAnItemThatIsToComeAgainComesAgainAsItsNextAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		var mu sync.Mutex
		var at []time.Duration
		started := time.Now()
		newCrew(t, store, newBook(t), "one", func(_ context.Context, item approvals.Item) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(started).Round(time.Second))
			if item.Attempt < 10 {
				return fmt.Errorf("wrapped: %w", &step.Again{After: 30 * time.Second})
			}
			return nil
		})
		queue(t, store, "A")
		time.Sleep(10 * time.Minute)
		if left(t, db) != 0 || len(at) != 11 || at[10] < 5*time.Minute || at[10] > 5*time.Minute+15*time.Second {
			t.Errorf("handled at %v, %d left", at, left(t, db))
		}
	})
}

func TestAStopFinishesWhatIsInHandAndTellsTheStoreEvenWhenItsTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		c := newCrew(t, store, newBook(t), "one", func(ctx context.Context, item approvals.Item) error {
			if item.Request == "PATIENT" {
				<-ctx.Done() // it is done just when the time is up
				return nil
			}
			time.Sleep(5 * time.Second)
			return nil
		})
		queue(t, store, "A", "B", "PATIENT")
		until(t, "they are in hand", func() bool { different, _ := c.total(); return different == 3 })
		c.taking()
		time.Sleep(2 * takeWait) // what a call that is under way still takes is done as well
		queue(t, store, "LATE")
		time.Sleep(10 * time.Second)
		if n := left(t, db); n != 2 {
			t.Fatalf("%d items are left, want the patient one and the late one", n)
		}
		c.working()
		<-c.done
		if n := left(t, db); n != 1 || c.count("LATE") != 0 {
			t.Errorf("%d items are left, want the late one", n)
		}
	})
}

func TestWhatWasInHandWhenTheTimeWasUpComesBackAtTheNextStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		log := newBook(t)
		first := newCrew(t, store, log, "first", stuck)
		queue(t, store, "A", "B")
		until(t, "they are in hand", func() bool { different, _ := first.total(); return different == 2 })
		first.die()
		if n := left(t, db); n != 2 {
			t.Fatalf("%d items are left", n)
		}
		second := newCrew(t, store, log, "second", nil)
		until(t, "they are done", func() bool { return left(t, db) == 0 })
		if second.count("A") != 1 || second.count("B") != 1 {
			t.Errorf("done %v", second.calls)
		}
	})
}

func TestWorkersSurviveAStoreThatIsAwayForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		away := &awayStore{Store: store}
		log := newBook(t)
		c := newCrew(t, away, log, "one", nil)
		away.set(true)
		time.Sleep(time.Hour)
		lines := strings.Count(log.String(), "the store did not answer")
		t.Logf("%d lines in the log", lines)
		if lines == 0 || lines > 3*3600 {
			t.Errorf("%d lines in the log", lines)
		}
		if h := c.status.health(); h.Ready {
			t.Error("ready without a store")
		}
		away.set(false)
		queue(t, store, "A")
		until(t, "it is done", func() bool { return left(t, db) == 0 })
	})
}

// awayStore is a store that can be away.
type awayStore struct {
	approvals.Store
	mu   sync.Mutex
	away bool
}

func (s *awayStore) set(away bool) { s.mu.Lock(); s.away = away; s.mu.Unlock() }

func (s *awayStore) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errors.New("connection refused")
	}
	return nil
}

func (s *awayStore) Take(ctx context.Context, worker string, n int, wait time.Duration) ([]approvals.Item, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Take(ctx, worker, n, wait)
}

func (s *awayStore) Claim(ctx context.Context, worker string, idle time.Duration, n int) ([]approvals.Item, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Claim(ctx, worker, idle, n)
}

func (s *awayStore) Promote(ctx context.Context, n int) (time.Duration, error) {
	if err := s.err(); err != nil {
		return 0, err
	}
	return s.Store.Promote(ctx, n)
}

package bot

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

// slowStore is a store that takes its time: what it is told arrives, and its answer comes late or
// never.
type slowStore struct {
	approvals.Store
	mu     sync.Mutex
	mute   bool          // signs of life do not arrive
	lost   int           // so many answers to a claim are lost
	late   time.Duration // how long the others take
	claims int           // how many items it has handed out by claims
	blind  bool          // no try can be counted
}

func (s *slowStore) Begin(ctx context.Context, worker string, item approvals.Item) (bool, error) {
	if s.blind {
		return false, errors.New("i/o timeout")
	}
	return s.Store.Begin(ctx, worker, item)
}

func (s *slowStore) handedOut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims
}

func (s *slowStore) Keep(ctx context.Context, worker string, items []approvals.Item) error {
	if s.mute {
		return errors.New("i/o timeout")
	}
	return s.Store.Keep(ctx, worker, items)
}

func (s *slowStore) Claim(ctx context.Context, worker string, idle time.Duration, n int) ([]approvals.Item, error) {
	items, err := s.Store.Claim(ctx, worker, idle, n)
	if len(items) == 0 {
		return items, err
	}
	time.Sleep(s.late)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims += len(items)
	if s.claims <= s.lost {
		return nil, errors.New("i/o timeout")
	}
	return items, err
}

// tries is a handler that notes which try it was told of.
type tries struct {
	mu   sync.Mutex
	told []int64
}

func (h *tries) handle(_ context.Context, item approvals.Item) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, item.Tries)
	return nil
}

func TestWhatALiveWorkerHasInHandIsNotCountedAsATryHoweverSlowTheStoreIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		log := newBook(t)
		slow := &slowStore{Store: store, mute: true}
		first := newCrew(t, slow, log, "first", stuck)
		queue(t, store, "A")
		until(t, "it was claimed more often than it may be tried", func() bool { return slow.handedOut() > 2*maxTries })
		if n := first.count("A"); n != 1 {
			t.Fatalf("begun %d times", n)
		}
		first.die()
		inherits(t, store, db, log)
	})
}

// inherits lets a second process take item A over from one that died, which has to be its second
// try.
func inherits(t *testing.T, store approvals.Store, db *redis.Client, log *book) {
	t.Helper()
	var heir tries
	second := newCrew(t, store, log, "second", heir.handle)
	until(t, "the second has done it", func() bool { return left(t, db) == 0 })
	if n := db.XLen(t.Context(), "{revokebot}:parked").Val(); n != 0 || second.count("A") != 1 || heir.told[0] != 2 {
		t.Errorf("%d parked, handled %d times, as try %v", n, second.count("A"), heir.told)
	}
}

func TestAClaimWhoseAnswerIsLostIsNoTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		log := newBook(t)
		first := newCrew(t, store, log, "first", stuck)
		queue(t, store, "A")
		until(t, "it is in hand", func() bool { return first.count("A") == 1 })
		first.die()
		slow := &slowStore{Store: store, lost: 2 * maxTries}
		inherits(t, slow, db, log)
	})
}

func TestWhatWasFinishedWhileItWasClaimedIsNotBegunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		slow := &slowStore{Store: store, mute: true, late: 5 * time.Second}
		c := newCrew(t, slow, newBook(t), "one", func(context.Context, approvals.Item) error {
			time.Sleep(abandoned + claimEvery + time.Second)
			return nil
		})
		queue(t, store, "A")
		time.Sleep(time.Minute)
		if n := slow.handedOut(); n != 1 {
			t.Fatalf("%d claims were answered", n)
		}
		if n := c.count("A"); n != 1 || left(t, db) != 0 {
			t.Errorf("begun %d times, %d left", n, left(t, db))
		}
	})
}

func TestWhatWasLeftIsHandledAlsoWhereTheTryCannotBeCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		log := newBook(t)
		first := newCrew(t, store, log, "first", stuck)
		queue(t, store, "A")
		until(t, "it is in hand", func() bool { return first.count("A") == 1 })
		first.die()
		second := newCrew(t, &slowStore{Store: store, blind: true}, log, "second", nil)
		until(t, "the second has done it", func() bool { return left(t, db) == 0 })
		if n := second.count("A"); n != 1 {
			t.Errorf("handled %d times", n)
		}
	})
}

package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/step"
	"github.com/revokebot/revokebot/internal/times"
)

const (
	takeWait   = time.Second     // how long one Take waits for work
	keepEvery  = 2 * time.Second // a sign of life for the items in hand
	claimEvery = 2 * time.Second // looks for items that other workers left
	abandoned  = 8 * time.Second // an item without a sign of life for so long may be claimed
	sweepEvery = time.Minute     // looks for what is late by the logs
	maxTries   = 5               // then it is parked
	storeWait  = time.Second     // after the store did not answer
	noteWithin = 2 * time.Second // for telling the store what became of an item, also when the bot is stopping
	shortNap   = time.Second     // the longest that a new timer may go unnoticed
)

// handler does items; *handlers.Handlers is one.
type handler interface {
	Handle(ctx context.Context, item approvals.Item) error
	Park(ctx context.Context, item approvals.Item, cause error) error
}

// workers take items from the store and have them handled.
type workers struct {
	store  approvals.Store
	handle handler
	name   string // of this process among all that ever were
	slots  int    // new items handled at one time; those that others left come on top, a quarter as many
	log    *slog.Logger
	status *status
	watch  watches
	sweep  func(context.Context) error // does what is late by the logs; nil: nothing

	mu     sync.Mutex
	inHand map[string]approvals.Item
}

// run takes items until ctx ends, and then finishes what is in hand; work is the context of that,
// and ends later.
func (w *workers) run(ctx, work context.Context) {
	w.inHand = make(map[string]approvals.Item)
	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	var loops, keeper, items sync.WaitGroup
	start := func(item approvals.Item, free chan<- struct{}) {
		w.mu.Lock()
		w.inHand[item.ID] = item
		w.mu.Unlock()
		items.Go(func() {
			defer func() { free <- struct{}{} }()
			w.do(work, item)
		})
	}
	loops.Go(func() { w.takeLoop(ctx, places(w.slots), start) })
	loops.Go(func() { w.claimLoop(ctx, places(max(1, w.slots/4)), start) })
	loops.Go(func() { w.dueLoop(ctx) })
	loops.Go(func() { w.sweepLoop(ctx, work) })
	keeper.Go(func() { w.keepLoop(keeping) })
	loops.Wait()
	items.Wait()
	stopKeeping()
	keeper.Wait()
}

// places is a channel with n tokens: who handles an item holds one.
func places(n int) chan struct{} {
	free := make(chan struct{}, n)
	for range n {
		free <- struct{}{}
	}
	return free
}

// takeLoop hands out new items while there are free slots.
func (w *workers) takeLoop(ctx context.Context, free chan struct{}, start func(approvals.Item, chan<- struct{})) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-free:
		}
		n := 1
		for n < w.slots && len(free) > 0 {
			<-free
			n++
		}
		items, err := w.store.Take(ctx, w.name, n, takeWait)
		for range n - len(items) {
			free <- struct{}{}
		}
		for _, item := range items {
			start(item, free)
		}
		w.noteStore(ctx, "take work", err)
	}
}

// claimLoop takes over what others left: one item after the other as long as there are places, so
// that a bad one does not hold the rest and all that a dead replica had is taken over at the first
// look. The places are its own: takeLoop holds all of its free ones while it waits.
func (w *workers) claimLoop(ctx context.Context, free chan struct{}, start func(approvals.Item, chan<- struct{})) {
	for times.Pause(ctx, claimEvery) {
		for w.claim(ctx, free, start) {
			continue
		}
	}
}

// claim takes over one item. It reports false when there is none, no place for it, or no time left.
func (w *workers) claim(ctx context.Context, free chan struct{}, start func(approvals.Item, chan<- struct{})) bool {
	select {
	case <-free:
	default:
		return false
	}
	items, err := w.store.Claim(ctx, w.name, abandoned, 1)
	if err != nil || len(items) == 0 {
		free <- struct{}{}
		w.noteStore(ctx, "claim work", err)
		return false
	}
	if w.holds(items[0]) {
		// The store could not be told in time that it is worked on here. Claiming it was a sign of life,
		// and no try.
		free <- struct{}{}
		return ctx.Err() == nil
	}
	start(items[0], free)
	return ctx.Err() == nil
}

// holds reports whether this process has the item in hand.
func (w *workers) holds(item approvals.Item) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, held := w.inHand[item.ID]
	return held
}

// dueLoop queues what has come due.
func (w *workers) dueLoop(ctx context.Context) {
	for {
		next, err := w.store.Promote(ctx, 100)
		w.noteStore(ctx, "look for what has come due", err)
		// Another replica, or this one, may set a nearer timer meanwhile.
		if !times.Pause(ctx, min(max(next, time.Millisecond), shortNap)) {
			return
		}
	}
}

// sweepLoop makes up for timers that are gone.
func (w *workers) sweepLoop(ctx, work context.Context) {
	for w.sweep != nil && times.Pause(ctx, sweepEvery) {
		if err := w.sweep(work); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "the sweep did not come to its end", "error", err)
		}
	}
}

func (w *workers) keepLoop(ctx context.Context) {
	for times.Pause(ctx, keepEvery) {
		w.mu.Lock()
		items := slices.Collect(maps.Values(w.inHand))
		w.mu.Unlock()
		if err := w.store.Keep(ctx, w.name, items); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "no sign of life for the work in hand", "error", err)
		}
	}
}

// noteStore logs the store's trouble and waits a little after it.
func (w *workers) noteStore(ctx context.Context, doing string, err error) {
	if err == nil {
		w.status.storeAnswered()
		return
	}
	if ctx.Err() != nil {
		return
	}
	w.log.WarnContext(ctx, "the store did not answer", "doing", doing, "error", err)
	times.Pause(ctx, storeWait)
}

// do handles one item and says what became of it.
func (w *workers) do(ctx context.Context, item approvals.Item) {
	defer func() {
		w.mu.Lock()
		delete(w.inHand, item.ID)
		w.mu.Unlock()
	}()
	ctx, ended := w.watch.item(ctx, item)
	if item.Tries > maxTries {
		w.parkItem(ctx, item, fmt.Errorf("failed %d times", item.Tries-1))
		ended(ItemGaveUp)
		return
	}
	if item.Tries > 1 && !w.begin(ctx, item) {
		return
	}
	err := w.guarded(ctx, item)
	noted, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	var then error
	outcome := ItemDone
	defer func() { ended(outcome) }()
	switch again, isAgain := errors.AsType[*step.Again](err); {
	case isAgain:
		outcome = ItemAgain
		if again.Busy {
			outcome = ItemBusy
			item.Attempt-- // Postpone counts the next one
		}
		then = w.store.Postpone(noted, item, again.After)
	case err != nil:
		// It stays in the pending list and is claimed again when no worker has kept it for a while.
		outcome = ItemFailed
		w.log.WarnContext(ctx, "an item failed and will be tried again", "item", item.ID, "kind", item.Kind,
			"request", item.Request,
			"try", item.Tries, "error", err)
	default:
		then = w.store.Done(noted, item)
	}
	if then != nil {
		w.log.WarnContext(ctx, "an item was handled, but the store does not know it yet", "item", item.ID, "kind", item.Kind,
			"error", then)
	}
}

// begin counts the try of an item that was claimed, before it can take the process with it. It
// reports false when the item was finished, or claimed by another, while the store's answer was on
// its way. Where the store does not answer the item is handled all the same: a try too many does no
// harm, and one that is counted and not made would.
func (w *workers) begin(ctx context.Context, item approvals.Item) bool {
	counted, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	mine, err := w.store.Begin(counted, w.name, item)
	if err != nil {
		w.log.WarnContext(ctx, "a try could not be counted", "item", item.ID, "kind", item.Kind, "try", item.Tries,
			"error", err)
		return true
	}
	return mine
}

// guarded turns a panic into an error: one bad item must not take the process with it.
func (w *workers) guarded(ctx context.Context, item approvals.Item) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.log.ErrorContext(ctx, "a handler panicked", "item", item.ID, "kind", item.Kind, "panic", fmt.Sprint(p),
				"stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return w.handle.Handle(ctx, item)
}

func (w *workers) parkItem(ctx context.Context, item approvals.Item, cause error) {
	w.log.ErrorContext(ctx, "an item was parked", "item", item.ID, "kind", item.Kind, "request", item.Request,
		"cause", cause)
	if err := w.handle.Park(ctx, item, cause); err != nil {
		w.log.WarnContext(ctx, "an item could not be parked yet", "item", item.ID, "error", err)
	}
}

package handlers

import (
	"context"
	"sync"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/step"
)

// line bounds how many items are done at one time. One that finds no place comes back when it
// should have one, by how long those before it took and how many wait: each wait in Redis costs a
// dozen commands.
type line struct {
	places chan struct{}
	turn   time.Duration // the least that an item is away
	most   time.Duration // another replica may be free

	mu   sync.Mutex
	took time.Duration // as items take by experience
	next time.Time     // when a place is free for one more
}

func newLine(places int, turn, most time.Duration) *line {
	return &line{places: make(chan struct{}, places), turn: turn, most: most, took: turn}
}

// ifFree does an item if there is a place, else it comes back.
func (l *line) ifFree(
	ctx context.Context, item approvals.Item, do func(context.Context, approvals.Item) error,
) error {
	select {
	case l.places <- struct{}{}:
	default:
		return &step.Again{After: l.wait(), Busy: true}
	}
	began := time.Now()
	defer func() {
		l.mu.Lock()
		l.took += (time.Since(began) - l.took) / 4
		l.mu.Unlock()
		<-l.places
	}()
	return do(ctx, item)
}

// wait is how long it is until an item that found no place should have one.
func (l *line) wait() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.next.Before(now) {
		l.next = now
	}
	if after := l.next.Sub(now); after < l.most {
		l.next = l.next.Add(l.took / time.Duration(cap(l.places)))
	}
	return min(max(l.next.Sub(now), l.turn), l.most)
}

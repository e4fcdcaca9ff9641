package approvalstest

import (
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// numbered accepts so many items, with sources 0, 1, 2, …
func (b *bench) numbered(n int) {
	b.Helper()
	for i := range n {
		b.accept(approvals.Item{Kind: "click", Source: fmt.Sprint(i)})
	}
}

// sources lists where items come from, sorted.
func sources(items []approvals.Item) []string {
	out := make([]string, 0, len(items))
	for _, item := range items {
		out = append(out, item.Source)
	}
	slices.Sort(out)
	return out
}

var working = []sentence{
	{name: "a worker takes as many items as it asks for", test: func(b *bench) {
		b.numbered(5)
		b.same("taken", []int{len(b.take(2)), len(b.take(2)), len(b.take(2)), len(b.take(2))}, []int{2, 2, 1, 0})
	}},
	{name: "an item is handed to one worker", test: func(b *bench) {
		b.numbered(4)
		mine := b.take(2)
		theirs, err := b.Another.Take(b.ctx, rival, 10, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.same("handed out", sources(append(mine, theirs...)), []string{"0", "1", "2", "3"})
	}},
	{name: "a worker without work waits as long as it said", test: func(b *bench) {
		before := b.now()
		items, err := b.Store.Take(b.ctx, worker, 1, 2*b.span)
		if waited := b.now().Sub(before); err != nil || len(items) != 0 || waited < 2*b.span {
			b.Errorf("after %v: %v, %v", waited, items, err)
		}
	}},
	{name: "a worker that waits is handed what comes in", test: func(b *bench) {
		taken := make(chan []approvals.Item)
		go func() {
			items, err := b.Another.Take(b.ctx, rival, 1, time.Minute)
			if err != nil {
				b.Errorf("take: %v", err)
			}
			taken <- items
		}()
		b.accept(envelope)
		items := <-taken
		if len(items) != 1 {
			b.Fatalf("handed out: %v", items)
		}
		b.same("the item", bare(items[0]), envelope)
	}},
	{name: "what is done is not claimed", test: func(b *bench) {
		b.numbered(2)
		for _, item := range b.take(2) {
			b.done(item)
		}
		b.same("claimed", len(b.claim(rival, 0, 10)), 0)
	}},
	{name: "what a worker left alone is claimed, and counted as a try when it is begun", test: func(b *bench) {
		b.accept(envelope)
		item := b.take(1)[0]
		for try := int64(2); try < 7; try++ {
			b.Advance(b.span)
			who := []string{worker, rival}[try%2]
			claimed := b.claim(who, b.span, 10)
			if len(claimed) != 1 || claimed[0].Tries != try || claimed[0].ID != item.ID {
				b.Fatalf("try %d: %+v", try, claimed)
			}
			b.same("the item", bare(claimed[0]), envelope)
			b.same("begun", b.begun(who, claimed[0]), true)
			b.same("begun again, as the answer was lost", b.begun(who, claimed[0]), true)
		}
		b.done(item)
		b.Advance(b.span)
		b.same("claimed when it was done", len(b.claim(worker, b.span, 10)), 0)
	}},
	{name: "what is claimed and never begun is no try", test: func(b *bench) {
		b.accept(envelope)
		b.take(1)
		for range 6 {
			b.Advance(b.span)
			claimed := b.claim(rival, b.span, 1)
			if len(claimed) != 1 || claimed[0].Tries != 2 {
				b.Fatalf("claimed: %+v", claimed)
			}
		}
	}},
	{name: "what was done or claimed by another is not begun", test: func(b *bench) {
		b.accept(envelope)
		b.take(1)
		b.Advance(b.span)
		first := b.claim(rival, b.span, 1)
		b.Advance(b.span)
		second := b.claim("worker 3", b.span, 1)
		if len(first) != 1 || len(second) != 1 {
			b.Fatalf("claimed: %+v, %+v", first, second)
		}
		b.same("begun by whom it was taken from", b.begun(rival, first[0]), false)
		b.Advance(b.span)
		b.same("and it counts as no try", b.claim(worker, b.span, 1)[0].Tries, int64(2))
		b.done(first[0])
		b.same("begun when it was done", b.begun(worker, first[0]), false)
		b.Advance(b.span)
		b.same("claimed when it was done", len(b.claim(rival, b.span, 1)), 0)
	}},
	{name: "to begin something is a sign of life", test: func(b *bench) {
		b.quickly(2.4, func(name string) func() {
			b.accept(approvals.Item{Kind: "click", Source: name})
			b.take(1)
			b.Advance(b.span)
			item := b.claim(rival, b.span, 1)[0]
			b.Advance(b.span / 2)
			b.begun(rival, item)
			b.Advance(b.span / 2)
			again := b.claim(worker, b.span, 1)
			b.done(item)
			return func() { b.same("claimed", len(again), 0) }
		})
	}},
	{name: "what was taken just now is not claimed", test: func(b *bench) {
		b.numbered(3)
		b.take(3)
		b.Advance(b.span)
		b.same("claimed", len(b.claim(rival, never, 10)), 0)
	}},
	{name: "what was claimed just now is not claimed again", test: func(b *bench) {
		b.quickly(2, func(name string) func() {
			b.accept(approvals.Item{Kind: "click", Source: name})
			b.take(1)
			b.Advance(b.span)
			first, second := b.claim(rival, b.span, 1), b.claim(worker, b.span, 1)
			for _, item := range append(first, second...) {
				b.done(item)
			}
			return func() {
				if len(first) != 1 || len(second) != 0 {
					b.Errorf("claimed %d and then %d", len(first), len(second))
				}
			}
		})
	}},
	{name: "a worker claims as many items as it asks for", test: func(b *bench) {
		b.numbered(5)
		b.take(5)
		b.Advance(b.span)
		first := b.claim(rival, b.span, 2)
		if len(first) != 2 {
			b.Fatalf("claimed %d", len(first))
		}
	}},
	{name: "what was not taken yet is not claimed", test: func(b *bench) {
		b.numbered(2)
		b.Advance(b.span)
		b.same("claimed", len(b.claim(rival, 0, 10)), 0)
		b.same("taken", len(b.take(10)), 2)
	}},
	{name: "what a worker keeps is not claimed", test: func(b *bench) {
		b.quickly(2, func(name string) func() {
			b.accept(approvals.Item{Kind: "click", Source: name})
			items := b.take(1)
			var claimed []approvals.Item
			for range 5 {
				b.Advance(b.span / 4)
				b.is(b.Store.Keep(b.ctx, worker, items), nil)
				claimed = append(claimed, b.claim(rival, b.span, 1)...)
			}
			b.done(items[0])
			return func() { b.same("claimed", len(claimed), 0) }
		})
	}},
	{name: "to keep something is not a try", test: func(b *bench) {
		b.accept(envelope)
		items := b.take(1)
		for range 3 {
			b.is(b.Store.Keep(b.ctx, worker, items), nil)
		}
		b.Advance(b.span)
		if claimed := b.claim(rival, b.span, 1); len(claimed) != 1 || claimed[0].Tries != 2 {
			b.Errorf("claimed after it was kept: %+v", claimed)
		}
	}},
	{name: "what another worker has claimed is not kept", test: func(b *bench) {
		b.accept(envelope)
		items := b.take(1)
		b.Advance(b.span)
		claimed := b.claim(rival, b.span, 1)
		if len(claimed) != 1 || !b.begun(rival, claimed[0]) {
			b.Fatalf("claimed: %v", claimed)
		}
		b.Advance(b.span)
		if err := b.Store.Keep(b.ctx, worker, items); err != nil {
			b.Fatal(err)
		}
		if claimed := b.claim("worker 3", b.span, 1); len(claimed) != 1 || claimed[0].Tries != 3 {
			b.Errorf("claimed from the rival: %+v", claimed)
		}
	}},
	{name: "what is done cannot be kept", test: func(b *bench) {
		b.accept(envelope)
		items := b.take(1)
		b.done(items[0])
		b.is(b.Store.Keep(b.ctx, worker, items), nil)
		b.is(b.Store.Keep(b.ctx, worker, nil), nil)
		b.Advance(b.span)
		b.same("claimed", len(b.claim(rival, b.span, 1)), 0)
	}},
	{name: "what is postponed comes back as its next attempt and first try", test: func(b *bench) {
		b.accept(envelope)
		b.take(1)
		b.Advance(b.span)
		item := b.claim(worker, b.span, 1)[0]
		b.is(b.Store.Postpone(b.ctx, item, b.span), nil)
		b.same("claimed", len(b.claim(rival, 0, 1)), 0)
		b.Advance(b.span)
		b.promote()
		items := b.take(10)
		if len(items) != 1 || items[0].Tries != 1 {
			b.Fatalf("it came back as %+v", items)
		}
		want := envelope
		want.Attempt++
		b.same("the item", bare(items[0]), want)
	}},
	{name: "what is postponed does not come back before its time", test: func(b *bench) {
		b.accept(envelope)
		b.is(b.Store.Postpone(b.ctx, b.take(1)[0], never), nil)
		b.Advance(b.span)
		b.promote()
		b.same("taken and claimed", []int{len(b.take(1)), len(b.claim(rival, 0, 1))}, []int{0, 0})
	}},
	{name: "what is parked does not come back", test: func(b *bench) {
		b.numbered(2)
		items := b.take(2)
		b.is(b.Store.Park(b.ctx, items[0], "it failed five times"), nil)
		b.Advance(b.span)
		b.promote()
		b.same("taken", len(b.take(10)), 0)
		b.same("claimed", sources(b.claim(rival, b.span, 10)), []string{items[1].Source})
	}},
	{name: "after the store lost everything, workers go on", test: func(b *bench) {
		b.numbered(1)
		item := b.take(1)[0]
		b.Empty()
		b.same("begun", b.begun(worker, item), false)
		b.Empty()
		b.same("claimed", len(b.claim(rival, 0, 1)), 0)
		b.accept(envelope)
		b.same("taken", bareAll(b.patiently()), []approvals.Item{envelope})
	}},
	{name: "a worker that waits while the store loses everything goes on", test: func(b *bench) {
		taken := make(chan []approvals.Item)
		go func() { taken <- b.patiently() }()
		b.Advance(b.span)
		b.Empty()
		b.accept(envelope)
		b.same("taken", bareAll(<-taken), []approvals.Item{envelope})
	}},
}

// patiently takes until there is something, as a worker does, which logs an error and asks again.
func (b *bench) patiently() []approvals.Item {
	for {
		if items, _ := b.Another.Take(b.ctx, worker, 10, 5*b.span); len(items) > 0 {
			return items
		}
	}
}

func bareAll(items []approvals.Item) []approvals.Item {
	var out []approvals.Item
	for _, item := range items {
		out = append(out, bare(item))
	}
	return out
}

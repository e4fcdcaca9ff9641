package approvalstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// openingFor is what is asked for about a subject, with a time to expire.
func openingFor(subject string, expireAfter time.Duration) approvals.Opening {
	return approvals.Opening{
		Purpose: approvals.Revoke.Do(),
		Subject: approvals.Subject{Key: subject, Group: "prod", Facts: json.RawMessage(`{"name":"DeployRole"}`)},
		Place:   approvals.Place{Team: "T0HOME", App: "A0BOT", Channel: "C0INCIDENT"},
		Reason:  "key in a gist", Required: 2, ExpireAfter: expireAfter,
	}
}

// opened starts a request that nobody else has asked for.
func (b *bench) opened(id, subject string, expireAfter time.Duration) {
	b.Helper()
	other, err := b.Store.Open(b.ctx, id, alice, "command "+id, openingFor(subject, expireAfter))
	if err != nil || other != "" {
		b.Fatalf("open %s: %q, %v", id, other, err)
	}
	b.promote() // its delivery is due
}

// underWay reports the request under way for a subject, by asking for one more. It must be known
// that there is one.
func (b *bench) underWay(subject string) string {
	b.Helper()
	other, err := b.Store.Open(b.ctx, "a probe of "+subject, alice, "", openingFor(subject, never))
	if err != nil {
		b.Fatalf("open: %v", err)
	}
	return other
}

func (b *bench) load(id string) (approvals.Request, []approvals.Event) {
	b.Helper()
	r, events, err := b.Store.Load(b.ctx, id)
	if err != nil {
		b.Fatalf("load %s: %v", id, err)
	}
	return r, events
}

func (b *bench) commit(t approvals.Transition) {
	b.Helper()
	if err := b.Store.Commit(b.ctx, t); err != nil {
		b.Fatalf("commit: %v", err)
	}
}

func (b *bench) now() time.Time {
	b.Helper()
	now, err := b.Store.Now(b.ctx)
	if err != nil {
		b.Fatal(err)
	}
	return now
}

// take takes what there is, without waiting.
func (b *bench) take(n int) []approvals.Item {
	b.Helper()
	items, err := b.Store.Take(b.ctx, worker, n, 0)
	if err != nil {
		b.Fatalf("take: %v", err)
	}
	return items
}

// drain takes everything and forgets it, and returns what it was without ids and tries.
func (b *bench) drain() []approvals.Item {
	b.Helper()
	var all []approvals.Item
	for {
		items := b.take(100)
		if len(items) == 0 {
			return all
		}
		for _, item := range items {
			b.done(item)
			all = append(all, bare(item))
		}
	}
}

func (b *bench) done(item approvals.Item) {
	b.Helper()
	if err := b.Store.Done(b.ctx, item); err != nil {
		b.Fatalf("done: %v", err)
	}
}

func (b *bench) claim(who string, idle time.Duration, n int) []approvals.Item {
	b.Helper()
	items, err := b.Store.Claim(b.ctx, who, idle, n)
	if err != nil {
		b.Fatalf("claim: %v", err)
	}
	return items
}

func (b *bench) begun(who string, item approvals.Item) bool {
	b.Helper()
	ok, err := b.Store.Begin(b.ctx, who, item)
	if err != nil {
		b.Fatalf("begin: %v", err)
	}
	return ok
}

func (b *bench) promote() time.Duration {
	b.Helper()
	next, err := b.Store.Promote(b.ctx, 100)
	if err != nil {
		b.Fatalf("promote: %v", err)
	}
	return next
}

func (b *bench) accept(item approvals.Item, ids ...string) bool {
	b.Helper()
	fresh, err := b.Store.Accept(b.ctx, item, ids...)
	if err != nil {
		b.Fatalf("accept: %v", err)
	}
	return fresh
}

func (b *bench) begin(id, who string, lease time.Duration) (approvals.Delivery, bool) {
	b.Helper()
	d, ok, err := b.Store.BeginDelivery(b.ctx, id, who, lease)
	if err != nil {
		b.Fatalf("begin the delivery of %s: %v", id, err)
	}
	return d, ok
}

func (b *bench) mark(id, who string, lease time.Duration, d approvals.Delivery) {
	b.Helper()
	if err := b.Store.MarkDelivery(b.ctx, id, who, lease, d); err != nil {
		b.Fatalf("mark the delivery of %s: %v", id, err)
	}
}

// end ends a delivery that got as far as was marked last.
func (b *bench) end(id, who string, force bool) bool {
	b.Helper()
	d, err := b.Store.Delivered(b.ctx, id)
	if err != nil {
		b.Fatal(err)
	}
	more, err := b.Store.EndDelivery(b.ctx, id, who, d, approvals.Then{Force: force})
	if err != nil {
		b.Fatalf("end the delivery of %s: %v", id, err)
	}
	return more
}

// is fails the test unless err is the expected one.
func (b *bench) is(err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("got %v, want %v", err, want)
	}
}

// same fails the test unless the two are deeply equal.
func (b *bench) same(what string, got, want any) {
	b.Helper()
	if !reflect.DeepEqual(got, want) {
		b.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// types lists the kinds of a log's events.
func types(events []approvals.Event) []approvals.EventType {
	var out []approvals.EventType
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

// kinds lists the kinds of items, sorted: the order of a queue is not promised.
func kinds(items []approvals.Item) []string {
	var out []string
	for _, item := range items {
		out = append(out, item.Kind)
	}
	slices.Sort(out)
	return out
}

func bare(item approvals.Item) approvals.Item {
	item.ID, item.Tries, item.Queued, item.Seal = "", 0, time.Time{}, ""
	item.Event, item.At, item.Age = 0, time.Time{}, 0
	return item
}

// quickly runs a test of something that has not happened yet until the whole of it took less than
// so many spans by the store's clock: only then it says something. try does what is tested with
// names of its own, and returns what to check. The span grows until the machine is fast enough for
// it, except where the retention, which does not, depends on it.
func (b *bench) quickly(spans float64, try func(name string) (check func())) {
	b.Helper()
	for attempt := 0; ; attempt++ {
		before := b.now()
		check := try(fmt.Sprint("attempt ", attempt))
		if b.now().Sub(before) < time.Duration(spans*float64(b.span)) {
			check()
			return
		}
		if !b.retains {
			b.span += b.span / 2
		}
	}
}

package approvalstest

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

var clock = []sentence{
	{name: "the clock goes forward, in UTC and milliseconds", test: func(b *bench) {
		before := b.now()
		b.Advance(b.span)
		after := b.now()
		if passed := after.Sub(before); passed < b.span || b.exact && passed != b.span {
			b.Errorf("in %v the clock went from %v to %v", b.span, before, after)
		}
		if after.Location() != time.UTC || !after.Equal(after.Truncate(time.Millisecond)) {
			b.Errorf("it says %v", after)
		}
	}},
	{name: "all processes have one clock", test: func(b *bench) {
		first := b.now()
		other, err := b.Another.Now(b.ctx)
		if err != nil || other.Before(first) || b.now().Before(other) {
			b.Errorf("the other process says %v, %v; here it was %v before", other, err, first)
		}
	}},
}

// envelope is an item with every field set that an intake sets.
var envelope = approvals.Item{
	Kind: "click", Request: "R1", Source: "envelope 1", Attempt: 2, Body: json.RawMessage(`{"user":"U0BOB"}`),
}

var accepting = []sentence{
	{name: "what is accepted is handed out as it was", test: func(b *bench) {
		if !b.accept(envelope, "envelope 1") {
			b.Fatal("it was not fresh")
		}
		items := b.take(10)
		if len(items) != 1 || items[0].ID == "" || items[0].Tries != 1 {
			b.Fatalf("handed out: %+v", items)
		}
		b.same("the item", bare(items[0]), envelope)
	}},
	{name: "an id is accepted once", test: func(b *bench) {
		b.accept(envelope, "envelope 1")
		if b.accept(envelope, "envelope 1") {
			b.Error("it was accepted again")
		}
		fresh, err := b.Another.Accept(b.ctx, envelope, "envelope 1")
		if err != nil || fresh {
			b.Errorf("another process accepted it again: %v, %v", fresh, err)
		}
		b.same("what there is to do", len(b.drain()), 1)
		if b.accept(envelope, "envelope 1") {
			b.Error("it was accepted again after it was done")
		}
		b.same("what there is to do after it was done", len(b.drain()), 0)
	}},
	{name: "one id that was accepted is enough among several", test: func(b *bench) {
		b.accept(envelope, "envelope 1", "trigger 1")
		for _, ids := range [][]string{
			{"trigger 1"},
			{"envelope 1"},
			{"envelope 2", "trigger 1"},
			{"trigger 1", "envelope 2"},
			{"envelope 1", "trigger 2"},
			{"", "trigger 1"},
		} {
			if b.accept(envelope, ids...) {
				b.Errorf("%q were accepted", ids)
			}
		}
		if !b.accept(envelope, "envelope 3", "trigger 3") {
			b.Error("other ids were not accepted")
		}
		b.same("what there is to do", len(b.drain()), 2)
	}},
	{name: "what has no id is accepted every time", test: func(b *bench) {
		for range 2 {
			if !b.accept(envelope) || !b.accept(envelope, "") {
				b.Error("it was not accepted")
			}
		}
		b.same("what there is to do", len(b.drain()), 4)
	}},
	{name: "ids are told apart in their whole length", test: func(b *bench) {
		long := strings.Repeat("i", 500)
		if !b.accept(envelope, long+"1") || !b.accept(envelope, long+"2") || b.accept(envelope, long+"1") {
			b.Error("two long ids are one, or one is two")
		}
	}},
	{name: "an id is remembered for a day", test: func(b *bench) {
		b.accept(envelope, "envelope 1")
		b.Advance(24*time.Hour - time.Millisecond)
		if b.accept(envelope, "envelope 1") {
			b.Error("it was forgotten")
		}
	}, exact: true},
}

package approvalstest

import (
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// acts counts so many acts and returns how many of them were allowed.
func (b *bench) acts(store approvals.Store, n int, name string, most int, per time.Duration) (allowed int) {
	b.Helper()
	for range n {
		b.acted++
		wait, err := store.Allow(b.ctx, name, fmt.Sprint("act ", b.acted), most, per)
		if err != nil {
			b.Fatalf("allow: %v", err)
		}
		if wait < 0 || wait > per {
			b.Errorf("in a window of %v it is %v until the next act", per, wait)
		}
		if wait == 0 {
			allowed++
		}
	}
	return allowed
}

var limiting = []sentence{
	{name: "as many acts are allowed as are said, by all processes together", test: func(b *bench) {
		b.same("allowed", b.acts(b.Store, 2, "command by U0BOB", 3, never)+b.acts(b.Another, 3, "command by U0BOB", 3, never),
			3)
	}},
	{name: "acts are counted for each name", test: func(b *bench) {
		b.acts(b.Store, 5, "command by U0BOB", 2, never)
		b.same("allowed", b.acts(b.Store, 5, "command by U0CAROL", 2, never), 2)
	}},
	{name: "when the window is over it begins anew", test: func(b *bench) {
		b.acts(b.Store, 5, "command by U0BOB", 2, b.span)
		b.Advance(b.span + time.Millisecond) // in its last millisecond a window may still count
		if wait, err := b.Store.Allow(b.ctx, "command by U0BOB", "another 1", 2, never); wait != 0 || err != nil {
			b.Errorf("another act in %v, %v", wait, err)
		}
	}},
	{name: "acts that are not allowed do not make the window longer", test: func(b *bench) {
		b.acts(b.Store, 1, "command by U0BOB", 1, time.Minute)
		b.Advance(59 * time.Second)
		wait, err := b.Store.Allow(b.ctx, "command by U0BOB", "another 2", 1, time.Minute)
		if wait != time.Second || err != nil {
			b.Errorf("another act in %v, %v", wait, err)
		}
		b.Advance(time.Second)
		b.same("allowed", b.acts(b.Store, 2, "command by U0BOB", 1, time.Minute), 1)
	}, exact: true},
	{name: "an act that is told again is counted once, and allowed or not as before", test: func(b *bench) {
		for _, act := range []string{"one", "two", "one", "two", "three", "one", "three"} {
			wait, err := b.Store.Allow(b.ctx, "command by U0BOB", act, 2, never)
			if err != nil || (wait == 0) != (act != "three") {
				b.Errorf("%s: %v, %v", act, wait, err)
			}
		}
	}},
	{name: "where nothing is allowed it is not", test: func(b *bench) {
		wait, err := b.Store.Allow(b.ctx, "command by U0BOB", "another 3", 0, never)
		if wait == 0 || err != nil {
			b.Errorf("an act in %v, %v", wait, err)
		}
	}},
}

package handlers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// An attacker who holds both places is reported once, and again when what the guard finds changes.
func TestALossThatTheGuardCannotMakeGoodIsToldOnceUntilItChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := b.Ask()
		approvedAs(b, card, approvals.StateApplied)
		parkedItems(b, card) // three looks follow within 15 s
		told := count(card, approvals.EventTampered)
		putOn(b, besideOf(card), allowAll)
		time.Sleep(20 * time.Second)
		if n := count(card, approvals.EventTampered) - told; n != 1 {
			t.Errorf("the loss is reported %d times", n)
		}
		time.Sleep(2 * time.Minute)
		if n := count(card, approvals.EventTampered) - told; n != 2 {
			t.Errorf("with the last check the loss is reported %d times, want 2", n)
		}
	})
}

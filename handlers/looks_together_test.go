package handlers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// A look can be late, because CloudTrail was slow or a replica died with it, and then the next one is under way beside it.
func TestOfTwoLooksAtOneTimeOneOffersTheMenu(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{FollowUps: []time.Duration{500 * time.Millisecond, time.Second}})
		b.Session("ci-4711")
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		count := func(of approvals.EventType) (n int) {
			for _, e := range card.Events() {
				if e.Type == of {
					n++
				}
			}
			return n
		}
		b.Until("all looks are done", func() bool { return count(approvals.EventVerdict) == 1 && count(approvals.EventActivity) == 3 })
		if n := count(approvals.EventOffered); n != 1 {
			t.Errorf("the menu is offered %d times", n)
		}
	})
}

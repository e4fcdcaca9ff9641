package bench_test

import (
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheStoryFromTheCommandToTheEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Until("the evidence is posted", func() bool { return card.Says("*CloudTrail*") })
		if card.HasButtons() {
			t.Error("the card still has buttons")
		}
		if n := b.Puts(); n != 1 {
			t.Errorf("%d writes", n)
		}
	})
}

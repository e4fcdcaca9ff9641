package handlers_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// A look can be late, because CloudTrail was slow or a replica died with it, and then the next one
// is under way beside it.
func TestOfTwoLooksAtOneTimeOneOffersTheMenu(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{FollowUps: []time.Duration{500 * time.Millisecond, time.Second}})
		b.Session("ci-4711")
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		count := func(of approvals.EventType) int {
			return count(card, of)
		}
		b.Until("all looks are done", func() bool {
			return count(approvals.EventVerdict) == 1 && count(approvals.EventActivity) == 3
		})
	})
}

// A look costs what CloudTrail takes, and its answer stays in the log: however often a person
// chooses, both have an end.
func TestChoicesOfSessionsHaveAnEnd(t *testing.T) {
	t.Parallel()
	const room = 100
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{FollowUps: []time.Duration{time.Second}})
		b.Session("ci-4711")
		card := b.Ask()
		card.Approve(actors.Bob)
		menu := checked(b, card)
		var mark string
		for _, s := range record.Gather(card.Events()).Sessions {
			mark = s.Mark()
		}
		for i := range room {
			if err := b.Store.Commit(t.Context(), approvals.Transition{
				RequestID: card.ID, Expect: approvals.AppendOnly,
				Events: []approvals.Event{
					{
						Type: approvals.EventChosen, By: actors.Nils, Source: fmt.Sprintf("earlier %d", i),
						Detail: []byte(`{"mark":"another"}`),
					},
				},
			}); err != nil {
				t.Fatal(err)
			}
		}
		seq := card.Request().Seq
		press(b, actors.Nils, menu.TS, messages.ActionSession, messages.ValueOf(card.ID, mark))
		b.Whispered(actors.Nils, "which is the limit")
		if n := card.Request().Seq; n != seq {
			t.Errorf("the log has %d events more", n-seq)
		}
	})
}

// Both ask CloudTrail, which takes two requests a second; but the one that waits must not be the
// evidence.
func TestSessionsThatAPersonChoosesDoNotKeepTheEvidenceOfOthersWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{FollowUps: []time.Duration{time.Minute}})
		for n := range 25 {
			b.Session(fmt.Sprintf("ci-%d", n))
		}
		card := b.Ask()
		card.Approve(actors.Bob)
		menu := checked(b, card)
		other := b.AskFor(actors.Rosa, "staging/"+actors.DeployRole+" pasted, too")
		for _, s := range record.Gather(card.Events()).Sessions {
			press(b, actors.Nils, menu.TS, messages.ActionSession, messages.ValueOf(card.ID, s.Mark()))
		}
		began := time.Now()
		other.Approve(actors.Bob)
		b.Until("the evidence is there", func() bool { return count(other, approvals.EventEvidence) > 0 })
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the evidence came after %v, behind %d choices", took, count(card, approvals.EventChosen))
		}
	})
}

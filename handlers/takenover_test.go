package handlers_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// diesWith has a replica take a click and die. The bot's own replica is stopped meanwhile.
func diesWith(t *testing.T, b *bench.Bench, card bench.Card, user, action string) {
	t.Helper()
	b.Stop(0)
	body, err := json.Marshal(handlers.Click{
		Place:   approvals.Place{Team: "T0SANDBOX", App: "A0SANDBOX", Channel: actors.Incident},
		Message: card.TS, User: user, ActionID: action,
		Value:   card.ID,
		Trigger: "1.2.spent",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Store.Accept(t.Context(), approvals.Item{Kind: handlers.KindClick, Source: "envelope left", Body: body},
		"left"); err != nil {
		t.Fatal(err)
	}
	if items, err := b.Store.Take(t.Context(), "dying", 10, 0); err != nil || len(items) != 1 {
		t.Fatalf("the dying replica has %d items: %v", len(items), err)
	}
	time.Sleep(10 * time.Second)
	b.Start()
}

// Rule 17. Whether the form for the reason is in front of the approver who pressed Deny is not
// known when a replica died with the click. It is recorded before anyone gets an answer.
func TestADenyThatIsTakenOverIsRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.CaughtUp()
		diesWith(t, b, card, actors.Bob, messages.ActionDeny)
		b.Whispered(actors.Bob, "press Deny again")
		card.CaughtUp()
		if by, code := refusal(t, card); by != actors.Bob || code != approvals.RefusedFormLost {
			t.Errorf("refused is %s of %s", code, by)
		}
		if !card.Says("(Deny, the form may not have opened)") ||
			card.State() != approvals.StateOpen {
			t.Errorf("it is %s:\n%s", card.State(), b.Transcript())
		}
	})
}

func TestAClickOfAFloodIsRefusedAlsoWhenAReplicaDiedWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		for range 30 {
			card.Press(actors.Bob, messages.ActionCancel) // which is not his
		}
		b.Settle()
		diesWith(t, b, card, actors.Bob, messages.ActionCancel)
		b.Whispered(actors.Bob, "Too much at once")
		if card.State() != approvals.StateOpen {
			t.Errorf("the request is %s", card.State())
		}
		card.Approve(actors.Bob) // which is
		card.Becomes(approvals.StateApplied)
	})
}

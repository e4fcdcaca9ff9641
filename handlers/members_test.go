package handlers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestFiftyRequestsThatWereCancelledDoNotPushOutTheAppliedOne(t *testing.T) { // C1
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Approvers: []string{actors.Bob, actors.Rosa}})
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		for n := range approvals.HistoryDepth + 2 {
			again := b.Ask()
			again.Press(actors.Rosa, messages.ActionCancel)
			again.Becomes(approvals.StateCancelled)
			if n%10 == 9 {
				time.Sleep(time.Minute)
			}
		}
		time.Sleep(time.Minute)
		undo := b.AskFor(actors.Rosa, "undo prod/"+actors.DeployRole+" "+messages.ReviveWords)
		if undo.Request().About != card.ID {
			t.Errorf("the undo is about %q", undo.Request().About)
		}
	})
}

func TestRefusedCommandsOfSomeDoNotCloseTheChannelForOthers(t *testing.T) { // C2
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		for range 15 {
			for _, who := range []string{actors.Gina, actors.Nils, actors.Ines, actors.Bob} {
				b.Command(who, "prod/NoSuchRole")
			}
		}
		b.Settle()
		b.Ask() // by Rosa
	})
}

func TestTheApproverWhoWasRefusedOftenStillApproves(t *testing.T) { // C2
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		own := b.AskFor(actors.Bob, "staging/"+actors.DeployRole)
		card := b.Ask()
		for range 40 {
			own.Approve(actors.Bob)
		}
		b.Settle()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if n := own.Request().RefusedBy(actors.Bob); n == 0 || n > 30 {
			t.Errorf("%d refusals are in the log", n)
		}
		b.Whispered(actors.Bob, "too much at once")
	})
}

func TestAnotherAppsMessageIsNotTakenForTheCard(t *testing.T) { // C5
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.CaughtUp()
		mark := json.RawMessage(fmt.Sprintf(
			`{"event_type":"revokebot_event","event_payload":{"request":%q,"event":"0"}}`, card.ID))
		if _, err := b.Slack.Post(actors.Nils, actors.Incident, "", "Approve here", mark); err != nil {
			t.Fatal(err)
		}
		b.DB.Del(t.Context(), tag+"delivery:"+card.ID)
		b.DB.HSet(t.Context(), tag+"delivery:"+card.ID, "card_seq", 7)
		b.queue(approvals.Item{Kind: approvals.KindDeliver, Request: card.ID})
		b.Settle()
		if d, err := b.Store.Delivered(t.Context(), card.ID); err != nil || d.Card != card.TS {
			t.Errorf("the card is %q, not %q, %v", d.Card, card.TS, err)
		}
	})
}

func TestTheHomeShowsAndOffersTheChannelsThatSomeoneIsIn(t *testing.T) { // C6
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Ask()
		home(b, actors.Bob, "prod/DeployRole")
		incident(b, func(c *slack.Channel) {
			c.Private = true
			c.Members = []string{actors.Rosa, actors.Nils}
		})
		time.Sleep(time.Minute)
		home(b, actors.Rosa, "prod/DeployRole")
		if d, err := b.Slack.OpenHome(t.Context(), actors.Bob, slack.TabHome); err != nil || !d.Acked {
			t.Fatal(err, d.Error)
		}
		b.Settle()
		if view, _ := b.Slack.Home(actors.Bob); strings.Contains(string(view.JSON), "DeployRole") ||
			strings.Contains(string(view.JSON), actors.Incident) {
			t.Errorf("who is not in the channel sees %s", view.JSON)
		}
	})
}

package handlers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
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
		b.Whispered(actors.Bob, "Too much at once")
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

// both are who asks and who decides in the tests of a second asker.
var both = bench.Options{Approvers: []string{actors.Bob, actors.Rosa, actors.Nils}}

func TestARequestThatItsFirstAskerTakesBackIsNotLostToTheSecond(t *testing.T) { // C3
	t.Parallel()
	for name, command := range map[string]string{
		"a revocation": "prod/" + actors.DeployRole,
		"a lock":       "lock prod/" + actors.DeployRole,
		"a drill":      "drill prod/" + actors.DeployRole,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, both)
				card := b.AskFor(actors.Nils, command+" test")
				for range 2 { // the second time adds nothing
					b.Command(actors.Rosa, command+" key in a gist")
					b.Whispered(actors.Rosa, "If <@"+actors.Nils+"> cancels, it goes on as yours")
				}
				card.Press(actors.Nils, messages.ActionCancel)
				b.Until("it is Rosa's", func() bool { return card.Request().Requester == actors.Rosa })
				card.CaughtUp()
				r := card.Request()
				if r.State != approvals.StateOpen || r.Reason != "key in a gist" || !card.HasButtons() ||
					!card.Says("<@"+actors.Rosa+"> <@"+actors.Nils+"> cancelled") {
					t.Errorf("it is %s, because of %q\n%s", r.State, r.Reason, b.Transcript())
				}
				card.Approve(actors.Rosa)
				b.Whispered(actors.Rosa, "You can't approve your own request")
				card.Approve(actors.Nils) // is no requester any more
				card.Becomes(map[bool]approvals.State{
					true: approvals.StateRehearsed, false: approvals.StateApplied,
				}[name == "a drill"])
			})
		})
	}
}

func TestTheSecondAskerApprovesUntilTheRequestIsTheirs(t *testing.T) { // C3
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, both)
		card := b.AskFor(actors.Nils, "prod/"+actors.DeployRole)
		b.Command(actors.Rosa, "prod/"+actors.DeployRole)
		b.Whispered(actors.Rosa, "it goes on as yours")
		card.Approve(actors.Rosa)
		card.Becomes(approvals.StateApplied)
	})
}

func TestTheVoteOfANewRequesterIsNotCounted(t *testing.T) { // C3, rule 2
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := both
		o.Required = 2
		b := bench.New(t, o)
		card := b.AskFor(actors.Nils, "prod/"+actors.DeployRole)
		b.Command(actors.Rosa, "prod/"+actors.DeployRole)
		b.Whispered(actors.Rosa, "it goes on as yours")
		card.Approve(actors.Rosa)
		b.Until("it is counted", func() bool { return len(card.Request().Votes) == 1 })
		card.Press(actors.Nils, messages.ActionCancel)
		b.Until("it is Rosa's", func() bool { return card.Request().Requester == actors.Rosa })
		card.Approve(actors.Bob)
		b.Settle()
		if r := card.Request(); r.State != approvals.StateOpen || len(r.Votes) != 1 || b.Puts() != 0 {
			t.Fatalf("it is %s with the votes of %v", r.State, r.Voters())
		}
		card.Approve(actors.Nils)
		card.Becomes(approvals.StateApplied)
	})
}

func TestTheNewRequesterTakesTheRequestBack(t *testing.T) { // C3
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, both)
		card := b.AskFor(actors.Nils, "prod/"+actors.DeployRole)
		b.Command(actors.Rosa, "prod/"+actors.DeployRole)
		b.Whispered(actors.Rosa, "it goes on as yours")
		b.Command(actors.Bob, "undo prod/"+actors.DeployRole) // is not the same, and nothing is in force
		b.Whispered(actors.Bob, "there is nothing to undo on")
		card.Press(actors.Nils, messages.ActionCancel)
		b.Until("it is Rosa's", func() bool { return card.Request().Requester == actors.Rosa })
		card.Press(actors.Rosa, messages.ActionCancel)
		card.Becomes(approvals.StateCancelled)
		b.Ask()
	})
}

func TestAnAccompliceWhoOpensAndCancelsDoesNotLockAResponderOut(t *testing.T) { // C3
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, both)
		stop := make(chan struct{})
		var accomplice sync.WaitGroup
		accomplice.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(3000+n*331%5000) * time.Millisecond):
				}
				b.Command(actors.Nils, "prod/"+actors.DeployRole)
				for _, card := range b.Cards() {
					if r := card.Request(); r.State == approvals.StateOpen && r.Requester == actors.Nils {
						time.Sleep(time.Duration(n*577%2300) * time.Millisecond)
						card.PressLate(actors.Nils, messages.ActionCancel)
					}
				}
			}
		})
		through := 0
		for range 14 {
			b.Command(actors.Rosa, "prod/"+actors.DeployRole)
			time.Sleep(20 * time.Second) // the approver reads the card
			for _, card := range b.Cards() {
				if r := card.Request(); r.State == approvals.StateOpen {
					card.PressLate(actors.Bob, messages.ActionApprove)
					time.Sleep(5 * time.Second)
					if card.State() == approvals.StateApplied {
						through++
						break
					}
				}
			}
		}
		close(stop)
		accomplice.Wait()
		b.Settle()
		if through != 14 {
			t.Errorf("%d of 14 requests got through\n%s", through, b.Transcript())
		}
	})
}

// laxer makes each replica after the first ask for fewer approvals than the one before.
func laxer(from int) func(*bot.Config) {
	return func(c *bot.Config) {
		policies := make(map[string]approvals.Policy)
		for name, p := range c.Handlers.Policies {
			p.Required = from
			policies[name] = p
		}
		c.Handlers.Policies = policies
		from--
	}
}

func TestTheLaxerOfTwoReplicasDoesNotApproveWithFewerPeople(t *testing.T) { // C7
	t.Parallel()
	for name, o := range map[string]struct{ replicas, from int }{
		"one and two": {2, 2}, "two and three": {2, 3}, "one, two and three": {3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := []string{actors.Bob, actors.Ines, actors.Rosa}
				b := bench.New(t, bench.Options{Replicas: o.replicas, Approvers: people, Bot: laxer(o.from)})
				for _, command := range []string{"", "lock ", "drill ", "drill lock "} {
					for _, account := range []string{"prod/", "staging/"} {
						card := b.AskFor(actors.Nils, command+account+actors.DeployRole)
						for _, by := range people[:o.from-1] {
							card.Approve(by)
						}
						b.Settle()
						if r := card.Request(); r.State != approvals.StateOpen || !strings.Contains(card.Message().Text,
							fmt.Sprintf("of %d* approved", o.from)) {
							t.Errorf("with %d of %d it is %s: %s", len(r.Votes), o.from, r.State, card.Message().Text)
						}
						card.Approve(people[o.from-1])
						b.Until("it is approved", func() bool { return card.State() != approvals.StateOpen })
					}
				}
			})
		})
	}
}

func TestAReplicaThatHasStoppedAsksForNothing(t *testing.T) { // C7
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Replicas: 2, Bot: laxer(2)})
		b.Stop(0)
		time.Sleep(5 * time.Minute)
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
	})
}

func TestAStricterNumberThatNoReplicaSaidCountsForNothing(t *testing.T) { // C7 with B
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true, Replicas: 2, Bot: laxer(2)})}
		key := tag + "policies"
		said := b.DB.ZRange(t.Context(), key, 0, -1).Val() // of the stricter, too
		if len(said) == 0 {
			t.Fatal("no replica said anything")
		}
		b.Stop(0)
		time.Sleep(5 * time.Minute)
		forged := `{"kind":"policies","body":{"prod":5},"at":"2000-01-01T00:05:00Z","seal":"x:y"}`
		for _, member := range append(said, forged, "{half") {
			b.DB.ZAdd(t.Context(), key, redis.Z{Score: 1e15, Member: member})
		}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.DB.Set(t.Context(), key, "?", 0)
		b.AskFor(actors.Rosa, "staging/"+actors.DeployRole)
	})
}

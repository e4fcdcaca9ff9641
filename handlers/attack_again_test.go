package handlers_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// What the attacker does again and again.

func TestARefusedCommandThatIsQueuedAgainIsNotAnsweredAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		r := b.records()
		b.Command(actors.Rosa, "prod/NoSuchRole")
		b.Settle()
		recorded := r.recorded()
		for range 50 {
			b.replay(recorded, "command")
		}
		b.Settle()
		if n := len(b.Whispers(actors.Rosa)); n != 1 {
			t.Errorf("%d answers", n)
		}
		b.alarms("not signed by this deployment")
	})
}

func TestACommandThatOpenedNoRequestOpensNoneWhenItIsQueuedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		replicas int
		after    time.Duration
	}{"at once": {1, 0}, "at any replica, later": {2, 2 * time.Minute}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := both
				o.ErrorsAllowed, o.Replicas = true, c.replicas
				b := intruder{bench.New(t, o)}
				card := b.AskFor(actors.Nils, "prod/"+actors.DeployRole)
				r := b.records()
				b.Command(actors.Rosa, "prod/"+actors.DeployRole)
				b.Whispered(actors.Rosa, "it goes on as yours")
				recorded := r.recorded()
				card.Press(actors.Nils, messages.ActionCancel)
				b.Until("it is Rosa's", func() bool { return card.Request().Requester == actors.Rosa })
				card.Press(actors.Rosa, messages.ActionCancel)
				card.Becomes(approvals.StateCancelled)
				time.Sleep(c.after)
				for range 5 {
					b.replay(recorded, "command")
					b.Settle()
				}
				if n := len(b.Cards()); n != 1 {
					t.Errorf("%d requests\n%s", n, b.Transcript())
				}
			})
		})
	}
}

func TestAnAttackerWhoBreaksLogsDoesNotFloodTheChannel(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]func(b intruder, card bench.Card, n int){
		"made up": func(b intruder, card bench.Card, n int) {
			id := fmt.Sprint("MADEUP", n)
			b.DB.XAdd(b.T.Context(), &redis.XAddArgs{
				Stream: tag + "log:" + id, ID: "1-0", Values: b.entry(card.ID, "1"),
			})
			b.queue(approvals.Item{Kind: approvals.KindDeliver, Request: id})
		},
		"the same one": func(b intruder, card bench.Card, _ int) {
			b.append(card.ID, fmt.Sprint(len(b.entries(card.ID))+1), approvals.StateOpen, "type", "voted")
			b.queue(approvals.Item{Kind: approvals.KindDeliver, Request: card.ID})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
				card := b.Ask()
				card.CaughtUp()
				for n := range 60 {
					attack(b, card, n)
					time.Sleep(time.Second)
				}
				time.Sleep(time.Minute)
				if n := len(b.Cards()) + len(card.Thread()); n < 5 || n > 18 {
					t.Errorf("%d messages", n)
				}
			})
		})
	}
}

func TestWhatWasToldIsNotToldAgainWhenAnOldDeliveryIsPutBack(t *testing.T) {
	t.Parallel()
	for name, takes := range map[string]func(before map[string]string){
		"from before the approval":   func(map[string]string) {},
		"none":                       func(before map[string]string) { clear(before) },
		"from before the first line": func(before map[string]string) { before["cursor"] = "" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
				card := b.Ask()
				card.CaughtUp()
				key := tag + "delivery:" + card.ID
				before := b.DB.HGetAll(t.Context(), key).Val()
				takes(before)
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				time.Sleep(time.Hour)
				cards, lines := len(b.Cards()), len(card.Thread())
				b.DB.Del(t.Context(), key)
				for field, value := range before {
					b.DB.HSet(t.Context(), key, field, value)
				}
				b.queue(approvals.Item{Kind: approvals.KindDeliver, Request: card.ID})
				time.Sleep(time.Minute)
				if c, l := len(b.Cards()), len(card.Thread()); c != cards || l != lines {
					t.Errorf("%d cards and %d messages, before %d and %d\n%s", c, l, cards, lines, b.Transcript())
				}
			})
		})
	}
}

func TestAGuardIsNotForgottenForRequestsThatDoNotExist(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{Guard: []time.Duration{5 * time.Minute, 10 * time.Minute}})}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		time.Sleep(90 * time.Second)
		b.DB.ZRem(t.Context(), tag+"recent", card.ID)
		b.DB.Del(t.Context(), tag+"due")
		for n := range 20100 { // more than a replica remembers
			b.queue(approvals.Item{Kind: approvals.KindDeliver, Request: fmt.Sprint("NONE", n)})
			if n%50 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Minute)
		if r := card.Request(); onRole(b.Bench) == "" || r.Watched.Type != approvals.EventHeld {
			t.Errorf("on the role %q, the guard's last event is %q", onRole(b.Bench), r.Watched.Type)
		}
	})
}

func TestTheOutcomeOfARequestWhoseRequesterIsNotTrustedIsSentToNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.CaughtUp()
		log := b.entries(card.ID)
		log[0].Values["by"] = actors.Nils
		incident(b.Bench, func(c *slack.Channel) { c.Archived = true })
		b.setLog(card.ID, approvals.StateOpen, log...)
		card.PressLate(actors.Bob, messages.ActionApprove)
		b.alarms("its people get it by DM")
		time.Sleep(time.Minute)
		if b.Log.Has("users_list_not_supplied") || len(direct(b.Bench, actors.Nils)) > 0 {
			t.Error(b.Log)
		}
	})
}

func TestApprovalsOfARequestThatIsHandedOverDoNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := both
		o.Required = 2
		b := bench.New(t, o)
		card := b.AskFor(actors.Ines, "prod/"+actors.DeployRole+" a harmless reason")
		card.Approve(actors.Bob)
		b.Until("it is counted", func() bool { return len(card.Request().Votes) == 1 })
		b.Command(actors.Nils, "prod/"+actors.DeployRole+" another reason")
		b.Whispered(actors.Nils, "it goes on as yours")
		card.Press(actors.Ines, messages.ActionCancel)
		b.Until("it is handed over", func() bool { return card.Request().Requester == actors.Nils })
		card.Approve(actors.Rosa)
		b.Settle()
		if r := card.Request(); r.State != approvals.StateOpen || len(r.Votes) != 1 {
			t.Fatalf("it is %s with the votes of %v", r.State, r.Voters())
		}
		card.Approve(actors.Bob) // who has seen the other reason
		card.Becomes(approvals.StateApplied)
	})
}

func TestTwoAccomplicesDoNotHandARequestOverForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, both)
		card := b.AskFor(actors.Nils, "prod/"+actors.DeployRole)
		two := []string{actors.Nils, actors.Rosa}
		for n := range 10 {
			b.Command(two[(n+1)%2], "prod/"+actors.DeployRole)
			b.Settle()
			if card.State() == approvals.StateOpen {
				card.Press(two[n%2], messages.ActionCancel)
			}
			b.Settle()
		}
		if n := len(card.Events()); n > 8 || card.State() != approvals.StateCancelled {
			t.Errorf("it is %s after %d events", card.State(), n)
		}
	})
}

package handlers_test

import (
	"encoding/json"
	"strings"
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

// What delays, loops, or takes from others what they need.

func TestAnExpiryThatIsQueuedByHandWaitsForTheDeadline(t *testing.T) { // B7
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{})}
		card := b.Ask()
		card.CaughtUp()
		for n := range 20 {
			b.queue(approvals.Item{Kind: approvals.KindExpire, Request: card.ID, Attempt: 100 * n})
		}
		time.Sleep(30 * time.Second)
		for _, text := range b.timers() {
			var item approvals.Item
			if err := json.Unmarshal([]byte(text), &item); err == nil && item.Attempt%100 > 1 {
				t.Errorf("it was tried %d times", item.Attempt%100)
			}
		}
		time.Sleep(15 * time.Minute)
		card.Becomes(approvals.StateExpired)
	})
}

func TestADeliveryOrAnExpiryWithASourceIsNotOurs(t *testing.T) { // B17
	t.Parallel()
	for _, kind := range []string{approvals.KindDeliver, approvals.KindExpire} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
				card := b.Ask()
				card.CaughtUp()
				b.queue(approvals.Item{Kind: kind, Request: card.ID, Source: "by hand"})
				b.alarms("not signed by this deployment")
			})
		})
	}
}

func TestALeaseThatSomeoneElseWroteHoldsADeliveryBackForAMinuteAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
		card := b.Ask()
		card.CaughtUp()
		b.DB.HSet(t.Context(), tag+"delivery:"+card.ID, "worker", "X", "until", time.Now().Add(4*time.Minute).UnixMilli())
		card.Approve(actors.Bob)
		reaches(b.Bench, card, approvals.StateApplied)
		time.Sleep(65 * time.Second)
		if text := card.Message().Text; !strings.HasPrefix(text, "Revoked") {
			t.Errorf("the card says %q", text)
		}
	})
}

// reaches waits for a state, whatever Slack shows.
func reaches(b *bench.Bench, card bench.Card, state approvals.State) {
	b.T.Helper()
	b.Until("it is "+string(state), func() bool { return card.State() == state })
}

// slowEdits has Slack take no edits.
func slowEdits(b *bench.Bench) {
	b.Slack.Inject(slack.Fault{Method: "chat.update", RetryAfter: 50 * time.Second})
}

func TestEditsThatWaitDoNotHoldBackNewMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: []time.Duration{time.Minute, 10 * time.Minute}})
		card := b.Ask()
		card.CaughtUp()
		slowEdits(b)
		card.Approve(actors.Bob)
		reaches(b, card, approvals.StateApplied)
		time.Sleep(12 * time.Second)
		if !card.Says("The revocation policy is on the role") {
			t.Errorf("the outcome is not in the thread:\n%s", b.Transcript())
		}
		time.Sleep(3 * time.Second) // an edit waits now
		if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
			t.Fatal(err)
		}
		b.Until("it is restored", func() bool { return onRole(b) != "" })
		time.Sleep(12 * time.Second)
		if !card.Says("Someone changed the revocation policy of") {
			t.Errorf("nothing in the thread says that the policy was removed:\n%s", b.Transcript())
		}
	})
}

func TestAnEditWhoseTimerWasDeletedIsMadeUpFor(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b intruder){
		"while it waits":       func(intruder) {},
		"and the replica, too": func(b intruder) { b.forgetful() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
				card := b.Ask()
				card.CaughtUp()
				slowEdits(b.Bench)
				card.Approve(actors.Bob)
				reaches(b.Bench, card, approvals.StateApplied)
				time.Sleep(20 * time.Second)
				b.Slack.ClearFaults()
				b.DB.Del(t.Context(), tag+"due")
				end(b)
				time.Sleep(5 * time.Minute)
				if text := card.Message().Text; !strings.HasPrefix(text, "Revoked") {
					t.Errorf("the card says %q", text)
				}
				card.CaughtUp()
			})
		})
	}
}

// One delivery of a request is queued at a time: it must not be the one that never comes.
func TestATimerOfADeliveryThatIsMovedOrTakenAwayLosesNoMessage(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"moved": time.Hour, "near": 59 * time.Second, "gone": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{ErrorsAllowed: true})}
				card := b.Ask()
				card.CaughtUp()
				body, _ := json.Marshal(approvals.Item{Kind: approvals.KindDeliver, Request: card.ID})
				set := func(at time.Duration) {
					b.DB.ZAdd(t.Context(), tag+"due", redis.Z{
						Score: float64(time.Now().Add(at).UnixMilli()), Member: string(body),
					})
				}
				if set(after); after == 0 {
					set(50 * time.Second)
				}
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				if after == 0 {
					b.DB.Del(t.Context(), tag+"due")
				}
				time.Sleep(3 * time.Minute)
				if text := card.Message().Text; !strings.HasPrefix(text, "Revoked") {
					t.Errorf("the card says %q", text)
				}
				card.CaughtUp()
			})
		})
	}
}

func TestOnePersonDoesNotUseUpTheLookUpsThatApproversNeed(t *testing.T) { // C
	t.Parallel()
	for name, noise := range map[string]func(b *bench.Bench, card bench.Card) error{
		"by pressing Approve": func(_ *bench.Bench, card bench.Card) error { card.Approve(actors.Gina); return nil },
		"on the App Home": func(b *bench.Bench, _ bench.Card) error {
			if _, err := b.Slack.OpenHome(b.T.Context(), actors.Nils, slack.TabHome); err != nil {
				return err
			}
			view, _ := b.Slack.Home(actors.Nils)
			_, err := b.Slack.Click(b.T.Context(), actors.Nils, slack.Click{
				ViewID: view.ID, ActionID: messages.ActionFilter, SelectedOption: "prod",
			})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := b.Ask()
				card.CaughtUp()
				home(b, actors.Nils, "DeployRole")
				b.Settle()
				before := len(b.Slack.Calls("users.info"))
				for range 150 {
					if err := noise(b, card); err != nil {
						t.Fatal(err)
					}
					time.Sleep(100 * time.Millisecond)
				}
				b.Settle()
				if n := len(b.Slack.Calls("users.info")) - before; n > 45 {
					t.Errorf("Slack was asked %d times who they are", n)
				}
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
			})
		})
	}
}

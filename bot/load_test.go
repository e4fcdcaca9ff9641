package bot

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// Two replicas, 50 commands and clicks a second, connections refreshed and dropped, envelopes sent twice, and one of the
// replicas stopped in the middle: what was acknowledged is answered, once.
func TestUnderLoadAndTroubleNothingThatWasAcknowledgedIsLostOrDoneTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sends, people = 600, 100
		h := newHouse(t)
		channel := h.slack.Channels()[slices.IndexFunc(h.slack.Channels(), func(c slack.Channel) bool { return c.ID == actors.Incident })]
		for i := range people {
			id := fmt.Sprintf("U%03d", i)
			h.slack.PutUser(slack.User{ID: id, Name: fmt.Sprint("person", i)})
			channel.Members = append(channel.Members, id)
		}
		h.slack.PutChannel(channel)
		first, second := h.start(h.config()), h.start(h.config())
		h.ready(first)
		h.ready(second)

		type tally struct{ sent, acked int }
		var mu sync.Mutex
		tallies := map[string]*tally{}
		var waits []time.Duration
		envelopes := map[string]bool{}
		ctx := context.WithoutCancel(t.Context())
		send := func(i int) (acked bool) {
			user := fmt.Sprintf("U%03d", i%people)
			var d slack.Delivery
			var err error
			if i%2 == 0 {
				d, err = h.slack.Command(ctx, user, actors.Incident, messages.Command, "help "+typed)
			} else {
				d, err = h.slack.Click(ctx, user, slack.Click{
					ChannelID: actors.Incident, MessageTS: "1.1", BlockID: "decide", ActionID: messages.ActionApprove, Value: "NOSUCHREQUEST",
				})
			}
			if err != nil {
				t.Error(err)
				return true
			}
			mu.Lock()
			defer mu.Unlock()
			envelopes[d.EnvelopeID] = true
			one := tallies[user]
			if one == nil {
				one = &tally{}
				tallies[user] = one
			}
			one.sent++
			if d.Acked {
				one.acked++
				waits = append(waits, d.AckedAfter)
			}
			return d.Acked
		}
		var all sync.WaitGroup
		trouble, quiet := context.WithCancel(ctx)
		defer quiet()
		all.Go(func() {
			for n := 1; pause(trouble, 2*time.Second); n++ {
				if n%3 == 0 {
					h.slack.DropConnections()
				} else {
					h.slack.Disconnect("warning")
				}
			}
		})
		all.Go(func() {
			time.Sleep(sends / 50 / 2 * time.Second)
			first.stop(t)
		})
		var sending sync.WaitGroup
		for i := range sends {
			sending.Go(func() {
				for !send(i) { // as a person would
					time.Sleep(time.Second)
				}
				if i%10 == 0 {
					mu.Lock()
					var again string
					for again = range envelopes {
						break
					}
					mu.Unlock()
					_, _ = h.slack.Redeliver(ctx, again) // it is not for a second delivery to be acknowledged or not
				}
			})
			time.Sleep(time.Second / 50)
		}
		sending.Wait()
		quiet()
		all.Wait()
		until(t, "the inbox is empty", func() bool { return left(t, h.db) == 0 })
		time.Sleep(10 * time.Second)

		answers := map[string]int{}
		for _, m := range h.slack.Messages(actors.Incident) {
			if m.Ephemeral {
				answers[m.VisibleTo]++
			}
		}
		sent, acked, answered := 0, 0, 0
		for user, one := range tallies {
			sent, acked, answered = sent+one.sent, acked+one.acked, answered+answers[user]
			if answers[user] < one.acked || answers[user] > one.sent {
				t.Errorf("%s sent %d, %d were acknowledged and %d answered", user, one.sent, one.acked, answers[user])
			}
		}
		slices.Sort(waits)
		t.Logf("%d sent, %d acknowledged, %d answered; acknowledged after %v (p50), %v (p99), %v (worst)",
			sent, acked, answered, waits[len(waits)/2], waits[len(waits)*99/100], waits[len(waits)-1])
		if acked != sends || waits[len(waits)-1] > 3*time.Second || sent > sends*3/2 {
			t.Errorf("%d sent, %d acknowledged", sent, acked)
		}
	})
}

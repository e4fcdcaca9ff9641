package handlers_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// claims writes into a request's hash that all that waits or is being done is in its log already,
// again and again until the returned function is called.
func (i intruder) claims(id, event string) (end func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			for _, e := range i.DB.XRange(i.T.Context(), tag+"work", "-", "+").Val() {
				var item approvals.Item
				err := json.Unmarshal([]byte(e.Values["item"].(string)), &item)
				if err != nil {
					continue
				}
				i.DB.HSet(i.T.Context(), tag+"request:"+id, "source:"+item.Source, "2 "+event)
			}
			i.DB.HSet(i.T.Context(), tag+"request:"+id, "source:expire "+id, "2 expired")
		}
	}()
	return func() { close(stop); <-done }
}

// B8: the hash of a request says that an act is in its log already.
func TestAnActThatAHashSaysIsInTheLogIsNotLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		act  func(b intruder, card bench.Card)
		then approvals.State
	}{
		"a denial": {func(b intruder, card bench.Card) {
			deny(b.Bench, card, actors.Bob, "not now")
		}, approvals.StateDenied},
		"an approval": {func(_ intruder, card bench.Card) { card.Approve(actors.Bob) }, approvals.StateApplied},
		"a cancellation": {func(_ intruder, card bench.Card) {
			card.Press(actors.Rosa, messages.ActionCancel)
		}, approvals.StateCancelled},
		"its expiry": {func(intruder, bench.Card) { time.Sleep(15 * time.Minute) }, approvals.StateExpired},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := intruder{bench.New(t, bench.Options{})}
				card := b.Ask()
				card.CaughtUp()
				b.Slack.Inject(slack.Fault{Method: "users.info", Delay: 500 * time.Millisecond})
				end := b.claims(card.ID, "denied")
				c.act(b, card)
				b.Settle()
				end()
				card.Becomes(c.then)
				if c.then != approvals.StateApplied && b.Puts() != 0 {
					t.Errorf("%d writes", b.Puts())
				}
			})
		})
	}
}

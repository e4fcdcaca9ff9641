package bot

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// In the order of docs/durability.md, "Stopping".
func TestOnAStopItIsNotReadyAtOnceFinishesWhatIsInHandAndLeavesSlackLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 40)
		r := c.replica()
		card, request := c.ask()
		c.aws.Inject(awsstandin.Fault{Action: "PutRolePolicy", Delay: 4 * time.Second})
		c.approve(card)
		until(t, "the write is under way", func() bool { return c.state(request) == approvals.StateExecuting })
		inbox := left(t, c.db)
		stopped := make(chan time.Duration, 1)
		go func() { stopped <- r.stop(t) }()
		synctest.Wait()
		if h := r.Health(); h.Ready || !h.Stopping || !h.Connected || len(h.Connections) != 2 {
			t.Fatalf("as soon as it is to stop: %+v", h)
		}
		time.Sleep(time.Second) // what waited for work has returned
		for i := range 20 {
			if c.act(i); c.state(request) != approvals.StateExecuting {
				t.Fatal("the write is over already")
			}
		}
		synctest.Wait()
		// The write is still in hand; what else was may be done by now.
		if n := left(t, c.db); n < 21 || n > inbox+20 || c.failed != 0 {
			t.Errorf("%d items wait, want 21 to %d: it took some, or lost them; %d deliveries failed", n, inbox+20, c.failed)
		}
		took := <-stopped
		if took < 3*time.Second || took > 8*time.Second || c.state(request) != approvals.StateApplied {
			t.Errorf("it took %v, and the request is %s", took, c.state(request))
		}
		synctest.Wait() // Slack's end has noticed
		if n := len(c.slack.Connections()); n != 0 {
			t.Errorf("%d connections are left", n)
		}
		c.replica()
		until(t, "the next start has done the rest", func() bool { return left(t, c.db) == 0 })
		c.judge(20)
	})
}

func TestAnAcknowledgementThatIsUnderWayAtAStopIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 2, func(context.Context, approvals.Item, ...string) (bool, error) {
			time.Sleep(time.Second)
			return true, nil
		})
		answers := make(chan slack.Delivery, 20)
		for range cap(answers) {
			go func() { answers <- l.command() }()
		}
		time.Sleep(500 * time.Millisecond)
		l.stop()
		for range cap(answers) {
			if d := <-answers; !d.Acked || d.AckedAfter != time.Second {
				t.Errorf("got %+v", d)
			}
		}
	})
}

// Run is the start and the end of its context the stop: both may come twice, and in any order.
func TestStartsAndStopsInAnyOrderAreOneStartAndOneStop(t *testing.T) {
	for range 15 {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			b, err := New(h.config())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
			defer cancel()
			ended := make(chan error, 1)
			var all sync.WaitGroup
			all.Go(func() {
				time.Sleep(rand.N(20 * time.Millisecond))
				ended <- b.Run(ctx)
			})
			for range 8 {
				all.Go(func() {
					time.Sleep(rand.N(40 * time.Millisecond))
					cancel()
				})
				all.Go(func() {
					time.Sleep(rand.N(40 * time.Millisecond))
					_, _ = h.slack.Command(ctx, actors.Rosa, actors.Incident, messages.Command, "help "+typed)
				})
			}
			all.Wait()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if n := len(h.slack.Connections()); n != 0 || !b.Health().Stopping || b.Health().Ready {
				t.Errorf("%d connections are left, health %+v", n, b.Health())
			}
		})
	}
}

func TestHandlersThatHangDoNotHoldUpTheAcknowledgements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 60)
		c.replica()
		for _, method := range []string{"*", "response_url"} {
			c.slack.Inject(slack.Fault{Method: method, Delay: time.Hour})
		}
		for i := range 60 { // far more than there are workers
			c.act(i)
		}
		if left(t, c.db) < 50 {
			t.Errorf("only %d wait: the handlers do not hang", left(t, c.db))
		}
		c.slack.ClearFaults()
		until(t, "all are done", func() bool { return left(t, c.db) == 0 })
		time.Sleep(10 * time.Second)
		if c.failed != 0 || c.acked[len(c.acked)-1] > time.Second {
			t.Errorf("%d failed, the last was acknowledged after %v", c.failed, c.acked[len(c.acked)-1])
		}
	})
}

// What came meanwhile is in the one edit that is made when Slack takes edits again.
func TestEditsOfTheCardThatHadToWaitBecomeTheLatest(t *testing.T) {
	for name, in200 := range map[string]bool{"a 429": false, "a 200": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.ready(h.start(h.config()))
				card, request := h.ask()
				until(t, "the card is told", func() bool { return left(t, h.db) == 0 })
				before := len(h.slack.Calls("chat.update"))
				h.slack.Inject(slack.Fault{Method: "chat.update", Times: 1, RetryAfter: 40 * time.Second, In200: in200})
				at := time.Now()
				h.approve(card)
				until(t, "the deny is applied", func() bool { return h.state(request) == approvals.StateApplied })
				if took := time.Since(at); took > 20*time.Second {
					t.Errorf("the revocation waited %v for Slack", took)
				}
				until(t, "the card says so", func() bool { return strings.HasPrefix(h.cards()[0].Text, "Revoked") })
				if took := time.Since(at); took < 40*time.Second || took > 50*time.Second {
					t.Errorf("the card was brought up to date after %v", took)
				}
				of := 0
				for _, call := range h.slack.Calls("chat.update")[before:] {
					if call.Args["ts"] == card.TS {
						of++
					}
				}
				if of != 2 { // the one that was refused, and the latest
					t.Errorf("the card was edited %d times", of)
				}
			})
		})
	}
}

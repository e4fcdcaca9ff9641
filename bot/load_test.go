package bot

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/internal/times"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/slack"
)

var acts = flag.Int("load", 300, "how many commands and clicks the load test sends; the full load is 2000")

// tallyStore takes its time, as a Redis across a network does, and counts what it took, by who sent
// it.
type tallyStore struct {
	*redisstore.Store
	mu    sync.Mutex
	fresh map[string]int
}

func (s *tallyStore) Accept(ctx context.Context, item approvals.Item, ids ...string) (bool, error) {
	wait := time.Millisecond + rand.N(20*time.Millisecond)
	if rand.N(100) == 0 {
		wait = 700 * time.Millisecond
	}
	if !times.Pause(ctx, wait) {
		return false, context.Cause(ctx)
	}
	var who struct{ User string }
	if err := json.Unmarshal(item.Body, &who); err != nil {
		return false, err
	}
	fresh, err := s.Store.Accept(ctx, item, ids...)
	if fresh {
		s.mu.Lock()
		s.fresh[who.User]++
		s.mu.Unlock()
	}
	return fresh, err
}

func (s *tallyStore) of(user string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fresh[user]
}

// crowd is many people, each of whom does one thing.
type crowd struct {
	*house
	store *tallyStore

	mu        sync.Mutex
	presses   map[string]int // by person
	acked     []time.Duration
	delivered int
	failed    int // deliveries without an acknowledgement
}

func newCrowd(t *testing.T, people int) *crowd {
	h := newHouse(t)
	channel := h.slack.Channels()[slices.IndexFunc(h.slack.Channels(), func(c slack.Channel) bool {
		return c.ID == actors.Incident
	})]
	for i := range people {
		h.slack.PutUser(slack.User{ID: person(i), Name: fmt.Sprint("person", i)})
		channel.Members = append(channel.Members, person(i))
	}
	h.slack.PutChannel(channel)
	return &crowd{house: h, store: &tallyStore{Store: h.store, fresh: map[string]int{}}, presses: map[string]int{}}
}

func person(i int) string { return fmt.Sprintf("U%05d", i) }

func (c *crowd) replica() *running {
	c.t.Helper()
	cfg := c.config()
	cfg.Store = c.store
	r := c.start(cfg)
	until(c.t, "both connections are there", func() bool { return r.Health().Ready && len(r.Health().Connections) == 2 })
	return r
}

// act has somebody do their thing until it is acknowledged. What Slack could not deliver it sends
// again by itself for some, as it was seen to do; the others see an error, and do it again.
func (c *crowd) act(i int) {
	ctx, user := context.WithoutCancel(c.t.Context()), person(i)
	note := func(d slack.Delivery, err error) bool {
		if err != nil {
			c.t.Error(err)
			return true
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.delivered++
		if d.Acked {
			c.acked = append(c.acked, d.AckedAfter)
		} else {
			c.failed++
		}
		return d.Acked
	}
	for {
		c.mu.Lock()
		c.presses[user]++
		c.mu.Unlock()
		var d slack.Delivery
		var err error
		if i%2 == 0 {
			d, err = c.slack.Command(ctx, user, actors.Incident, messages.Command, "help "+typed)
		} else {
			d, err = c.slack.Click(ctx, user, slack.Click{
				ChannelID: actors.Incident, MessageTS: "1.1", BlockID: "decide", ActionID: messages.ActionApprove,
				Value: "NOSUCHREQUEST",
			})
		}
		if note(d, err) {
			return
		}
		time.Sleep(time.Second)
		if i/2%2 == 0 {
			continue
		}
		for range 10 {
			if note(c.slack.Redeliver(ctx, d.EnvelopeID)) {
				return
			}
			time.Sleep(time.Second)
		}
	}
}

// send has everybody act, fifty in a second.
func (c *crowd) send(people int, each func(i int)) {
	var all sync.WaitGroup
	for i := range people {
		each(i)
		all.Go(func() { c.act(i) })
		time.Sleep(time.Second / 50)
	}
	all.Wait()
	until(c.t, "the inbox is empty", func() bool { return left(c.t, c.db) == 0 })
	time.Sleep(10 * time.Second)
}

// judge compares what was sent, what was taken and what was answered.
func (c *crowd) judge(people int) {
	answers := map[string]int{}
	for _, m := range c.slack.Messages(actors.Incident) {
		if m.Ephemeral {
			answers[m.VisibleTo]++
		}
	}
	again := 0
	for i := range people {
		user := person(i)
		taken, pressed := c.store.of(user), c.presses[user]
		again += pressed - 1
		if taken < 1 || taken > pressed || answers[user] != taken {
			c.t.Errorf("%s acted %d times, %d were taken and %d answered", user, pressed, taken, answers[user])
		}
	}
	slices.Sort(c.acked)
	n := len(c.acked)
	c.t.Logf("%d commands and clicks, %d deliveries, %d of them cut off, %d pressed again; acknowledged after %v (p50), "+
		"%v (p99), %v (worst)",
		people, c.delivered, c.failed, again, c.acked[n/2].Round(time.Millisecond), c.acked[n*99/100].Round(time.Millisecond),
		c.acked[n-1].Round(time.Millisecond))
	if n != people || c.acked[n-1] > 3*time.Second || c.failed > people/10 {
		c.t.Errorf("%d were acknowledged, the slowest after %v; %d deliveries failed", n, c.acked[n-1], c.failed)
	}
}

// trouble refreshes connections every two seconds and cuts all of them every five, until ctx ends.
func (c *crowd) trouble(ctx context.Context) {
	for second := 1; times.Pause(ctx, time.Second); second++ {
		switch {
		case second%5 == 0:
			c.slack.DropConnections()
		case second%4 == 0:
			c.slack.Disconnect("warning")
		case second%2 == 0:
			if open := c.slack.Connections(); len(open) > 0 {
				c.slack.Disconnect("refresh_requested", open[0].ID)
			}
		}
	}
}

// 50 commands and clicks a second, connections refreshed and cut, every tenth envelope sent twice:
// what was sent is acknowledged in time, and done once. The same with two replicas of which one is
// stopped in the middle.
func TestUnderLoadAndTroubleNothingIsLostOrDoneTwice(t *testing.T) {
	for name, replicas := range map[string]int{"one replica": 1, "two replicas, one is stopped": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t, *acts)
				first := c.replica()
				for range replicas - 1 {
					c.replica()
				}
				began := time.Now()
				troubled, quiet := context.WithCancel(context.WithoutCancel(t.Context()))
				defer quiet()
				var all sync.WaitGroup
				all.Go(func() { c.trouble(troubled) })
				c.send(*acts, func(i int) {
					if i%10 == 0 {
						c.slack.Inject(slack.Fault{Method: "envelope", Times: 1, Twice: true})
					}
					if replicas > 1 && i == *acts/2 {
						all.Go(func() { first.stop(t) })
					}
				})
				quiet()
				all.Wait()
				c.judge(*acts)
				t.Logf("%d opens in %v", len(c.slack.Calls("apps.connections.open")), time.Since(began).Round(time.Second))
			})
		})
	}
}

// A bot that nobody can reach is what all of this is against: seconds count, also when opens are
// rare.
func TestConnectionsThatAreRefreshedAndCutAllTheTimeLeaveHardlyAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 0)
		c.replica()
		troubled, quiet := context.WithTimeout(context.WithoutCancel(t.Context()), 45*time.Second)
		defer quiet()
		var all sync.WaitGroup
		all.Go(func() { c.trouble(troubled) })
		const look = 20 * time.Millisecond
		var gap time.Duration
		for times.Pause(troubled, look) {
			if !slices.ContainsFunc(c.slack.Connections(), func(one slack.ConnectionInfo) bool { return one.Hello }) {
				gap += look
			}
		}
		all.Wait()
		t.Logf("%v without a connection in 45 seconds", gap)
		if gap > 3*time.Second {
			t.Errorf("%v without a connection", gap)
		}
	})
}

// When nothing but a stop happens, nobody notices.
func TestASecondReplicaTakesOverWithoutAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const people = 100
		c := newCrowd(t, people)
		first, second := c.replica(), c.replica()
		time.Sleep(time.Millisecond) // so that the end does not fall together with somebody's act
		var all sync.WaitGroup
		c.send(people, func(i int) {
			if i == people/3 {
				all.Go(func() { first.stop(t) })
			}
		})
		all.Wait()
		c.judge(people)
		if c.failed != 0 || !second.Health().Ready {
			t.Errorf("%d deliveries failed", c.failed)
		}
	})
}

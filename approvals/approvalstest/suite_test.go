// Package approvalstest holds the suite of tests that the store of package redisstore passes: the
// sentences of the approvals.Store interface.
//
// Each test gets an empty store and a second process's store on the same data. The suite runs on a
// Redis in memory and on real servers. In memory, time is fake, costs nothing and is exact. On a
// real server time is real, and bench.span is the shortest time that its clock tells well. A test
// that wants something not to have happened yet uses spans that never pass (an hour) or, where that
// says nothing, looks at the store's clock and begins again if it was too slow.
package approvalstest

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{}) // what fails on purpose is not news
	goleak.VerifyTestMain(m)
}

// quiet is a logger of the client library that says nothing.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func TestSuiteOnARedisInMemoryAndFakeTime(t *testing.T) { setting{}.run(t) }

func TestSuiteUnderAKey(t *testing.T) { setting{sealed: true}.run(t) }

func TestSuiteOnASingleServer(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	setting{connect: func() redis.UniversalClient {
		return redis.NewClient(&redis.Options{Addr: server.Addr})
	}}.run(t)
}

func TestSuiteOnAClusterOfThree(t *testing.T) {
	t.Parallel()
	cluster := redisserver.StartCluster(t)
	setting{connect: func() redis.UniversalClient {
		return redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs()})
	}}.run(t)
}

func TestSuiteBehindSentinels(t *testing.T) {
	t.Parallel()
	sentinel := redisserver.StartSentinel(t)
	setting{connect: func() redis.UniversalClient {
		return redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: redisserver.MasterName, SentinelAddrs: sentinel.Addrs,
		})
	}}.run(t)
}

// setting is where the suite runs.
type setting struct {
	// connect returns a client of real servers; nil: each test gets a Redis in memory and fake time.
	connect func() redis.UniversalClient
	// sealed says that the store seals items with their time, so that no two are equal.
	sealed bool
}

func (s setting) run(t *testing.T) {
	t.Helper()
	span := time.Minute
	if s.connect != nil {
		span = 50 * time.Millisecond
		t.Run("AuditLog", s.chain)
	}
	for _, chapter := range []struct {
		name      string
		retention time.Duration
		tests     []sentence
	}{
		{"Clock", years, clock},
		{"Accept", years, accepting},
		{"Open", years, opening},
		{"List", years, listing},
		{"Commit", years, committing},
		{"Moves", years, moving},
		{"ToldAgain", years, again},
		{"Condemn", years, condemning},
		{"Work", years, working},
		{"Timers", years, timing},
		{"Delivery", years, delivering},
		{"Limits", years, limiting},
		{"Retention", retentionSpans * span, retaining},
		{"AtOnce", years, together},
	} {
		t.Run(chapter.name, func(t *testing.T) {
			for _, one := range chapter.tests {
				if one.exact && s.connect != nil || one.equal && s.sealed {
					continue
				}
				test := func(t *testing.T) {
					b := s.open(t, chapter.retention)
					b.span, b.exact, b.retains = span, s.connect == nil, chapter.retention < years
					one.test(b)
				}
				t.Run(one.name, func(t *testing.T) {
					if s.connect == nil {
						synctest.Test(t, test)
					} else {
						test(t)
					}
				})
			}
		})
	}
}

// open returns a bench with two stores on one Redis, which it empties first.
func (s setting) open(t *testing.T, retention time.Duration) *bench {
	t.Helper()
	connect := s.connect
	if connect == nil {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true)
		t.Cleanup(m.Close)
		connect = func() redis.UniversalClient {
			return redis.NewClient(&redis.Options{
				Addr:   "127.0.0.1:6379",
				Dialer: func(context.Context, string, string) (net.Conn, error) { return m.Dial() },
			})
		}
	}
	b := &bench{T: t, ctx: t.Context()}
	store := func() approvals.Store {
		client := connect()
		t.Cleanup(func() {
			if err := client.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		if b.client == nil {
			b.client = client
			b.Empty()
		}
		ready, err := redisstore.New(redisstore.Config{Client: client, Retention: retention})
		if err != nil {
			t.Fatal(err)
		}
		if err := ready.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.sealed {
			return approvals.NewSealed(ready, newKey(t), "click")
		}
		return ready
	}
	b.Store = store()
	b.Another = store()
	return b
}

func newKey(t *testing.T) approvals.Key {
	t.Helper()
	key, err := approvals.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// chain fails the test unless two workers at once chain each event once on real servers.
func (s setting) chain(t *testing.T) {
	b, key := s.open(t, 0), newKey(t)
	store := approvals.NewSealed(b.Store, key)
	for n := range 40 {
		id := fmt.Sprint("R", n/10)
		var err error
		switch {
		case n%10 == 0:
			_, err = store.Open(b.ctx, id, alice, "command "+id, openingFor("role "+id, never))
		case n%5 == 0:
			err = store.Note(b.ctx, remark(fmt.Sprint("envelope ", n))[0])
		default:
			err = store.Commit(b.ctx, approvals.Transition{
				RequestID: id, Expect: approvals.AppendOnly, Events: remark(fmt.Sprint("envelope ", n)),
			})
		}
		b.is(err, nil)
	}
	chained := b.Store.(*redisstore.Store)
	var both sync.WaitGroup
	for range 2 {
		w := audit.New(audit.Config{Store: chained, Key: key})
		both.Go(func() { b.is(w.Step(b.ctx), nil) })
	}
	both.Wait()
	lines, err := chained.Lines(b.ctx, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReader(strings.Join(lines, "\n") + "\n")
	r, err := audit.Verify(text, []ed25519.PublicKey{key.Public()}, audit.Head{})
	if err != nil || !r.Whole() || r.Lines != 40 || r.Forged != 0 {
		t.Errorf("%d lines, not 40: %q, %v", r.Lines, r.Problems, err)
	}
}

// sentence is one test, named for what it says.
type sentence struct {
	name string
	test func(b *bench)
	// exact is for what can be seen only on a clock that stands still between two steps.
	exact bool
	// equal is about items that are equal.
	equal bool
}

// bench is what a test has in hand: an empty store, time, and methods that fail the test when the
// store does.
type bench struct {
	*testing.T
	Store approvals.Store
	// Another is the store of a second process on the same data.
	Another approvals.Store
	client  redis.UniversalClient
	ctx     context.Context
	// span is the shortest time that the tests wait for.
	span time.Duration
	// exact says that time passes in Advance only, and by exactly d.
	exact bool
	// retains says that the store forgets what has ended after retentionSpans.
	retains bool
	acted   int // acts that were counted
}

// Empty makes the store lose everything, as a server without a disk does when it restarts.
func (b *bench) Empty() {
	b.Helper()
	one := func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() }
	var err error
	if cluster, ok := b.client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(b.ctx, one)
	} else {
		err = b.client.FlushAll(b.ctx).Err()
	}
	if err != nil {
		b.Fatalf("empty the servers: %v", err)
	}
}

// Advance lets at least d pass by the store's clock.
func (b *bench) Advance(d time.Duration) {
	b.Helper()
	if b.exact {
		time.Sleep(d)
		return
	}
	until := b.now().Add(d)
	for left := d; left > 0; left = until.Sub(b.now()) {
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-b.ctx.Done():
			timer.Stop()
			b.Fatal("the test ended")
		}
	}
}

const (
	// never is a span that no test lives to see.
	never = time.Hour
	// held is a lease that no test lives to see the end of.
	held = 3 * time.Minute
	// years is a retention that outlives everything.
	years = 2 * 365 * 24 * time.Hour
	// retentionSpans is the retention of the tests of retention, in spans.
	retentionSpans = 10
)

// Who asks, approves and works in the tests.
const (
	alice  = "U0ALICE"
	bob    = "U0BOB"
	worker = "worker 1"
	rival  = "worker 2"
)

package redisstore

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/approvalstest"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{}) // what fails on purpose is not news
	goleak.VerifyTestMain(m)
}

// patience is the longest that real servers are waited for. It only tells what hangs from a busy
// machine.
const patience = 5 * time.Minute

// quiet is a logger of the client library that says nothing.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// store returns a store that is ready on a client.
func ready(t *testing.T, client redis.UniversalClient, retention time.Duration) *Store {
	t.Helper()
	s, err := New(Config{Client: client, Retention: retention})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// inMemory starts a Redis in memory for a bubble, and returns it with a function that connects to
// it.
func inMemory(t *testing.T) (*miniredis.Miniredis, func() *redis.Client) {
	t.Helper()
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true)
	t.Cleanup(m.Close)
	return m, func() *redis.Client {
		client := redis.NewClient(&redis.Options{
			Addr:   "127.0.0.1:6379",
			Dialer: func(context.Context, string, string) (net.Conn, error) { return m.Dial() },
		})
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
}

func TestSuiteOnARedisInMemoryAndFakeTime(t *testing.T) {
	approvalstest.Run(t, approvalstest.Setup{
		In: synctest.Test, Span: time.Minute, Exact: true,
		Open: func(t *testing.T, retention time.Duration) approvalstest.Harness {
			m, connect := inMemory(t)
			return approvalstest.Harness{
				Store: ready(t, connect(), retention), Another: ready(t, connect(), retention),
				Advance: time.Sleep, Empty: m.FlushAll,
			}
		},
	})
}

func TestSuiteUnderAKey(t *testing.T) {
	key, err := approvals.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	approvalstest.Run(t, approvalstest.Setup{
		In: synctest.Test, Span: time.Minute, Exact: true, Sealed: true,
		Open: func(t *testing.T, retention time.Duration) approvalstest.Harness {
			m, connect := inMemory(t)
			return approvalstest.Harness{
				Store:   approvals.NewSealed(ready(t, connect(), retention), key, "click"),
				Another: approvals.NewSealed(ready(t, connect(), retention), key, "click"),
				Advance: time.Sleep, Empty: m.FlushAll,
			}
		},
	})
}

func TestSuiteOnASingleServer(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	runOnServers(t, func(*testing.T) redis.UniversalClient {
		return redis.NewClient(&redis.Options{Addr: server.Addr})
	})
}

func TestSuiteOnAClusterOfThree(t *testing.T) {
	t.Parallel()
	cluster := redisserver.StartCluster(t)
	runOnServers(t, func(*testing.T) redis.UniversalClient {
		return redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs()})
	})
}

func TestSuiteBehindSentinels(t *testing.T) {
	t.Parallel()
	sentinel := redisserver.StartSentinel(t)
	runOnServers(t, func(*testing.T) redis.UniversalClient {
		return redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: redisserver.MasterName, SentinelAddrs: sentinel.Addrs,
		})
	})
}

// runOnServers runs the suite on real servers and their real clock, which are emptied before each
// test.
//
// The audit log is chained there, too, by two workers at once.
func runOnServers(t *testing.T, connect func(t *testing.T) redis.UniversalClient) {
	t.Helper()
	open := func(t *testing.T) redis.UniversalClient {
		t.Helper()
		client := connect(t)
		t.Cleanup(func() {
			if err := client.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		return client
	}
	t.Run("AuditLog", func(t *testing.T) {
		client := open(t)
		flush(t, client)
		c := chronicleOn(t, ready(t, client, 0))
		c.happen(40)
		var both sync.WaitGroup
		for range 2 {
			w := c.worker(c.Store, "")
			both.Go(func() {
				if err := w.Step(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		c.whole(c.lines(), 40)
	})
	approvalstest.Run(t, approvalstest.Setup{
		Span: 50 * time.Millisecond,
		Open: func(t *testing.T, retention time.Duration) approvalstest.Harness {
			client := open(t)
			empty := func() { flush(t, client) }
			empty()
			store := ready(t, client, retention)
			return approvalstest.Harness{
				Store: store, Another: ready(t, open(t), retention), Empty: empty,
				Advance: func(d time.Duration) { wait(t, store, d) },
			}
		},
	})
}

// flush empties every server that a client writes to.
func flush(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	one := func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() }
	var err error
	if cluster, ok := client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(t.Context(), one)
	} else {
		err = client.FlushAll(t.Context()).Err()
	}
	if err != nil {
		t.Fatalf("empty the servers: %v", err)
	}
}

// wait looks at the store's clock until it has gone forward by d.
func wait(t *testing.T, store approvals.Store, d time.Duration) {
	t.Helper()
	now := func() time.Time {
		at, err := store.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	until := now().Add(d)
	for left := d; left > 0; left = until.Sub(now()) {
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-t.Context().Done():
			timer.Stop()
			t.Fatal("the test ended")
		}
	}
}

var errNobody = errors.New("nobody is there")

func nobody(context.Context, string, string) (net.Conn, error) { return nil, errNobody }

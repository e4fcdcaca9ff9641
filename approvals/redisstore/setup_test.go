package redisstore

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
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

// opened opens a request on role 1, and queues its delivery.
func opened(t *testing.T, s *Store) {
	t.Helper()
	_, err := s.Open(t.Context(), "R1", "U0ALICE", "command 1", about("role 1"))
	if err == nil {
		_, err = s.Promote(t.Context(), 1)
	}
	if err != nil {
		t.Fatal(err)
	}
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

var errNobody = errors.New("nobody is there")

func nobody(context.Context, string, string) (net.Conn, error) { return nil, errNobody }

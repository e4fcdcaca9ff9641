package redisstore

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

// everything is each method of a store, with arguments that change something, on a request R1 that
// is open, an item that is in hand and a lease that is held.
func everything(s *Store, item approvals.Item) map[string]func(ctx context.Context) error {
	remark := []approvals.Event{{Type: approvals.EventRefused, By: "U0BOB", Source: "envelope 7"}}
	return map[string]func(ctx context.Context) error{
		"Prepare": s.Prepare,
		"Now":     func(ctx context.Context) error { _, err := s.Now(ctx); return err },
		"Accept": func(ctx context.Context) error {
			_, err := s.Accept(ctx, approvals.Item{Kind: "click"}, "envelope 8")
			return err
		},
		"Open": func(ctx context.Context) error {
			_, err := s.Open(ctx, "R2", "U0ALICE", "command 2", about("role 2"))
			return err
		},
		"Load": func(ctx context.Context) error { _, _, err := s.Load(ctx, "R1"); return err },
		"Commit": func(ctx context.Context) error {
			return s.Commit(ctx, approvals.Transition{RequestID: "R1", Expect: 1, Events: []approvals.Event{
				{Type: approvals.EventVoted, By: "U0BOB", Source: "envelope 6"},
			}})
		},
		"Commit of a remark": func(ctx context.Context) error {
			return s.Commit(ctx, approvals.Transition{RequestID: "R1", Expect: approvals.AppendOnly, Events: remark})
		},
		"Note":     func(ctx context.Context) error { return s.Note(ctx, remark[0]) },
		"Allow":    func(ctx context.Context) error { _, err := s.Allow(ctx, "somebody", "act", 1, time.Hour); return err },
		"Take":     func(ctx context.Context) error { _, err := s.Take(ctx, "w", 1, 0); return err },
		"Claim":    func(ctx context.Context) error { _, err := s.Claim(ctx, "w", 0, 1); return err },
		"Begin":    func(ctx context.Context) error { _, err := s.Begin(ctx, "w", item); return err },
		"Keep":     func(ctx context.Context) error { return s.Keep(ctx, "w", []approvals.Item{item}) },
		"Done":     func(ctx context.Context) error { return s.Done(ctx, item) },
		"Postpone": func(ctx context.Context) error { return s.Postpone(ctx, item, time.Hour) },
		"Park":     func(ctx context.Context) error { return s.Park(ctx, item, "it failed") },
		"Promote":  func(ctx context.Context) error { _, err := s.Promote(ctx, 1); return err },
		"BeginDelivery": func(ctx context.Context) error {
			_, ok, err := s.BeginDelivery(ctx, "R1", "w", time.Hour)
			if err == nil && !ok {
				return errors.New("busy")
			}
			return err
		},
		"MarkDelivery": func(ctx context.Context) error {
			return s.MarkDelivery(ctx, "R1", "w", time.Hour, approvals.Delivery{})
		},
		"EndDelivery": func(ctx context.Context) error {
			_, err := s.EndDelivery(ctx, "R1", "w", approvals.Delivery{}, approvals.Then{})
			return err
		},
		"Delivered": func(ctx context.Context) error { _, err := s.Delivered(ctx, "R1"); return err },
	}
}

func about(subject string) approvals.Opening {
	return approvals.Opening{
		Purpose: approvals.Revoke.Do(), Subject: approvals.Subject{Key: subject, Group: "prod", Facts: []byte(`{}`)},
		Required: 1, ExpireAfter: 15 * time.Minute,
	}
}

// scene makes a store with what everything needs.
func scene(t *testing.T, client *redis.Client) (*Store, approvals.Item) {
	t.Helper()
	s := ready(t, client, 0)
	opened(t, s)
	items, err := s.Take(t.Context(), "w", 1, 0)
	if err != nil || len(items) != 1 {
		t.Fatalf("take: %v, %v", items, err)
	}
	if _, ok, err := s.BeginDelivery(t.Context(), "R1", "w", time.Hour); err != nil || !ok {
		t.Fatalf("begin: %v, %v", ok, err)
	}
	return s, items[0]
}

func TestARefusalOfRedisIsAnErrorAndNeverAnAnswer(t *testing.T) {
	for _, refusal := range []string{
		"LOADING Redis is loading the dataset in memory",
		"READONLY You can't write against a read only replica.",
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
		"CLUSTERDOWN The cluster is down",
		"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
		"NOREPLICAS Not enough good replicas to write.",
		"OOM command not allowed when used memory > 'maxmemory'.",
		"NOAUTH Authentication required.",
		"NOPERM this user has no permissions to run the 'evalsha' command",
		"TRYAGAIN Multiple keys request during rehashing of slot",
		"ERR max number of clients reached",
	} {
		t.Run(refusal, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, connect := inMemory(t)
				s, item := scene(t, connect())
				known := []error{
					approvals.ErrUnknownRequest, approvals.ErrConflict, approvals.ErrTooLate, approvals.ErrTooEarly,
					approvals.ErrLeaseLost,
				}
				m.SetError(refusal)
				for name, call := range everything(s, item) {
					err := call(t.Context())
					if err == nil {
						t.Errorf("%s: no error", name)
					}
					for _, k := range known {
						if errors.Is(err, k) {
							t.Errorf("%s: %v", name, err)
						}
					}
				}
				m.SetError("")
				for name, call := range everything(s, item) {
					if err := call(t.Context()); err != nil && !errors.Is(err, approvals.ErrConflict) &&
						!errors.Is(err, approvals.ErrLeaseLost) {
						t.Errorf("%s, afterwards: %v", name, err)
					}
				}
			})
		})
	}
}

// lossy is a connection that loses an answer after the server has given it: the next one for 1, the
// one after that for 2.
type lossy struct {
	net.Conn
	lose *atomic.Int32
}

func (c lossy) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.lose.Add(-1) == 0 {
		_ = c.Close()
		err = io.ErrClosedPipe
	}
	if errors.Is(err, io.ErrClosedPipe) {
		return 0, io.ErrUnexpectedEOF // what a connection over a network would say
	}
	return n, err
}

func TestAnAnswerThatIsLostIsAskedForAgainAndNothingIsDoneTwice(t *testing.T) {
	// state is all that is in Redis but times, so that doing something once can be compared with doing
	// it twice.
	state := func(t *testing.T, client *redis.Client) map[string]any {
		out := make(map[string]any)
		for _, key := range client.Keys(t.Context(), "*").Val() {
			switch kind := client.Type(t.Context(), key).Val(); kind {
			case "stream":
				out[key] = client.XLen(t.Context(), key).Val()
			case "zset":
				out[key] = client.ZCard(t.Context(), key).Val()
			case "hash":
				hash := client.HGetAll(t.Context(), key).Val()
				// The client waits before it asks again, so these differ.
				delete(hash, "until")
				delete(hash, "deadline")
				out[key] = hash
			default:
				out[key] = client.Get(t.Context(), key).Val()
			}
		}
		return out
	}
	// run does something, with the loss of an answer unless that is 0, and reports whether so many
	// were given at all.
	run := func(t *testing.T, name string, lose int32) (after map[string]any, lost bool) {
		synctest.Test(t, func(t *testing.T) {
			m, connect := inMemory(t)
			watcher := connect()
			var left atomic.Int32
			client := redis.NewClient(&redis.Options{
				Addr: "127.0.0.1:6379", MaxRetries: 2, PoolSize: 1,
				Dialer: func(context.Context, string, string) (net.Conn, error) {
					conn, err := m.Dial()
					return lossy{conn, &left}, err
				},
			})
			defer client.Close()
			s, item := scene(t, client)
			// Scripts are loaded by their first use; the answer to be lost is that of one that is there.
			for _, script := range s.lua {
				if err := script.Load(t.Context(), watcher).Err(); err != nil {
					t.Fatal(err)
				}
			}
			calls := everything(s, item)
			left.Store(lose)
			if err := calls[name](t.Context()); err != nil && !errors.Is(err, approvals.ErrLeaseLost) {
				t.Errorf("%v", err)
			}
			lost = left.Load() <= 0
			after = state(t, watcher)
		})
		return after, lost
	}
	for name := range everything(nil, approvals.Item{}) {
		switch name {
		case "Take", "Claim", "Keep", "Allow":
			// What was handed out is claimed later, and an act that was counted twice is the safe side.
			continue
		}
		t.Run(name, func(t *testing.T) {
			once, _ := run(t, name, 0)
			for lose := int32(1); ; lose++ {
				twice, lost := run(t, name, lose)
				if !lost {
					if lose == 1 {
						t.Error("no answer was lost")
					}
					return
				}
				if diff := cmp.Diff(once, twice); diff != "" {
					t.Errorf("with the loss of answer %d: %s", lose, diff)
				}
			}
		})
	}
}

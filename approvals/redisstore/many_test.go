package redisstore

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

// crowded is a store with so many open requests, and one more for the steps to work on.
type crowded struct {
	*Store
	db   *redis.Client
	next int
}

func crowd(tb testing.TB, open int) *crowded {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: redisserver.Start(tb).Addr})
	tb.Cleanup(func() { _ = client.Close() })
	s, err := New(Config{Client: client})
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Prepare(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	c := &crowded{Store: s, db: client}
	for range open {
		if err := c.open(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	for next := time.Duration(0); next == 0; { // the deliveries are due
		if next, err = c.Promote(tb.Context(), 100); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

func (c *crowded) open(ctx context.Context) error {
	c.next++
	_, err := c.Open(ctx, fmt.Sprint("R", c.next), "U0ALICE", fmt.Sprint("command ", c.next),
		about(fmt.Sprint("role ", c.next)))
	return err
}

// step is something that happens once for a command or a click.
type step struct {
	name string
	do   func(ctx context.Context, c *crowded) error
}

var steps = []step{
	{"Open", func(ctx context.Context, c *crowded) error { return c.open(ctx) }},
	{"Commit", func(ctx context.Context, c *crowded) error {
		return c.Commit(ctx, approvals.Transition{
			RequestID: fmt.Sprint("R", c.next), Expect: approvals.AppendOnly, When: approvals.BeforeDeadline,
			Events: []approvals.Event{{Type: approvals.EventRefused, By: "U0BOB"}},
		})
	}},
	{"Accept", func(ctx context.Context, c *crowded) error {
		c.next++
		_, err := c.Accept(ctx, approvals.Item{Kind: "click"}, fmt.Sprint("envelope ", c.next))
		return err
	}},
	{"Take and Done", func(ctx context.Context, c *crowded) error {
		items, err := c.Take(ctx, "w", 1, 0)
		for _, item := range items {
			if err == nil {
				err = c.Done(ctx, item)
			}
		}
		return err
	}},
	{"Promote", func(ctx context.Context, c *crowded) error { _, err := c.Promote(ctx, 100); return err }},
}

// spent is what the server did: how many commands, those inside scripts included, and for how long
// it was busy with those that clients sent.
func spent(tb testing.TB, client *redis.Client) (commands int, busy time.Duration) {
	tb.Helper()
	stats, err := client.Info(tb.Context(), "commandstats").Result()
	if err != nil {
		tb.Fatal(err)
	}
	lines := bufio.NewScanner(strings.NewReader(stats))
	for lines.Scan() {
		name, values, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "cmdstat_"), ":")
		if values == "" || strings.HasPrefix(name, "config") || name == "info" || name == "hello" ||
			strings.HasPrefix(name, "client") {
			continue
		}
		for value := range strings.SplitSeq(values, ",") {
			key, text, _ := strings.Cut(value, "=")
			n, err := strconv.Atoi(text)
			switch {
			case key == "calls" && err == nil:
				commands += n
			case key == "usec" && err == nil && (name == "evalsha" || name == "xreadgroup" || name == "hget"):
				busy += time.Duration(n) * time.Microsecond
			}
		}
	}
	return commands, busy
}

func reset(tb testing.TB, client *redis.Client) {
	tb.Helper()
	if err := client.ConfigResetStat(tb.Context()).Err(); err != nil {
		tb.Fatal(err)
	}
}

func TestTenThousandOpenRequestsCostACommandNoMoreThanTen(t *testing.T) {
	t.Parallel()
	const times = 20
	cost := make(map[int]map[string]int)
	for _, open := range []int{10, 10_000} {
		c := crowd(t, open)
		cost[open] = make(map[string]int)
		for _, s := range steps {
			// The first use of a script loads it.
			if err := s.do(t.Context(), c); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			reset(t, c.db)
			for range times {
				if err := s.do(t.Context(), c); err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
			}
			commands, busy := spent(t, c.db)
			cost[open][s.name] = commands
			t.Logf("%6d open requests: %s takes %d commands, and keeps Redis busy for %v", open, s.name, commands/times,
				busy/times)
		}
	}
	if diff := cmp.Diff(cost[10], cost[10_000]); diff != "" {
		t.Errorf("commands of %d times each step: %s", times, diff)
	}
}

func BenchmarkOpenWithManyOpenRequests(b *testing.B) {
	for _, open := range []int{10, 10_000} {
		c := crowd(b, open)
		for _, s := range steps[:2] {
			b.Run(fmt.Sprintf("%s/%d", s.name, open), func(b *testing.B) {
				reset(b, c.db)
				for b.Loop() {
					if err := s.do(b.Context(), c); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				commands, busy := spent(b, c.db)
				b.ReportMetric(float64(commands)/float64(b.N), "commands/op")
				b.ReportMetric(float64(busy.Microseconds())/float64(b.N), "redis-µs/op")
			})
		}
	}
}

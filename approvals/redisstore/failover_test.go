package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

// What was accepted is there after a failover, or the person had been told that it was not recorded, or not yet safe.
func TestNothingThatWasAcceptedIsLostWhenThePrimaryIsKilled(t *testing.T) {
	servers := redisserver.StartSentinel(t)
	client := func(retries int) *redis.Client {
		options, err := redis.ParseFailoverURL(servers.URL())
		if err != nil {
			t.Fatal(err)
		}
		options.MaxRetries, options.ContextTimeoutEnabled = retries, true
		c := redis.NewFailoverClient(options)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	s, err := New(Config{Client: client(3), Once: client(-1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.copies.Load(); n != 1 {
		t.Fatalf("waits for %d copies behind sentinels with a replica", n)
	}

	safe := map[string]bool{}
	oneCopy, refused := 0, 0
	afterwards := 0 // accepted by the new primary, which has no replica: recorded, and said to be on one server only
	deadline := time.Now().Add(time.Minute)
	for i := 0; afterwards < 20; i++ {
		if time.Now().After(deadline) {
			t.Fatalf("no new primary in a minute: %d accepted, %d on one server, %d refused", len(safe), oneCopy, refused)
		}
		if i == 200 {
			servers.Primary.Kill()
		}
		request := fmt.Sprintf("R%d", i)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		_, err := s.Accept(ctx, approvals.Item{Kind: "test", Request: request}, request)
		cancel()
		switch {
		case err == nil:
			safe[request] = true
		case errors.Is(err, approvals.ErrOneCopy):
			oneCopy++
			if i >= 200 {
				afterwards++
			}
		default:
			refused++
		}
	}
	entries, err := s.db.XRange(t.Context(), workKey, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]int{}
	for _, entry := range entries {
		var item approvals.Item
		if err := json.Unmarshal([]byte(field(entry, "item")), &item); err != nil {
			t.Fatal(err)
		}
		there[item.Request]++
	}
	for request := range safe {
		if there[request] != 1 {
			t.Errorf("%s was accepted and is there %d times", request, there[request])
		}
	}
	if len(safe) < 150 || refused == 0 {
		t.Errorf("%d accepted, %d refused: the failover was not seen", len(safe), refused)
	}
	t.Logf("%d accepted and all there, %d recorded on one server, %d refused while there was no primary", len(safe), oneCopy, refused)
}

func TestAnAcceptThatSurelyFailedSaysSo(t *testing.T) {
	server := redisserver.Start(t)
	client := func(retries int) *redis.Client {
		options, err := redis.ParseURL(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		options.MaxRetries, options.ContextTimeoutEnabled = retries, true
		c := redis.NewClient(options)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	s, err := New(Config{Client: client(3), Once: client(-1)})
	if err != nil {
		t.Fatal(err)
	}
	accept := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.Accept(ctx, approvals.Item{Kind: "test"}, "an id")
		return err
	}
	server.Pause()
	if err := accept(); err == nil || errors.Is(err, approvals.ErrNotRecorded) {
		t.Errorf("a server that does not answer may have recorded it: %v", err)
	}
	server.Resume()
	server.Kill()
	if err := accept(); !errors.Is(err, approvals.ErrNotRecorded) {
		t.Errorf("where nobody listens nothing is recorded: %v", err)
	}
}

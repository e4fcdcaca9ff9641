package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

// What was accepted is there after a failover, or the person had been told that it was not
// recorded, or not yet safe.
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

	const before, after = 200, 10
	safe := map[string]bool{}
	killed, oneCopy, refused := false, 0, 0
	afterwards := 0 // accepted by the new primary, which has no replica: recorded, and said to be on one server only
	deadline := time.Now().Add(patience)
	for i := 0; afterwards < after; i++ {
		if time.Now().After(deadline) {
			t.Fatalf("no new primary in %v: %d accepted, %d on one server, %d refused", patience, len(safe), oneCopy, refused)
		}
		if !killed && len(safe) == before {
			servers.KillPrimary()
			killed, refused = true, 0
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
			if killed {
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
	if refused == 0 {
		t.Error("none was refused: the failover was not seen")
	}
	t.Logf("%d accepted and all there, %d recorded on one server, %d refused while there was no primary", len(safe),
		oneCopy, refused)
}

func TestAnAcceptThatSurelyFailedSaysSo(t *testing.T) {
	server := redisserver.Start(t)
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if err := acceptOnce(t, options); !errors.Is(err, approvals.ErrNotRecorded) {
		t.Errorf("where nobody listens nothing is recorded: %v", err)
	}
}

func TestAnAcceptThatIsNotAnsweredMayHaveBeenRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := acceptOnce(t, &redis.Options{
			Addr: "127.0.0.1:6379",
			Dialer: func(context.Context, string, string) (net.Conn, error) {
				here, there := net.Pipe()
				go func() { _, _ = io.Copy(io.Discard, there) }()
				return here, nil
			},
		})
		if err == nil || errors.Is(err, approvals.ErrNotRecorded) {
			t.Errorf("a server that does not answer may have recorded it: %v", err)
		}
	})
}

// acceptOnce accepts something, and gives it a second.
func acceptOnce(t *testing.T, o *redis.Options) error {
	t.Helper()
	client := func(retries int) *redis.Client {
		own := *o
		own.MaxRetries, own.ContextTimeoutEnabled = retries, true
		c := redis.NewClient(&own)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	s, err := New(Config{Client: client(3), Once: client(-1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = s.Accept(ctx, approvals.Item{Kind: "test"}, "an id")
	return err
}

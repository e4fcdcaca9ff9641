package redisstore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

func TestAnItemThatCannotBeReadIsHandedOutWithoutAKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s := ready(t, client, 0)
		for _, values := range [][]any{{"item", "{half"}, {"something", "else"}, {"item", `["a list"]`}} {
			if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: workKey, Values: values}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		taken, err := s.Take(t.Context(), "w", 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		claimed, err := s.Claim(t.Context(), "w", 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for try, items := range [][]approvals.Item{taken, claimed} {
			if len(items) != 3 {
				t.Fatalf("handed out: %+v", items)
			}
			for _, item := range items {
				if item.ID == "" || item.Kind != "" || item.Tries != int64(try)+1 {
					t.Errorf("handed out: %+v", item)
				}
			}
		}
		for _, item := range claimed {
			if err := s.Park(t.Context(), item, "it cannot be read"); err != nil {
				t.Error(err)
			}
		}
		if n := client.XLen(t.Context(), workKey).Val(); n != 0 {
			t.Errorf("%d items are left", n)
		}
	})
}

func TestAnItemIsReadFromItsField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s := ready(t, client, 0)
		if err := client.XAdd(t.Context(), &redis.XAddArgs{
			Stream: workKey, Values: []any{"before", "x", "item", `{"kind":"click"}`, "after", "x"},
		}).Err(); err != nil {
			t.Fatal(err)
		}
		taken, err := s.Take(t.Context(), "w", 1, 0)
		if err != nil || len(taken) != 1 || taken[0].Kind != "click" {
			t.Errorf("taken: %+v, %v", taken, err)
		}
		claimed, err := s.Claim(t.Context(), "w", 0, 1)
		if err != nil || len(claimed) != 1 || claimed[0].Kind != "click" {
			t.Errorf("claimed: %+v, %v", claimed, err)
		}
	})
}

// Somebody at a console can take an entry out of the stream that a worker still has in hand.
func TestAnItemThatIsGoneFromTheStreamIsNotClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s := ready(t, client, 0)
		gone, left := takeOne(t, s, "w"), takeOne(t, s, "w")
		if err := client.XDel(t.Context(), workKey, gone.ID).Err(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			claimed, err := s.Claim(t.Context(), "w", 0, 10)
			if err != nil || len(claimed) != 1 || claimed[0].ID != left.ID {
				t.Errorf("claimed: %+v, %v", claimed, err)
			}
		}
	})
}

// The retention can be over between the two steps of a Commit.
func TestARequestThatGoesWhileItIsCommittedToIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s, _ := scene(t, client)
		client.AddHook(between{command: "xrange", do: func() {
			if err := client.Del(t.Context(), requestKey("R1"), logKey("R1")).Err(); err != nil {
				t.Error(err)
			}
		}})
		err := s.Commit(t.Context(), approvals.Transition{
			RequestID: "R1", Expect: 1, Events: []approvals.Event{{Type: approvals.EventRefused}},
		})
		if !errors.Is(err, approvals.ErrUnknownRequest) {
			t.Errorf("got %v", err)
		}
		if n := client.Exists(t.Context(), requestKey("R1"), logKey("R1")).Val(); n != 0 {
			t.Errorf("%d keys are back", n)
		}
	})
}

// between does something after every command of a name.
type between struct {
	command string
	do      func()
}

func (b between) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if cmd.Name() == b.command {
			b.do()
		}
		return err
	}
}

func (b between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func TestALogThatCannotBeReadIsAnError(t *testing.T) {
	for name, entry := range map[string]redis.XAddArgs{
		"a number with a fraction":     {ID: "2-5", Values: []any{"type", "refused", "at", "1"}},
		"a gap":                        {ID: "3-0", Values: []any{"type", "refused", "at", "1"}},
		"no time":                      {ID: "2-0", Values: []any{"type", "refused"}},
		"a detail that is not JSON":    {ID: "2-0", Values: []any{"type", "refused", "at", "1", "detail", "{half"}},
		"a move that no request makes": {ID: "2-0", Values: []any{"type", "applied", "at", "1"}},
		"a second request":             {ID: "2-0", Values: []any{"type", "requested", "at", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, connect := inMemory(t)
				client := connect()
				s, _ := scene(t, client)
				entry.Stream = logKey("R1")
				if err := client.XAdd(t.Context(), &entry).Err(); err != nil {
					t.Fatal(err)
				}
				r, events, err := s.Load(t.Context(), "R1")
				if !errors.Is(err, approvals.ErrBrokenLog) || errors.Is(err, approvals.ErrUnknownRequest) ||
					r.State != approvals.StateUnknown || len(events) != 2 {
					t.Errorf("it is %s with %d events, %v", r.State, len(events), err)
				}
				if err != nil && !strings.Contains(err.Error(), "R1") {
					t.Errorf("the error does not name the request: %v", err)
				}
			})
		})
	}
}

func TestADeliveryThatCannotBeReadIsTampered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s, _ := scene(t, client)
		for field, text := range map[string]string{"cursor": "three", "posted": `{"call":`} {
			if err := client.HSet(t.Context(), deliveryKey("R1"), field, text).Err(); err != nil {
				t.Fatal(err)
			}
			if d, err := s.Delivered(t.Context(), "R1"); err != nil || !d.Tampered {
				t.Errorf("delivered %+v", d)
			}
			if d, ok, err := s.BeginDelivery(t.Context(), "R1", "w", time.Hour); err != nil || !ok || !d.Tampered {
				t.Errorf("begun with %+v", d)
			}
			if err := client.HDel(t.Context(), deliveryKey("R1"), field).Err(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A store that was put together from two backups, say, can point at another request for the same
// subject.
func TestARequestThatEndsMakesWayForItselfOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		client := connect()
		s, _ := scene(t, client)
		if err := client.Set(t.Context(), subjectKey("role 1"), "R9", 0).Err(); err != nil {
			t.Fatal(err)
		}
		err := s.Commit(t.Context(), approvals.Transition{
			RequestID: "R1", Expect: 1, Next: approvals.StateDenied, Events: []approvals.Event{{Type: approvals.EventDenied}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := client.Get(t.Context(), subjectKey("role 1")).Val(); got != "R9" {
			t.Errorf("under way is %q", got)
		}
	})
}

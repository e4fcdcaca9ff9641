package redisstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

func TestAStreamWhoseLastIDSomeoneElseSetTakesEntriesAllTheSame(t *testing.T) {
	server := redisserver.Start(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer client.Close()
	const highest = "18446744073709551615"
	for _, stream := range []string{workKey, unchainedKey, notesKey, parkedKey, chainKey, logKey("R1")} {
		for _, id := range []string{highest + "-" + highest, highest + "-0", "9999999999999-7"} {
			for _, stays := range []bool{true, false} {
				if stays && (stream == chainKey || stream == logKey("R1")) {
					continue // that entry is in the log, and an alarm
				}
				t.Run(fmt.Sprint(stream, id, stays), func(t *testing.T) {
					client.FlushAll(t.Context())
					s := ready(t, client, time.Hour)
					opened(t, s)
					chained := func() {
						t.Helper()
						head, err := s.Head(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						entries, err := s.Waiting(t.Context(), 100)
						if err != nil || len(entries) == 0 {
							t.Fatal(entries, err)
						}
						lines := make([]string, len(entries))
						next := audit.Head{N: head.N + int64(len(lines)), Hash: "x"}
						if err := s.Append(t.Context(), head, next, entries, lines); err != nil {
							t.Error("the audit log:", err)
						}
					}
					chained()
					entry := &redis.XAddArgs{Stream: stream, ID: id, Values: []any{"a", "b"}}
					if err := client.XAdd(t.Context(), entry).Err(); err != nil {
						t.Fatal(err)
					}
					if !stays {
						client.XDel(t.Context(), stream, id)
					}
					r, _, err := s.Load(t.Context(), "R1")
					if err != nil {
						t.Fatal(err)
					}
					if err := s.Commit(t.Context(), approvals.Transition{
						RequestID: "R1", Of: r, Expect: r.Seq, Events: []approvals.Event{{Type: approvals.EventReminded, Source: "x"}},
					}); err != nil {
						t.Error("commit:", err)
					}
					if err := s.Note(t.Context(), approvals.Event{Type: approvals.EventRefused, Source: "y"}); err != nil {
						t.Error("note:", err)
					}
					chained()
					if _, err := s.Accept(t.Context(), approvals.Item{Kind: "click", Source: "z"}); err != nil {
						t.Error("accept:", err)
					}
					took := false
					for range 4 {
						items, err := s.Take(t.Context(), "w", 10, 0)
						if err != nil {
							t.Fatal(err)
						}
						for _, item := range items {
							took = took || item.Source == "z"
							if err := s.Park(t.Context(), item, "why"); err != nil {
								t.Error("park:", err)
							}
						}
					}
					if !took {
						t.Error("what was accepted is not handed out")
					}
				})
			}
		}
	}
}

func TestAGroupThatSomeoneElsePutAheadOfItsStreamBeginsAnew(t *testing.T) {
	server := redisserver.Start(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer client.Close()
	s := ready(t, client, time.Hour)
	if err := client.XGroupSetID(t.Context(), workKey, group, "9999999999999-0").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(t.Context(), approvals.Item{Kind: "click"}); err != nil {
		t.Fatal(err)
	}
	s.counted.Store(0) // a minute is over
	if _, err := s.Promote(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if items, err := s.Take(t.Context(), "w", 10, 0); err != nil || len(items) != 1 {
		t.Errorf("%v, %v", items, err)
	}
}

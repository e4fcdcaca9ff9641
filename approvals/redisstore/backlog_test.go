package redisstore

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

func TestTheBacklogIsWhatWaitsAndForHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		s := ready(t, connect(), 0)
		want := func(what string, want approvals.Backlog) {
			t.Helper()
			got, err := s.Backlog(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", what, diff)
			}
		}
		want("an empty store", approvals.Backlog{})

		open := func(id string) {
			t.Helper()
			_, err := s.Open(t.Context(), id, "U1", "envelope "+id, approvals.Opening{
				Purpose: approvals.Revoke.Do(), Subject: approvals.Subject{Key: "role " + id}, Required: 1,
				ExpireAfter: time.Hour,
			})
			if err == nil {
				_, err = s.Promote(t.Context(), 1)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		move := func(id string, seq int64, typ approvals.EventType, next approvals.State) {
			t.Helper()
			err := s.Commit(t.Context(), approvals.Transition{
				RequestID: id, Expect: seq, Next: next, Events: []approvals.Event{{Type: typ}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range []string{"OPEN", "APPROVED", "EXECUTING", "DONE"} {
			open(id)
		}
		time.Sleep(time.Minute)
		for _, id := range []string{"EXECUTING", "APPROVED", "DONE"} {
			move(id, 1, approvals.EventApproved, approvals.StateApproved)
			time.Sleep(time.Minute)
		}
		move("EXECUTING", 2, approvals.EventStarted, approvals.StateExecuting)
		move("DONE", 2, approvals.EventStarted, approvals.StateExecuting)
		move("DONE", 3, approvals.EventApplied, approvals.StateApplied)
		// Each step queued a delivery, each opening an expiry.
		want("requests in every state", approvals.Backlog{
			Waiting: 10, Oldest: 4 * time.Minute, Timers: 4, Open: 1, Approved: 1, Executing: 1, Longest: 3 * time.Minute,
		})

		items, err := s.Take(t.Context(), "one", 100, 0)
		if err != nil || len(items) != 10 {
			t.Fatalf("%d items: %v", len(items), err)
		}
		if age := time.Since(items[0].Queued); age != 4*time.Minute {
			t.Errorf("the first item was queued %v ago", age)
		}
		want("what is in hand counts", approvals.Backlog{
			Waiting: 10, Oldest: 4 * time.Minute, Timers: 4, Open: 1, Approved: 1, Executing: 1, Longest: 3 * time.Minute,
		})
		for _, item := range items[:9] {
			if err := s.Done(t.Context(), item); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Park(t.Context(), items[9], "a test"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		want("timers that nobody queues", approvals.Backlog{
			Timers: 4, Overdue: 4 * time.Minute, Aside: 1, Open: 1, Approved: 1, Executing: 1,
			Longest: time.Hour + 3*time.Minute,
		})
	})
}

// A log that is none must not look like a store that is away, and a drill that nobody finishes gets
// nobody out of bed.
func TestNeitherABrokenLogNorADrillIsWhatTheBacklogWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		db := connect()
		s := ready(t, db, 0)
		for id, purpose := range map[string]approvals.Purpose{
			"BROKEN": approvals.Revoke.Do(), "DRILL": approvals.Revoke.Drill(),
		} {
			_, err := s.Open(t.Context(), id, "U1", "envelope "+id, approvals.Opening{
				Purpose: purpose, Subject: approvals.Subject{Key: "role " + id}, Required: 1, ExpireAfter: time.Hour,
			})
			if err != nil {
				t.Fatal(err)
			}
			err = s.Commit(t.Context(), approvals.Transition{
				RequestID: id, Expect: 1, Next: approvals.StateApproved, Events: []approvals.Event{{Type: approvals.EventApproved}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := db.XAdd(t.Context(), &redis.XAddArgs{
			Stream: logKey("BROKEN"), ID: "7-0", Values: []any{"type", "applied"},
		}).Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		b, err := s.Backlog(t.Context())
		if err != nil || b.Approved != 2 || b.Longest != 0 {
			t.Errorf("%+v, %v", b, err)
		}
	})
}

func TestAnEntryWithAnIDOfItsOwnHasNoTime(t *testing.T) {
	for id, want := range map[string]time.Time{
		"": {}, "-": {}, "x-0": {}, "7": {}, "1700000000123-4": time.UnixMilli(1_700_000_000_123).UTC(),
	} {
		if got := queuedAt(id); got != want {
			t.Errorf("%q was queued at %v", id, got)
		}
	}
}

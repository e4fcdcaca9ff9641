package redisstore

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

func TestALogThatRedisForgotInTimeIsNoAlarmAndStaysUntilThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connect := inMemory(t)
		const keeps = 90 * 24 * time.Hour
		key, err := approvals.NewKey(bytes.Repeat([]byte{7}, ed25519.SeedSize))
		if err != nil {
			t.Fatal(err)
		}
		s := approvals.NewSealed(ready(t, connect(), keeps), key)
		if _, err := s.Open(t.Context(), "R1", "U0ALICE", "command 1", about("role 1")); err != nil {
			t.Fatal(err)
		}
		commit := func(e approvals.EventType, next approvals.State) {
			t.Helper()
			if _, err := s.Now(t.Context()); err != nil {
				t.Fatal(err)
			}
			r, _, err := s.Load(t.Context(), "R1")
			expect := approvals.AppendOnly
			if err != nil {
				t.Fatal(err)
			} else if next != "" {
				expect = r.Seq
			}
			if err := s.Commit(t.Context(), approvals.Transition{
				RequestID: "R1", Expect: expect, Of: r, Next: next,
				Events: []approvals.Event{{Type: e, Source: string(e) + time.Now().String(), By: "U0ALICE"}},
			}); err != nil {
				t.Fatal(err)
			}
		}
		commit(approvals.EventCancelled, approvals.StateCancelled)
		for range 100 { // the last ones shortly before the retention would be told again
			time.Sleep(keeps / 1000 / 100)
			commit("finding", "")
		}
		last := time.Now()
		for known := true; known; time.Sleep(10 * time.Minute) {
			if time.Sleep(time.Minute); time.Since(last) < keeps-24*time.Hour {
				time.Sleep(23 * time.Hour)
			}
			_, _, err := s.Load(t.Context(), "R1")
			if errors.Is(err, approvals.ErrUnknownRequest) {
				known = false
			} else if err != nil {
				t.Fatalf("after %v: %v", time.Since(last), err)
			}
			if _, forged := errors.AsType[*approvals.ForgedError](err); forged {
				t.Fatalf("after %v: %v", time.Since(last), err)
			}
		}
		if after := time.Since(last); after < keeps-keeps/500 {
			t.Errorf("it was kept for %v", after)
		}
	})
}

package redisstore

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals/audit"
)

// B11: what waits for the audit log is taken out and put in again, changed.
func TestAuditLinesWhoseEventsWereQueuedAgainAtAnotherTimeAreNotUnmarked(t *testing.T) {
	ms := func(text string, by time.Duration) string {
		at, _ := strconv.ParseInt(text, 10, 64)
		return strconv.FormatInt(at+by.Milliseconds(), 10)
	}
	for name, change := range map[string]func(all []redis.XMessage){
		"thirty days early": func(all []redis.XMessage) {
			for _, e := range all {
				e.Values["at"] = ms(field(e, "at"), -30*24*time.Hour)
			}
		},
		"a millisecond late": func(all []redis.XMessage) {
			for _, e := range all {
				e.Values["at"] = ms(field(e, "at"), time.Millisecond)
			}
		},
		"with the times of one another": func(all []redis.XMessage) {
			for i := range len(all) / 2 {
				last := len(all) - 1 - i
				all[i].Values["at"], all[last].Values["at"] = all[last].Values["at"], all[i].Values["at"]
			}
		},
		"as events of another request": func(all []redis.XMessage) {
			for _, e := range all {
				e.Values["request"] = "R9"
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := chronicled(t)
				for range 6 { // a request, and a note
					c.happen(1)
					time.Sleep(time.Second)
				}
				all := c.db.XRange(t.Context(), unchainedKey, "-", "+").Val()
				c.db.Del(t.Context(), unchainedKey)
				change(all)
				for _, e := range all {
					if err := c.db.XAdd(t.Context(), &redis.XAddArgs{Stream: unchainedKey, Values: e.Values}).Err(); err != nil {
						t.Fatal(err)
					}
				}
				c.step(c.worker(c.Store, ""))
				r, err := audit.Verify(strings.NewReader(c.lines()), keysOf(c.key), audit.Head{})
				if err != nil || r.Forged != 6 || c.alarms != 6 {
					t.Errorf("%d lines are marked, %d alarms were raised, %v\n%s", r.Forged, c.alarms, err, c.lines())
				}
			})
		})
	}
}

func TestEventsThatAreQueuedForTheAuditLogAgainAreNotTakenForNewOnes(t *testing.T) { // B11
	synctest.Test(t, func(t *testing.T) {
		c := chronicled(t)
		c.happen(4)
		all := c.db.XRange(t.Context(), unchainedKey, "-", "+").Val()
		w := c.worker(c.Store, "")
		c.step(w)
		for _, e := range all {
			if err := c.db.XAdd(t.Context(), &redis.XAddArgs{Stream: unchainedKey, Values: e.Values}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		c.step(w)
		r, err := audit.Verify(strings.NewReader(c.lines()), keysOf(c.key), audit.Head{})
		if err != nil || r.Whole() || !strings.Contains(strings.Join(r.Problems, "\n"), "its log was set back") {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

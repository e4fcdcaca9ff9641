package times_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/internal/times"
)

func TestAPauseLastsAsLongAsItSaysUnlessItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		begin := time.Now()
		if !times.Pause(ctx, time.Minute) || time.Since(begin) != time.Minute {
			t.Errorf("a pause of a minute took %s", time.Since(begin))
		}
		if times.Pause(ctx, time.Minute) || time.Since(begin) != 90*time.Second {
			t.Errorf("a pause went on to %s after its context ended", time.Since(begin))
		}
	})
}

// "before 23:59:59 UTC" says nothing of a date that is years ahead.
func TestNoTimeOfAnotherDayIsWrittenWithoutItsDate(t *testing.T) {
	day := time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-11-22T00:00:00Z": "00:00:00 UTC", "2026-11-22T23:59:59Z": "23:59:59 UTC",
		"2026-11-23T01:30:00+02:00": "23:30:00 UTC", // the same day in UTC
		"2026-11-22T23:30:00-02:00": "2026-11-23 01:30:00 UTC", "2026-11-23T00:00:00Z": "2026-11-23 00:00:00 UTC",
		"2027-11-22T23:30:00Z": "2027-11-22 23:30:00 UTC", "2999-12-31T23:59:59Z": "2999-12-31 23:59:59 UTC",
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := times.Clock(at, day); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestOfTwoTimesTheLaterOneIsReturned(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	if times.Later(early, late) != late || times.Later(late, early) != late || times.Later(late, late) != late {
		t.Error("it is not")
	}
}

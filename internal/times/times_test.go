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

func TestOfTwoTimesTheLaterOneIsReturned(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	if times.Later(early, late) != late || times.Later(late, early) != late || times.Later(late, late) != late {
		t.Error("it is not")
	}
}

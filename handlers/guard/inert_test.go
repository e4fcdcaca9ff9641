package guard

import (
	"math"
	"testing"
	"time"
)

func TestNoDateInTheFutureMakesLooksWithoutADelay(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, date := range []string{
		"2026-11-22T22:00:00Z", "2099-01-01T00:00:00Z", "2999-12-31T23:59:59Z", "9999-12-31T23:59:59Z",
	} {
		ends, err := time.Parse(time.RFC3339, date)
		if err != nil {
			t.Fatal(err)
		}
		for _, after := range []time.Duration{ExpiredDue("R1", ends.Sub(now)).After, expiredAfter(math.MaxInt64)} {
			if after < 12*time.Hour || after > 31*24*time.Hour {
				t.Errorf("%s: the next look comes after %v", date, after)
			}
		}
	}
}

// Package times has what several layers do with moments and waits.
package times

import (
	"context"
	"time"
)

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Clock writes a moment in UTC, without its date if that is the date of day.
func Clock(t, day time.Time) string {
	t, format := t.UTC(), "15:04:05 UTC"
	if t.Format(time.DateOnly) != day.UTC().Format(time.DateOnly) {
		format = time.DateOnly + " " + format
	}
	return t.Format(format)
}

// Earlier returns the earlier of two times, of which a zero one is none.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Pause waits, and reports false when ctx ended.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

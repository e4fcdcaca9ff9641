package messages

import (
	"fmt"
	"time"
)

// utc writes a moment as evidence does: to the second, in UTC. The zero time is "not known".
func utc(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// clock writes the time of day of a moment, in UTC.
func clock(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return t.UTC().Format("15:04:05") + " UTC"
}

// local writes a moment in the reader's own zone, by Slack's date token, with UTC for those who get
// the fallback. The time comes first, because the date can be "today": "at 7:02 PM today".
func local(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return fmt.Sprintf("<!date^%d^{time} {date_short_pretty}|%s>", t.Unix(), utc(t))
}

// span writes a duration in the units people say: "15 min", "12 h", "1 h 30 min", "45 s".
func span(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d/time.Hour), int(d/time.Minute)%60, int(d/time.Second)%60
	switch {
	case h > 0 && m == 0:
		return fmt.Sprintf("%d h", h)
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case m > 0 && s == 0:
		return fmt.Sprintf("%d min", m)
	case m > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	default:
		return fmt.Sprintf("%d s", s)
	}
}

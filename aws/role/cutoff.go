package role

import "time"

// cutoffAt decides before which issue time sessions are denied.
//
// now is the latest that AWS's clock can show; issue times have whole seconds and the comparison is strict, so it is
// rounded up: a session of this very second is denied. The margin is added for the time that IAM takes to spread the
// policy, in which sessions can still be opened. The result is never below what is on the role already, nor below what
// an earlier attempt promised.
func cutoffAt(now time.Time, margin time.Duration, existing, promised time.Time) time.Time {
	cutoff := ceilSecond(now).Add(margin)
	for _, other := range []time.Time{existing, promised} {
		if other.After(cutoff) {
			cutoff = other
		}
	}
	cutoff = ceilSecond(cutoff)
	if cutoff.After(latestDate) {
		return latestDate
	}
	return cutoff
}

// ceilSecond rounds up to a whole second, in UTC.
func ceilSecond(t time.Time) time.Time {
	whole := t.UTC().Truncate(time.Second)
	if whole.Before(t) {
		whole = whole.Add(time.Second)
	}
	return whole
}

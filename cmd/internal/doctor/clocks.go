package doctor

import (
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/finding"
)

// skewLeast is how far apart two clocks have to be, beyond what the measurement leaves open, for a
// warning.
const skewLeast = 5 * time.Second

// compareClocks judges AWS's and Redis' clocks, each as it was beside this machine's. A clock that
// is not known has a line of its own elsewhere.
func compareClocks(redis, cloud aws.Clock) []finding.Finding {
	var found []finding.Finding
	compare := func(check, what, from, fix string, ahead, within time.Duration) {
		if ahead.Abs()-within < skewLeast {
			found = append(found, finding.Good(check, "They show the same time, as far as can be told."))
			return
		}
		way := "ahead of"
		if ahead < 0 {
			way = "behind"
		}
		found = append(found, finding.Warn(check, fix, "%s is %s %s %s.", what, ahead.Abs().Round(time.Second), way, from))
	}
	if cloud.Known {
		compare("this machine and AWS", "This machine's clock", "AWS's",
			"Set it by NTP: the cutoff is AWS's time in any case, but certificates, logs and the age of clicks go by this "+
				"machine's.", -cloud.Ahead, cloud.Within)
	}
	switch {
	case redis.Known && cloud.Known:
		compare("Redis and AWS", "Redis' clock", "AWS's", "Set the clock of Redis' host by NTP: it says when requests "+
			"expire.", redis.Ahead-cloud.Ahead, redis.Within+cloud.Within)
	case redis.Known:
		compare("Redis and this machine", "Redis' clock", "this machine's",
			"Set both by NTP: Redis' says when requests expire.", redis.Ahead, redis.Within)
	}
	return found
}

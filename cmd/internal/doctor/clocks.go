package doctor

import (
	"sync"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/finding"
)

// skewLeast is how far apart two clocks have to be, beyond what the measurement leaves open, for a
// warning.
const skewLeast = 5 * time.Second

// clocks are AWS's and Redis', each beside this machine's.
type clocks struct {
	mu         sync.Mutex
	aws, redis aws.Clock
}

func (c *clocks) setAWS(clock aws.Clock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aws = clock
}

func (c *clocks) setRedis(clock aws.Clock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.redis = clock
}

// judge compares them. A clock that is not known has a line of its own elsewhere.
func (c *clocks) judge() []finding.Finding {
	c.mu.Lock()
	defer c.mu.Unlock()
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
	if c.aws.Known {
		compare("this machine and AWS", "This machine's clock", "AWS's",
			"Set it by NTP: the cutoff is AWS's time in any case, but certificates, logs and the age of clicks go by this "+
				"machine's.", -c.aws.Ahead, c.aws.Within)
	}
	switch {
	case c.redis.Known && c.aws.Known:
		compare("Redis and AWS", "Redis' clock", "AWS's", "Set the clock of Redis' host by NTP: it says when requests "+
			"expire.", c.redis.Ahead-c.aws.Ahead, c.redis.Within+c.aws.Within)
	case c.redis.Known:
		compare("Redis and this machine", "Redis' clock", "this machine's",
			"Set both by NTP: Redis' says when requests expire.", c.redis.Ahead, c.redis.Within)
	}
	return found
}

package redisstore

import (
	"context"
	"time"
)

// Allow implements approvals.Store.
func (s *Store) Allow(ctx context.Context, name, act string, most int, per time.Duration) (time.Duration, error) {
	keys := []string{prefix + "limit:" + short(name)}
	ms, err := s.run(ctx, "allow", keys, most, per.Milliseconds(), short(act)).Int64()
	return time.Duration(ms) * time.Millisecond, err
}

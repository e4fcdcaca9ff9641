package redisstore

import (
	"context"
	"fmt"
	"time"
)

// Allow implements approvals.Store.
func (s *Store) Allow(ctx context.Context, name, act string, most int, per time.Duration) (time.Duration, error) {
	ms, err := s.allow.Run(ctx, s.db, []string{prefix + "limit:" + short(name)}, most, per.Milliseconds(),
		short(act)).Int64()
	if err != nil {
		return 0, fmt.Errorf("count an act: %w", err)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

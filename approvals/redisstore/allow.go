package redisstore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// Allow implements approvals.Store.
func (s *Store) Allow(ctx context.Context, name, act string, most int, per time.Duration) (time.Duration, error) {
	keys := []string{prefix + "limit:" + short(name)}
	ms, err := s.run(ctx, "allow", keys, most, per.Milliseconds(), short(act)).Int64()
	return time.Duration(ms) * time.Millisecond, err
}

// Announce implements approvals.Store.
func (s *Store) Announce(ctx context.Context, item approvals.Item) (said []approvals.Item, err error) {
	body, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	all, err := s.run(ctx, "announce", []string{saidKey}, body, approvals.Announced.Milliseconds()).StringSlice()
	for _, text := range all {
		said = append(said, decodeItem("", text, 0))
	}
	return said, err
}

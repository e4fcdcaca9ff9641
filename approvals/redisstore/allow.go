package redisstore

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// Allow implements approvals.Store.
func (s *Store) Allow(ctx context.Context, name, act string, most int, per time.Duration) (time.Duration, error) {
	keys := []string{prefix + "limit:" + short(name)}
	ms, err := s.run(ctx, "allow", keys, most, per.Milliseconds(), short(act)).Int64()
	return time.Duration(ms) * time.Millisecond, err
}

// announced is what this process has said last.
type announced struct {
	text, body string
	at         time.Time
}

// sayAgain is how often it says the same.
const sayAgain = approvals.Announced / 3

// Announce implements approvals.Store. While what was said is known, it only reads.
func (s *Store) Announce(ctx context.Context, item approvals.Item) (said []approvals.Item, err error) {
	text, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	var all []string
	last, now := s.said.Load(), time.Now()
	if last != nil && last.body == string(item.Body) && now.Sub(last.at) < sayAgain {
		all, err = s.newest(ctx, saidKey, 100) // one that fails is tried as a script
	}
	if last == nil || !slices.Contains(all, last.text) {
		all, err = s.run(ctx, "announce", []string{saidKey}, text, approvals.Announced.Milliseconds()).StringSlice()
		if err == nil {
			s.said.Store(&announced{string(text), string(item.Body), now})
		}
	}
	for _, text := range all {
		said = append(said, decodeItem("", text, 0))
	}
	return said, err
}

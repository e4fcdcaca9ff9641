package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

// Take implements approvals.Store with XREADGROUP. A wait of less than a millisecond does not block.
func (s *Store) Take(ctx context.Context, worker string, n int, wait time.Duration) ([]approvals.Item, error) {
	block := wait
	if block < time.Millisecond {
		block = -1
	}
	streams, err := s.db.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: group, Consumer: worker, Streams: []string{workKey, ">"}, Count: int64(n), Block: block,
	}).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil && strings.HasPrefix(err.Error(), "NOGROUP"):
		// Redis came back empty. The group starts at the beginning, so what came in since is not passed over.
		return nil, s.Prepare(ctx)
	case err != nil:
		return nil, fmt.Errorf("take work: %w", err)
	}
	var items []approvals.Item
	for _, stream := range streams {
		for _, entry := range stream.Messages {
			items = append(items, decodeItem(entry, 1))
		}
	}
	return items, nil
}

// Claim implements approvals.Store with XPENDING and XCLAIM, which raises the count of tries.
func (s *Store) Claim(ctx context.Context, worker string, idle time.Duration, n int) ([]approvals.Item, error) {
	pending, err := s.db.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: workKey, Group: group, Idle: idle, Start: "-", End: "+", Count: int64(n),
	}).Result()
	if err != nil {
		if strings.HasPrefix(err.Error(), "NOGROUP") {
			return nil, s.Prepare(ctx)
		}
		return nil, fmt.Errorf("look for abandoned work: %w", err)
	}
	if len(pending) == 0 {
		return nil, nil
	}
	tries := make(map[string]int64, len(pending))
	ids := make([]string, 0, len(pending))
	for _, p := range pending {
		ids = append(ids, p.ID)
		tries[p.ID] = p.RetryCount + 1
	}
	entries, err := s.db.XClaim(ctx, &redis.XClaimArgs{
		Stream: workKey, Group: group, Consumer: worker, MinIdle: idle, Messages: ids,
	}).Result()
	if err != nil {
		return nil, fmt.Errorf("claim abandoned work: %w", err)
	}
	items := make([]approvals.Item, 0, len(entries))
	for _, entry := range entries {
		items = append(items, decodeItem(entry, tries[entry.ID]))
	}
	return items, nil
}

// Keep implements approvals.Store: XCLAIM with JUSTID resets the idle time and does not count as a try.
func (s *Store) Keep(ctx context.Context, worker string, items []approvals.Item) error {
	if len(items) == 0 {
		return nil
	}
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}
	err := s.db.XClaimJustID(ctx, &redis.XClaimArgs{
		Stream: workKey, Group: group, Consumer: worker, Messages: ids,
	}).Err()
	if err != nil {
		return fmt.Errorf("keep work: %w", err)
	}
	return nil
}

// Done implements approvals.Store.
func (s *Store) Done(ctx context.Context, item approvals.Item) error {
	_, err := s.db.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.XAck(ctx, workKey, group, item.ID)
		p.XDel(ctx, workKey, item.ID)
		return nil
	})
	if err != nil {
		return fmt.Errorf("finish work: %w", err)
	}
	return nil
}

// Postpone implements approvals.Store.
func (s *Store) Postpone(ctx context.Context, item approvals.Item, after time.Duration) error {
	item.Attempt++
	body, err := json.Marshal(item)
	if err != nil {
		return fmt.Errorf("postpone: %w", err)
	}
	err = s.postpone.Run(ctx, s.db, []string{workKey, dueKey}, group, item.ID, max(after, 0).Milliseconds(), body).Err()
	if err != nil {
		return fmt.Errorf("postpone: %w", err)
	}
	return nil
}

// SetAside implements approvals.Store.
func (s *Store) SetAside(ctx context.Context, item approvals.Item, reason string) error {
	body, err := json.Marshal(item)
	if err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	err = s.setAside.Run(ctx, s.db, []string{workKey, asideKey}, group, item.ID, body, reason, keepNotes).Err()
	if err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	return nil
}

// Promote implements approvals.Store.
func (s *Store) Promote(ctx context.Context, n int) (time.Duration, error) {
	ms, err := s.promote.Run(ctx, s.db, []string{workKey, dueKey}, n).Int64()
	if err != nil {
		return 0, fmt.Errorf("look for what has come due: %w", err)
	}
	if ms < 0 {
		return longestNap, nil
	}
	return min(time.Duration(ms)*time.Millisecond, longestNap), nil
}

// decodeItem reads an entry of the work stream. An entry that cannot be read is handed out without a kind, so that it
// fails in the open and is set aside, instead of blocking the stream.
func decodeItem(entry redis.XMessage, tries int64) approvals.Item {
	var item approvals.Item
	if err := json.Unmarshal([]byte(field(entry, "item")), &item); err != nil {
		item = approvals.Item{}
	}
	item.ID, item.Tries = entry.ID, tries
	return item
}

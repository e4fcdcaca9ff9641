package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

// Take implements approvals.Store with XREADGROUP. A wait of less than a millisecond does not
// block.
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
	case groupIsGone(err):
		return nil, s.Prepare(ctx)
	case err != nil:
		return nil, fmt.Errorf("take work: %w", err)
	}
	var items []approvals.Item
	for _, stream := range streams {
		for _, entry := range stream.Messages {
			items = append(items, decodeItem(entry.ID, field(entry, "item"), 1))
		}
	}
	return items, nil
}

// Claim implements approvals.Store with XPENDING and XCLAIM in one script. Most of the time no
// worker has left anything: one read tells.
func (s *Store) Claim(ctx context.Context, worker string, idle time.Duration, n int) ([]approvals.Item, error) {
	left, err := s.db.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: workKey, Group: group, Idle: idle, Start: "-", End: "+", Count: 1,
	}).Result()
	if err == nil && len(left) == 0 {
		return nil, nil
	}
	if err != nil && !groupIsGone(err) {
		return nil, fmt.Errorf("look for abandoned work: %w", err)
	}
	answer, err := s.run(ctx, "claim", []string{workKey}, group, worker, idle.Milliseconds(), n).StringSlice()
	if groupIsGone(err) {
		return nil, s.Prepare(ctx)
	}
	var items []approvals.Item
	for claimed := range slices.Chunk(answer, 3) {
		tries, _ := strconv.ParseInt(claimed[1], 10, 64) // the script made a number of it
		items = append(items, decodeItem(claimed[0], claimed[2], tries))
	}
	return items, err
}

// Begin implements approvals.Store.
func (s *Store) Begin(ctx context.Context, worker string, item approvals.Item) (bool, error) {
	n, err := s.run(ctx, "begin", []string{workKey}, group, worker, item.ID, item.Tries).Int64()
	if groupIsGone(err) {
		return false, s.Prepare(ctx)
	}
	return n == 1, err
}

// groupIsGone reports that Redis came back empty, or was emptied while a Take waited. The group
// that Prepare makes starts at the beginning of the stream, so what came in since is not passed
// over.
func groupIsGone(err error) bool {
	// A script's error has Redis' own code in it, not at its start on every version.
	return err != nil && (strings.Contains(err.Error(), "NOGROUP") || strings.HasPrefix(err.Error(), "UNBLOCKED"))
}

// Keep implements approvals.Store.
func (s *Store) Keep(ctx context.Context, worker string, items []approvals.Item) error {
	if len(items) == 0 {
		return nil
	}
	args := []any{group, worker}
	for _, item := range items {
		args = append(args, item.ID)
	}
	return s.run(ctx, "keep", []string{workKey}, args...).Err()
}

// Done implements approvals.Store. A pending item that is not in the stream any more is dropped by
// Claim.
func (s *Store) Done(ctx context.Context, item approvals.Item) error {
	_, err := s.db.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.XDel(ctx, workKey, item.ID)
		p.XAck(ctx, workKey, group, item.ID)
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget an item: %w", err)
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
	return s.run(ctx, "postpone", []string{workKey, dueKey}, group, item.ID, max(after, 0).Milliseconds(), body).Err()
}

// Park implements approvals.Store.
func (s *Store) Park(ctx context.Context, item approvals.Item, reason string) error {
	body, err := json.Marshal(item)
	if err != nil {
		return fmt.Errorf("parked: %w", err)
	}
	return s.run(ctx, "park", []string{workKey, parkedKey}, group, item.ID, body, reason, keepNotes).Err()
}

const (
	// trustNap is how long Promote relies on what the script last said of Redis' clock. It can be
	// another one after a failover.
	trustNap = 5 * time.Second
	// promoted is how many timers one script looks at.
	promoted = 20
)

// nap is what the script last said: Redis' time, and when the next timer came due (both ms), and
// when that was by this machine's running clock.
type nap struct {
	now, next float64
	asked     time.Time
}

// Promote implements approvals.Store. While Redis' time is known, one read tells that no timer has
// come due.
func (s *Store) Promote(ctx context.Context, n int) (time.Duration, error) {
	asked := time.Now()
	last := s.nap.Load()
	now := last.now + float64(asked.Sub(last.asked).Milliseconds()+1) // not before Redis' own
	if asked.Sub(last.asked) >= trustNap || now < last.next {
		first, err := s.db.ZRangeWithScores(ctx, dueKey, 0, 0).Result()
		if err != nil {
			return 0, fmt.Errorf("look for the first timer: %w", err)
		}
		s.recount(ctx)
		if len(first) == 0 {
			return longestNap, nil
		}
		if asked.Sub(last.asked) < trustNap && now < first[0].Score {
			return until(now, first[0].Score+1), nil
		}
	}
	answer, err := s.run(ctx, "promote", []string{workKey, dueKey}, min(n, promoted)).Float64Slice()
	if err != nil {
		return 0, err
	}
	l := &nap{now: answer[0], asked: asked}
	if len(answer) == 1 {
		s.nap.Store(l)
		return longestNap, nil
	}
	l.next = answer[1]
	s.nap.Store(l)
	return until(l.now, l.next), nil
}

// until is how long it is from one time to another (both ms). Someone else may have set a timer
// that never comes.
func until(now, then float64) time.Duration {
	return time.Duration(min(max(0, then-now), float64(longestNap.Milliseconds()))) * time.Millisecond
}

// decodeItem reads an entry of the work stream. An entry that cannot be read is handed out without
// a kind, so that it fails in the open and is parked, instead of blocking the stream.
func decodeItem(id, body string, tries int64) approvals.Item {
	var item approvals.Item
	if json.Unmarshal([]byte(body), &item) != nil {
		item = approvals.Item{}
	}
	item.ID, item.Tries, item.Queued = id, tries, queuedAt(id)
	return item
}

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

const (
	// surveyed is how many of the newest requests Backlog looks at. One that is under way for longer
	// than it takes to open so many others is not counted any more.
	surveyed = 200
	// inspected is how many of those that are approved it reads in full, the oldest first.
	inspected = 20
)

// Backlog reads what waits: three steps, however much there is, and one more for each approved
// request that has not ended, of which there are hardly ever several.
func (s *Store) Backlog(ctx context.Context) (approvals.Backlog, error) {
	answer, err := s.run(ctx, "backlog", []string{workKey, dueKey, asideKey}).Int64Slice()
	if err != nil {
		return approvals.Backlog{}, err
	}
	now := answer[0]
	since := func(ms int64) time.Duration {
		if ms < 0 {
			return 0
		}
		return max(0, time.Duration(now-ms)*time.Millisecond)
	}
	b := approvals.Backlog{
		Waiting: answer[1], Oldest: since(answer[2]), Timers: answer[3], Overdue: since(answer[4]), Aside: answer[5],
	}
	ids, err := s.newest(ctx, recentKey, surveyed)
	if err != nil || len(ids) == 0 {
		return b, err
	}
	states, err := s.states(ctx, ids)
	if err != nil {
		return approvals.Backlog{}, err
	}
	var approved []string
	for i, state := range states {
		switch state {
		case approvals.StateOpen:
			b.Open++
			continue
		case approvals.StateApproved:
			b.Approved++
		case approvals.StateExecuting:
			b.Executing++
		default:
			continue
		}
		approved = append(approved, ids[i])
	}
	slices.Reverse(approved)
	for _, id := range approved[:min(len(approved), inspected)] {
		at, err := s.approvedAt(ctx, id)
		if err != nil {
			return approvals.Backlog{}, err
		}
		if !at.IsZero() {
			b.Longest = max(b.Longest, since(at.UnixMilli()))
		}
	}
	return b, nil
}

// states reads the states of requests; "" for one that is gone.
func (s *Store) states(ctx context.Context, ids []string) ([]approvals.State, error) {
	answers := make([]*redis.StringCmd, len(ids))
	_, err := s.db.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			answers[i] = p.HGet(ctx, requestKey(id), "state")
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read the states of requests: %w", err)
	}
	states := make([]approvals.State, len(ids))
	for i, answer := range answers {
		state, err := answer.Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("read the states of requests: %w", err)
		}
		states[i] = approvals.State(state)
	}
	return states, nil
}

// approvedAt is when a request was approved; zero for one that is not, or that has ended meanwhile,
// for a drill, and for one whose log is none any more: whoever handles that raises the alarm, and
// here it must not hide what else waits.
func (s *Store) approvedAt(ctx context.Context, id string) (time.Time, error) {
	r, events, err := s.Load(ctx, id)
	if errors.Is(err, approvals.ErrUnknownRequest) || errors.Is(err, approvals.ErrBrokenLog) ||
		err == nil && (r.State.Ended() || r.Purpose.Mode() == approvals.ModeDrill) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	for _, e := range events {
		if e.Type == approvals.EventApproved {
			return e.At, nil
		}
	}
	return time.Time{}, nil
}

// queuedAt is when an entry of the work stream was added, by Redis' clock: the first part of its
// id, in milliseconds (Redis documentation, "Entry IDs" in "Redis Streams").
func queuedAt(id string) time.Time {
	ms, err := strconv.ParseInt(id[:max(0, strings.IndexByte(id, '-'))], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

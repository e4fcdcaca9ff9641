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
	answer, err := s.run(ctx, "backlog", []string{workKey, dueKey, parkedKey}).Int64Slice()
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
	states := make([]*redis.StringCmd, len(ids))
	_, err = s.db.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			states[i] = p.HGet(ctx, requestKey(id), "state")
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return approvals.Backlog{}, fmt.Errorf("read the states of requests: %w", err)
	}
	var approved []string
	for i, state := range states {
		switch approvals.State(state.Val()) { // "" of one that is gone
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
		r, _, err := s.Load(ctx, id)
		switch {
		case errors.Is(err, approvals.ErrUnknownRequest), errors.Is(err, approvals.ErrBrokenLog):
			// A broken log is an alarm of the worker that handles it, and must not hide here what
			// else waits.
		case err != nil:
			return approvals.Backlog{}, err
		case len(r.Votes) > 0 && !r.State.Ended() && r.Purpose.Mode() != approvals.ModeDrill:
			b.Longest = max(b.Longest, since(r.Votes[len(r.Votes)-1].At.UnixMilli()))
		}
	}
	return b, nil
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

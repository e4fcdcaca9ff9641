package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/audit"
)

var (
	_ audit.Store  = (*Store)(nil)
	_ audit.Outbox = (*Store)(nil)
)

// wrote lets the audit log's worker know that something waits for it.
func (s *Store) wrote() {
	select {
	case s.written <- struct{}{}:
	default: // it knows
	}
}

// Written implements audit.Store.
func (s *Store) Written() <-chan struct{} { return s.written }

// Waiting implements audit.Store.
func (s *Store) Waiting(ctx context.Context, n int) ([]audit.Entry, error) {
	queued, err := s.db.XRangeN(ctx, unchainedKey, "-", "+", int64(n)).Result()
	if err != nil {
		return nil, fmt.Errorf("look for events to chain: %w", err)
	}
	entries := make([]audit.Entry, len(queued))
	for i, q := range queued {
		entries[i] = audit.Entry{ID: q.ID, Request: field(q, "request"), Event: unchained(q)}
	}
	return entries, nil
}

// unchained reads an event as the scripts queued it. One that they did not queue is chained as far
// as it can be read: its seal tells.
func unchained(q redis.XMessage) approvals.Event {
	e, _ := event(q) // of a time that is none, it has the first
	e.Seq, _ = strconv.ParseInt(field(q, "seq"), 10, 64)
	e.Type = cmp.Or(e.Type, approvals.EventUntrusted)
	return e
}

// Head implements audit.Store.
func (s *Store) Head(ctx context.Context) (audit.Head, error) {
	values, err := s.db.HMGet(ctx, headKey, "n", "hash").Result()
	if err != nil {
		return audit.Head{}, fmt.Errorf("look for the audit log's end: %w", err)
	}
	number, ok := values[0].(string)
	if !ok {
		return audit.Start(), nil
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return audit.Head{}, fmt.Errorf("the audit log's head is %q: %w", number, audit.ErrTornChain)
	}
	hash, _ := values[1].(string)
	return audit.Head{N: n, Hash: hash}, nil
}

// Append implements audit.Store. A line is kept for as long as an ended request is.
func (s *Store) Append(ctx context.Context, head, next audit.Head, entries []audit.Entry, lines []string) error {
	args := []any{head.N, head.Hash, next.Hash, s.retention.Milliseconds()}
	for i, line := range lines {
		args = append(args, entries[i].ID, line)
	}
	answer, err := s.run(ctx, "chain", []string{unchainedKey, chainKey, headKey}, args...).Text()
	if err == nil && answer != "ok" {
		err = refusal(answer)
	}
	return err
}

// Lines implements audit.Store.
func (s *Store) Lines(ctx context.Context, after int64, n int) ([]string, error) {
	entries, err := s.db.XRangeN(ctx, chainKey, fmt.Sprint(after+1), "+", int64(n)).Result()
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	lines := make([]string, len(entries))
	for i, e := range entries {
		lines[i] = field(e, "line")
	}
	return lines, nil
}

// Sending implements audit.Outbox.
func (s *Store) Sending(ctx context.Context, worker string, sent int64, lease time.Duration) (int64, error) {
	last, err := s.run(ctx, "sending", []string{hookKey, headKey}, worker, sent, lease.Milliseconds()).Int64()
	if err == nil && last < 0 {
		err = audit.ErrMoved
	}
	return last, err
}

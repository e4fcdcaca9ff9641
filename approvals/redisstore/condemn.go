package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/revokebot/revokebot/approvals"
)

// Condemn implements approvals.Store.
func (s *Store) Condemn(ctx context.Context, c approvals.Condemnation) error {
	deliver, err := json.Marshal(approvals.Item{Kind: approvals.KindDeliver, Request: c.RequestID})
	if err != nil {
		return fmt.Errorf("condemn request %s: %w", c.RequestID, err)
	}
	keys := []string{
		requestKey(c.RequestID), logKey(c.RequestID), workKey, deliveryKey(c.RequestID), asideKey, unchainedKey,
	}
	// The log may say another subject than the one that is held, or none; Commit needs one.
	held, err := s.db.HGet(ctx, requestKey(c.RequestID), "subject").Result()
	switch {
	case err != nil && !errors.Is(err, redis.Nil):
		return fmt.Errorf("condemn request %s: %w", c.RequestID, err)
	case strings.HasPrefix(held, subjectKey("")):
		keys = append(keys, held)
	default:
		keys = append(keys, subjectKey("condemned/"+c.RequestID))
	}
	for _, key := range c.Subjects {
		keys = append(keys, subjectKey(key))
	}
	args := []any{
		c.RequestID, c.Entries, c.Trusted, string(c.Next), deliver, c.Why, keepNotes, s.retention.Milliseconds(),
		len(c.Events),
	}
	for _, e := range c.Events {
		at := ""
		if !e.At.IsZero() {
			at = fmt.Sprint(e.At.UnixMilli())
		}
		args = append(args, at, string(e.Type), e.By, e.Source, string(e.Detail), e.Seal)
	}
	answer, err := s.condemn.Run(ctx, s.db, keys, args...).Text()
	switch {
	case err != nil:
		return fmt.Errorf("condemn request %s: %w", c.RequestID, err)
	case answer == "conflict":
		return approvals.ErrConflict
	default:
		s.wrote()
		return nil
	}
}

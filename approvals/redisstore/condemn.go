package redisstore

import (
	"context"
	"fmt"

	"github.com/revokebot/revokebot/approvals"
)

// Condemn implements approvals.Store.
func (s *Store) Condemn(ctx context.Context, c approvals.Condemnation) error {
	keys := []string{
		requestKey(c.RequestID), logKey(c.RequestID), workKey, deliveryKey(c.RequestID),
		fmt.Sprintf("%scondemned:%s:%d", prefix, c.RequestID, len(c.Events)), unchainedKey,
	}
	for _, key := range c.Subjects {
		keys = append(keys, subjectKey(key))
	}
	args := []any{
		c.RequestID, c.Entries, string(c.Next), deliverItem(c.RequestID), s.retention.Milliseconds(), len(c.Events),
	}
	for _, e := range c.Events {
		if e.At.IsZero() {
			var err error
			if e.At, err = s.Now(ctx); err != nil {
				return err
			}
		}
		args = append(args, e.At.UnixMilli(), string(e.Type), e.By, e.Source, string(e.Detail), e.Seal)
	}
	answer, err := s.run(ctx, "condemn", keys, args...).Text()
	switch {
	case err != nil:
		return err
	case answer != "ok":
		return refusal(answer)
	}
	s.wrote()
	return nil
}

package redisstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// BeginDelivery implements approvals.Store.
func (s *Store) BeginDelivery(
	ctx context.Context, id, worker string, lease time.Duration,
) (approvals.Delivery, bool, error) {
	answer, err := s.run(ctx, "begin_delivery", []string{deliveryKey(id), logKey(id), dueKey},
		worker, lease.Milliseconds(), longestLease*lease.Milliseconds(), deliverItem(id)).StringSlice()
	switch {
	case err != nil:
		return approvals.Delivery{}, false, err
	case answer[0] == "ok":
		return decodeDelivery(answer[1:]), true, nil
	case answer[0] == "busy":
		return approvals.Delivery{}, false, nil
	default:
		return approvals.Delivery{}, false, refusal(answer[0])
	}
}

// MarkDelivery implements approvals.Store.
func (s *Store) MarkDelivery(ctx context.Context, id, worker string, lease time.Duration, d approvals.Delivery) error {
	told, err := encodeDelivery(d)
	if err != nil {
		return fmt.Errorf("mark delivery of %s: %w", id, err)
	}
	held, err := s.run(ctx, "mark_delivery", []string{deliveryKey(id)},
		append([]any{worker, lease.Milliseconds()}, told...)...).Int()
	if err == nil && held == 0 {
		return approvals.ErrLeaseLost
	}
	return err
}

// EndDelivery implements approvals.Store.
func (s *Store) EndDelivery(
	ctx context.Context, id, worker string, d approvals.Delivery, then approvals.Then,
) (bool, error) {
	told, err := encodeDelivery(d)
	if err != nil {
		return false, fmt.Errorf("end delivery of %s: %w", id, err)
	}
	how, again := "", ""
	if then.Force {
		how = "force"
	}
	if then.Again > 0 {
		again = strconv.FormatInt(then.Again.Milliseconds(), 10)
	}
	answer, err := s.run(ctx, "end_delivery", []string{deliveryKey(id), logKey(id), dueKey},
		append([]any{worker, how, deliverItem(id), again}, told...)...).Int()
	if answer < 0 {
		return false, approvals.ErrLeaseLost
	}
	return answer == 1, err
}

// Delivered implements approvals.Store.
func (s *Store) Delivered(ctx context.Context, id string) (approvals.Delivery, error) {
	values, err := s.db.HMGet(ctx, deliveryKey(id), deliveryFields...).Result()
	if err != nil && strings.HasPrefix(err.Error(), "WRONGTYPE") {
		return approvals.Delivery{Tampered: true}, nil
	}
	if err != nil {
		return approvals.Delivery{}, fmt.Errorf("read delivery of %s: %w", id, err)
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i], _ = v.(string)
	}
	return decodeDelivery(texts), nil
}

// deliveryFields are those of the hash that say how far Slack was told; begin_delivery.lua reads
// the same.
var deliveryFields = []string{"card", "card_seq", "cursor", "part", "intent", "posted", "seal"}

// longestLease is how many times as long as the lease that a delivery begins with any lease is at
// most.
const longestLease = 3

// deliverItem is the item that tells Slack of a request, as the stream and the timers have it.
func deliverItem(id string) string {
	body, _ := json.Marshal(approvals.Item{Kind: approvals.KindDeliver, Request: id}) //nolint:errcheck // of two texts
	return string(body)
}

// encodeDelivery are the deliveryFields.
func encodeDelivery(d approvals.Delivery) ([]any, error) {
	posted := ""
	if len(d.Posted) > 0 {
		text, err := json.Marshal(d.Posted)
		if err != nil {
			return nil, err
		}
		posted = string(text)
	}
	return []any{d.Card, d.CardSeq, d.Cursor, d.Part, d.Intent, posted, d.Seal}, nil
}

// decodeDelivery reads the deliveryFields.
func decodeDelivery(fields []string) approvals.Delivery {
	d := approvals.Delivery{Card: fields[0], Seal: fields[6]}
	for i, n := range []*int64{&d.CardSeq, &d.Cursor, &d.Part, &d.Intent} {
		var err error
		if text := fields[i+1]; text != "" {
			*n, err = strconv.ParseInt(text, 10, 64)
		}
		d.Tampered = d.Tampered || err != nil
	}
	if posted := fields[5]; posted != "" && json.Unmarshal([]byte(posted), &d.Posted) != nil || d.Tampered {
		return approvals.Delivery{Tampered: true}
	}
	return d
}

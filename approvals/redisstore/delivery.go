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
	answer, err := s.run(ctx, "begin_delivery", []string{deliveryKey(id), logKey(id)},
		worker, lease.Milliseconds(), longestLease.Milliseconds()).StringSlice()
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
	posted, err := encodePosted(d.Posted)
	if err != nil {
		return fmt.Errorf("mark delivery of %s: %w", id, err)
	}
	held, err := s.run(ctx, "mark_delivery", []string{deliveryKey(id)},
		worker, lease.Milliseconds(), d.Card, d.CardSeq, d.Cursor, d.Part, d.Intent, posted, d.Seal).Int()
	if err == nil && held == 0 {
		return approvals.ErrLeaseLost
	}
	return err
}

// EndDelivery implements approvals.Store.
func (s *Store) EndDelivery(ctx context.Context, id, worker string, force bool) (bool, error) {
	how := ""
	if force {
		how = "force"
	}
	answer, err := s.run(ctx, "end_delivery", []string{deliveryKey(id), logKey(id)}, worker, how).Int()
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

// longestLease is longer than any lease that is asked for.
const longestLease = 5 * time.Minute

func encodePosted(posted map[string]approvals.Posted) (string, error) {
	if len(posted) == 0 {
		return "", nil
	}
	text, err := json.Marshal(posted)
	return string(text), err
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

package redisstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// BeginDelivery implements approvals.Store.
func (s *Store) BeginDelivery(
	ctx context.Context, id, worker string, lease time.Duration,
) (approvals.Delivery, bool, error) {
	answer, err := s.beginDelivery.Run(ctx, s.db, []string{deliveryKey(id), requestKey(id)},
		worker, lease.Milliseconds()).StringSlice()
	if err != nil {
		return approvals.Delivery{}, false, fmt.Errorf("begin delivery of %s: %w", id, err)
	}
	switch {
	case len(answer) == 1 && answer[0] == "unknown":
		return approvals.Delivery{}, false, approvals.ErrUnknownRequest
	case len(answer) == 1 && answer[0] == "busy":
		return approvals.Delivery{}, false, nil
	case len(answer) != 1+len(deliveryFields) || answer[0] != "ok":
		return approvals.Delivery{}, false, fmt.Errorf("begin delivery of %s: the script answered %q", id, answer)
	}
	d, err := decodeDelivery(answer[1:])
	if err != nil {
		return approvals.Delivery{}, false, fmt.Errorf("begin delivery of %s: %w", id, err)
	}
	return d, true, nil
}

// MarkDelivery implements approvals.Store.
func (s *Store) MarkDelivery(ctx context.Context, id, worker string, lease time.Duration, d approvals.Delivery) error {
	living, err := encodeLiving(d.Living)
	if err != nil {
		return fmt.Errorf("mark delivery of %s: %w", id, err)
	}
	held, err := s.markDelivery.Run(ctx, s.db, []string{deliveryKey(id)},
		worker, lease.Milliseconds(), d.Card, d.CardSeq, d.Cursor, d.Part, d.Intent, living).Int()
	if err != nil {
		return fmt.Errorf("mark delivery of %s: %w", id, err)
	}
	if held == 0 {
		return approvals.ErrLeaseLost
	}
	return nil
}

// EndDelivery implements approvals.Store.
func (s *Store) EndDelivery(ctx context.Context, id, worker string, force bool) (bool, error) {
	how := ""
	if force {
		how = "force"
	}
	answer, err := s.endDelivery.Run(ctx, s.db, []string{deliveryKey(id), requestKey(id)}, worker, how).Int()
	if err != nil {
		return false, fmt.Errorf("end delivery of %s: %w", id, err)
	}
	if answer < 0 {
		return false, approvals.ErrLeaseLost
	}
	return answer == 1, nil
}

// Delivered implements approvals.Store.
func (s *Store) Delivered(ctx context.Context, id string) (approvals.Delivery, error) {
	values, err := s.db.HMGet(ctx, deliveryKey(id), deliveryFields...).Result()
	if err != nil {
		return approvals.Delivery{}, fmt.Errorf("read delivery of %s: %w", id, err)
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i], _ = v.(string)
	}
	return decodeDelivery(texts)
}

// deliveryFields are those of the hash that say how far Slack was told; begin_delivery.lua reads
// the same.
var deliveryFields = []string{"card", "card_seq", "cursor", "part", "intent", "living"}

func encodeLiving(living map[string]approvals.Living) (string, error) {
	if len(living) == 0 {
		return "", nil
	}
	text, err := json.Marshal(living)
	return string(text), err
}

// decodeDelivery reads the deliveryFields.
func decodeDelivery(fields []string) (approvals.Delivery, error) {
	if len(fields) != len(deliveryFields) {
		return approvals.Delivery{}, fmt.Errorf("a delivery has %d fields", len(deliveryFields))
	}
	d := approvals.Delivery{Card: fields[0]}
	for i, n := range []*int64{&d.CardSeq, &d.Cursor, &d.Part, &d.Intent} {
		text := fields[i+1]
		if text == "" {
			continue
		}
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return approvals.Delivery{}, fmt.Errorf("%q is not a number of a delivery", text)
		}
		*n = value
	}
	if living := fields[len(deliveryFields)-1]; living != "" {
		if err := json.Unmarshal([]byte(living), &d.Living); err != nil {
			return approvals.Delivery{}, fmt.Errorf("the living messages: %w", err)
		}
	}
	return d, nil
}

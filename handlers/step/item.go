package step

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/revokebot/revokebot/approvals"
)

// ErrNotAnItem is for items that nothing here can make sense of. They are tried a few times, as
// any, and put aside.
var ErrNotAnItem = errors.New("an item that cannot be read")

// Body is what an item asks for, as it is kept. It is made of strings, numbers and times; one that
// JSON has no words for is missing, and the item is put aside.
func Body(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return raw
}

// BodyOf reads what an item asks for.
func BodyOf[T any](item approvals.Item) (T, error) {
	var b T
	if err := json.Unmarshal(item.Body, &b); err != nil {
		return b, fmt.Errorf("%w: the body of an item of kind %q: %w", ErrNotAnItem, item.Kind, err)
	}
	return b, nil
}

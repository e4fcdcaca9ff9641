package record

import (
	"encoding/json"
	"fmt"

	"github.com/revokebot/revokebot/approvals"
)

// Detail decodes an event's Detail into the payload of its type.
func Detail[T any](e approvals.Event) (T, error) {
	var d T
	err := json.Unmarshal(e.Detail, &d)
	if err != nil {
		err = fmt.Errorf("event %d (%s): %w", e.Seq, e.Type, err)
	}
	return d, err
}

// Known is the payload of an event, nil for one that cannot be read.
func Known[T any](e approvals.Event) *T {
	d, err := Detail[T](e)
	if err != nil {
		return nil
	}
	return &d
}

package step

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
)

// ErrNotAnItem is for items that nothing here can make sense of. They are tried a few times, as
// any, and parked.
var ErrNotAnItem = errors.New("an item that cannot be read")

// Body is what an item asks for, as it is kept. It is made of strings, numbers and times; one that
// JSON has no words for is missing, and the item is parked.
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

// Again is returned by Handle when an item should be handled again later, as its next attempt.
type Again struct {
	After time.Duration
	// Busy: nothing was tried, because something else has to be done first. It does not count as an
	// attempt.
	Busy bool
}

// Error says so.
func (a *Again) Error() string { return "again in " + a.After.String() }

// NotYet puts off what is said to be the last of some looks until their plan is over, counted from
// when the policy was applied: an item is not signed, and the last check says what all of them came
// to. nil: it is time.
func NotYet(r approvals.Request, now time.Time, plan []time.Duration) error {
	if len(plan) == 0 {
		return nil
	}
	if left := slices.Max(plan) - now.Sub(r.Ended); left > 0 {
		return &Again{After: left, Busy: true}
	}
	return nil
}

// RetryAfter is a delay that doubles with each attempt, from a second to a minute.
func RetryAfter(attempt int) time.Duration { return min(time.Second<<min(attempt, 6), time.Minute) }

// Explained is what an error means to people.
func Explained(err error) string {
	return cmp.Or(aws.Explain(err), "The log has the reason.")
}

package record_test

import (
	"testing"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// A revocation that was interrupted can have promised more than once, and have found its own earlier write.
func TestWhatWasThereBeforeADenyIsNeverTheBotsOwnEarlierTry(t *testing.T) {
	t.Parallel()
	started := func(document, previous string) approvals.Event {
		return event(t, approvals.EventStarted, document, previous)
	}
	for name, c := range map[string]struct {
		events             []approvals.Event
		document, previous string
	}{
		"one try":                            {[]approvals.Event{started("D1", "P")}, "D1", "P"},
		"nothing was there":                  {[]approvals.Event{started("D1", "")}, "D1", ""},
		"an earlier try did not write":       {[]approvals.Event{started("D1", "P"), started("D2", "P")}, "D2", "P"},
		"an earlier try wrote":               {[]approvals.Event{started("D1", "P"), started("D2", "D1")}, "D2", "P"},
		"two earlier tries wrote":            {[]approvals.Event{started("D1", "P"), started("D2", "D1"), started("D3", "D2")}, "D3", "P"},
		"somebody changed it between them":   {[]approvals.Event{started("D1", "P"), started("D2", "Q")}, "D2", "Q"},
		"it was written again later":         {[]approvals.Event{started("D1", "P"), event(t, approvals.EventRewritten, "D2", "X")}, "D2", "P"},
		"it was merged while it was written": {[]approvals.Event{started("D1", "P"), event(t, approvals.EventApplied, "D2", "")}, "D2", "P"},
		"it was written as promised":         {[]approvals.Event{started("D1", "P"), event(t, approvals.EventApplied, "", "")}, "D1", "P"},
		"AWS may have taken it again":        {[]approvals.Event{started("D1", "P"), event(t, approvals.EventTampered, "D2", "X")}, "D2", "P"},
		"what was promised again was there":  {[]approvals.Event{started("D1", "P"), event(t, approvals.EventTampered, "D2", "X"), event(t, approvals.EventRewritten, "", "")}, "D2", "P"},
		"a loss was told only":               {[]approvals.Event{started("D1", "P"), event(t, approvals.EventTampered, "", "")}, "D1", "P"},
		"others tell nothing":                {[]approvals.Event{started("D1", "P"), event(t, approvals.EventFinding, "D2", "X")}, "D1", "P"},
		"a log without a write":              {nil, "", ""},
	} {
		if w := record.WrittenBy(c.events); w.Document != c.document || w.Previous != c.previous {
			t.Errorf("%s: %q over %q, want %q over %q", name, w.Document, w.Previous, c.document, c.previous)
		}
	}
}

func event(t *testing.T, kind approvals.EventType, document, previous string) approvals.Event {
	t.Helper()
	return approvals.Event{Type: kind, Detail: must(t, map[string]string{"document": document, "previous": previous})}
}

package record_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/record"
)

// A revocation that was interrupted can have promised more than once, and in another place.
func TestWhatARequestHasWrittenIsAllThatItPromised(t *testing.T) {
	t.Parallel()
	started := func(slot contain.Slot, cutoff int, before string) approvals.Event {
		return happened(t, approvals.EventStarted, record.Started{Cutoff: at(cutoff), Changes: changes(slot, cutoff, before)})
	}
	taken := happened(t, approvals.EventApplied, record.Applied{
		Cutoff: at(5), There: []contain.Document{{Slot: first, Text: to(5)}},
	})
	raised := contain.Document{Slot: second, Text: to(9)}
	for name, c := range map[string]struct {
		events          []approvals.Event
		promised        int
		last, stands    string
		cutoff, planned int
	}{
		"a log without a write": {nil, 0, "", "", 0, 0},
		"one try":               {[]approvals.Event{started(first, 1, "")}, 1, "to 1", "", 0, 1},
		"two tries":             {[]approvals.Event{started(first, 1, ""), started(second, 5, "")}, 2, "to 5", "", 0, 5},
		"AWS took it":           {[]approvals.Event{started(first, 5, ""), taken}, 1, "to 5", "to 5", 5, 5},
		"a check missed it":     {[]approvals.Event{started(first, 5, ""), taken, lost(t, 7)}, 2, "to 7", "to 5", 5, 7},
		"a loss was only told": {
			[]approvals.Event{started(first, 5, ""), happened(t, approvals.EventTampered, record.Tampered{})},
			1, "to 5", "", 0,
			5,
		},
		"an event cannot be read": {
			[]approvals.Event{started(first, 1, ""), {Type: approvals.EventStarted, Detail: []byte("?")}}, 1, "to 1", "", 0, 1,
		},
		"other events tell nothing": {
			[]approvals.Event{happened(t, approvals.EventFinding, record.Applied{Cutoff: at(5)})}, 0, "", "", 0, 0,
		},
		"someone else has raised it": {
			[]approvals.Event{
				started(first, 5, ""), happened(t, approvals.EventApplied, record.Applied{
					Cutoff: at(9), There: []contain.Document{raised},
				}),
			},
			1, "to 5", "to 9", 9, 9,
		},
	} {
		w := record.WrittenBy(c.events)
		minutes := func(n int) bool { return n == 0 }
		if len(contain.Documents(w.Changes)) != c.promised || all(w.Last()) != c.last || all(w.Stands) != c.stands ||
			w.Cutoff.IsZero() != minutes(c.cutoff) || !w.Cutoff.IsZero() && !w.Cutoff.Equal(at(c.cutoff)) ||
			w.Planned.IsZero() != minutes(c.planned) || !w.Planned.IsZero() && !w.Planned.Equal(at(c.planned)) {
			t.Errorf("%s: %+v", name, w)
		}
	}
}

// all are texts, named for their cutoffs.
func all(docs []contain.Document) string {
	var texts []string
	for _, d := range docs {
		texts = append(texts, short(d.Text))
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

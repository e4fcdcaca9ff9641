package incidents_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// oddly are copies of a record, each odd in one way: a member is missing or has another type, in it
// or in what it holds; or it is of another version, account or century, of more than 256 kB, or the
// same under another id.
func oddly(t *testing.T, record json.RawMessage) (all []json.RawMessage) {
	t.Helper()
	var r map[string]any
	if err := json.Unmarshal(record, &r); err != nil {
		t.Fatal(err)
	}
	var vary func(of map[string]any, put func(map[string]any) map[string]any)
	vary = func(of map[string]any, put func(map[string]any) map[string]any) {
		for _, name := range slices.Sorted(maps.Keys(of)) {
			with := func(change func(map[string]any)) map[string]any {
				odd := maps.Clone(of)
				change(odd)
				return put(odd)
			}
			variants := []map[string]any{with(func(m map[string]any) { delete(m, name) })}
			for _, other := range []any{nil, 7, []any{1}, map[string]any{"x": 1}} {
				variants = append(variants, with(func(m map[string]any) { m[name] = other }))
			}
			for _, odd := range variants {
				text, err := json.Marshal(odd)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, text)
			}
			if inner, ok := of[name].(map[string]any); ok {
				vary(inner, func(odd map[string]any) map[string]any {
					return with(func(m map[string]any) { m[name] = odd })
				})
			}
		}
	}
	vary(r, func(odd map[string]any) map[string]any { return odd })
	others := map[string]any{
		"eventVersion": "99.0", "recipientAccountId": "999999999999", "eventTime": "2000-01-01T00:00:00Z",
		"additional": strings.Repeat("x", 256<<10),
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		odd := maps.Clone(r)
		odd[name] = others[name]
		text, err := json.Marshal(odd)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return append(all, record) // under another id
}

// Every record comes with its odd copies, of which CloudTrail takes those that name a call.
func TestOddRecordsChangeNoVerdictByEitherSource(t *testing.T) {
	t.Parallel()
	call := stolenCall(offset(10*time.Minute), "eu-west-1", "")
	for verdict, more := range map[string][]event{"contained": nil, "not contained": {call}} {
		for source, logGroup := range map[string]bool{"the event history": false, "the log group": true} {
			t.Run(verdict+" by "+source, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					line := readTimeline(t, filepath.Join("testdata", "baseline.json"))
					line.logGroup = logGroup
					line.Events = append(line.Events, more...)
					for i, e := range line.Events {
						for n, odd := range oddly(t, e.Record) {
							// After the cutoff, the copies that name the caller in another way come first.
							first := "z"
							if e.At > 0 && !bytes.Contains(odd, []byte(`"type":"IAMUser"`)) {
								first = "a"
							}
							id := fmt.Sprintf("%s%03d-%04d", first, i, n)
							line.odd = append(line.odd, event{At: e.At, Region: e.Region, Record: named(odd, id)})
						}
						line.Events[i].Record = named(e.Record, fmt.Sprintf("m%03d", i))
					}
					if got := play(t, line); got.verdict != verdict {
						t.Errorf("%q, not %q\n%s", got.verdict, verdict, got.message)
					}
				})
			})
		}
	}
}

// named gives a record an event's id. Events of one second come in the order of their ids.
func named(record json.RawMessage, id string) json.RawMessage {
	return append([]byte(`{"eventID":"`+id+`",`), record[1:]...)
}

package incidents_test

import (
	"encoding/json"
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
	for name, value := range map[string]any{
		"eventVersion": "99.0", "recipientAccountId": "999999999999", "eventTime": "2000-01-01T00:00:00Z",
		"additional": strings.Repeat("x", 256<<10), "eventID": "another",
	} {
		odd := maps.Clone(r)
		odd[name] = value
		text, err := json.Marshal(odd)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
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
					for _, e := range slices.Clone(line.Events) {
						for _, odd := range oddly(t, e.Record) {
							line.odd = append(line.odd, event{At: e.At, Region: e.Region, Record: odd})
						}
					}
					got := play(t, line)
					doubts := verdict == "contained" && got.verdict == "unknown" && onlyDoubts(got.message)
					if got.verdict != verdict && !doubts {
						t.Errorf("%q, not %q\n%s", got.verdict, verdict, got.message)
					}
				})
			})
		}
	}
}

// onlyDoubts reports whether all that a verdict gives as reason are callers first seen after the
// cutoff: the odd copies of openings make a crowd of callers, of whom not all are looked up.
func onlyDoubts(message string) bool {
	reasons := 0
	for line := range strings.Lines(message) {
		if strings.HasPrefix(line, "•") {
			if reasons++; !strings.Contains(line, "first seen after the cutoff") {
				return false
			}
		}
	}
	return reasons > 0
}

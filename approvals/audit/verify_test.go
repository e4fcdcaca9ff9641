package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

func keyOf(t testing.TB, b byte) approvals.Key {
	t.Helper()
	key, err := approvals.NewKey(bytes.Repeat([]byte{b}, ed25519.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// chained is a chain of n events of two requests, and notes among them.
func chained(t testing.TB, n int, key approvals.Key) []string {
	t.Helper()
	head := Start()
	var lines []string
	seqs := make(map[string]int64)
	for i := range n {
		request := fmt.Sprint("R", i%3)
		e := approvals.Event{
			Type: approvals.EventRefused, By: "U0BOB", Source: fmt.Sprint("envelope ", i),
			At: time.UnixMilli(int64(1_790_000_000_000 + i)), Detail: json.RawMessage(`{"code":"<&>","action":"a\u003cb"}`),
		}
		if i%3 == 2 {
			request = ""
		} else {
			seqs[request]++
			e.Seq = seqs[request]
		}
		if !key.IsZero() {
			e.Seal = key.SealEvent(request, "", e)
		}
		text, then, err := next(head, Entry{Request: request, Event: e}, key)
		if err != nil {
			t.Fatal(err)
		}
		lines, head = append(lines, text), then
	}
	return lines
}

// verified is what Verify says of lines.
func verified(t testing.TB, lines []string, until Head, keys ...approvals.Key) Report {
	t.Helper()
	var public []ed25519.PublicKey
	for _, k := range keys {
		public = append(public, k.Public())
	}
	r, err := Verify(strings.NewReader(strings.Join(lines, "\n")+"\n"), public, until)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAChainThatNobodyTouchedIsWhole(t *testing.T) {
	key := keyOf(t, 1)
	lines := chained(t, 30, key)
	end := Head{N: 30, Hash: hashOf(lines[29])}
	r := verified(t, lines, end, key)
	if !r.Whole() || r.Lines != 30 || r.First != 1 || r.Last != 30 || r.Signed != 30 || r.Head != end || r.Forged != 0 {
		t.Errorf("%+v", r)
	}
	if r := verified(t, lines[10:], end, key); !r.Whole() || r.First != 11 {
		t.Errorf("from the eleventh on: %+v", r)
	}
	if r := verified(t, lines, Head{}); !r.Whole() || r.Signed != 0 {
		t.Errorf("without a key: %+v", r)
	}
	if r := verified(t, chained(t, 5, approvals.Key{}), Head{}); !r.Whole() {
		t.Errorf("a chain that was never signed: %+v", r)
	}
}

func TestAByteOrderMarkInFrontIsNoChange(t *testing.T) {
	key := keyOf(t, 1)
	lines := chained(t, 3, key)
	lines[0] = "\ufeff" + lines[0]
	if r := verified(t, lines, Head{N: 3, Hash: hashOf(lines[2])}, key); !r.Whole() || r.Lines != 3 {
		t.Errorf("%+v", r)
	}
	if r := verified(t, []string{"\ufeff" + lines[0], lines[1]}, Head{}, key); r.Whole() {
		t.Error("two marks pass for one")
	}
	for n := range lines { // the bot goes on writing such a file
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		text := "\ufeff" // an editor's empty file
		if n > 0 {
			text = strings.Join(lines[:n], "\n") + "\n" // lines[0] has a mark
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		f := &file{path: path, size: -1}
		if err := f.find(out); err != nil || f.at.N != int64(n) {
			t.Errorf("%d lines: %+v, %v", n, f.at, err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAChangedMissingAddedOrMovedLineIsNamed(t *testing.T) {
	key := keyOf(t, 1)
	lines := chained(t, 12, key)
	other := chained(t, 12, keyOf(t, 2))
	end := Head{N: 12, Hash: hashOf(lines[11])}
	for name, c := range map[string]struct {
		change func(l []string) []string
		until  Head
		want   []string // all of the problems, by what they contain
	}{
		"a letter changed": {
			func(l []string) []string {
				l[4] = strings.Replace(l[4], "U0BOB", "U0EVE", 1)
				return l
			}, Head{}, []string{"line 5: it was changed: its signature is not of this text.", "line 6: it does not follow"},
		},
		"the last one changed": {
			func(l []string) []string {
				l[11] = strings.Replace(l[11], "U0BOB", "U0EVE", 1)
				return l
			}, Head{}, []string{"line 12: it was changed"},
		},
		"a space added": {
			func(l []string) []string {
				l[4] = strings.Replace(l[4], ":", ": ", 1)
				return l
			}, Head{}, []string{"line 5: it was changed", "line 6: it does not follow"},
		},
		"a line taken out": {
			func(l []string) []string {
				return slices.Delete(l, 4, 5)
			}, Head{}, []string{"line 5 (number 6): line 5 is missing before it."},
		},
		"three lines taken out": {
			func(l []string) []string {
				return slices.Delete(l, 4, 7)
			}, Head{}, []string{"line 5 (number 8): lines 5 to 7 are missing before it."},
		},
		"two lines swapped": {
			func(l []string) []string {
				l[4], l[5] = l[5], l[4]
				return l
			}, Head{}, []string{"line 5 (number 6): line 5 is missing", "line 6 (number 5): it comes after line 6"},
		},
		"a line twice": {
			func(l []string) []string {
				return slices.Insert(l, 5, l[4])
			}, Head{}, []string{"line 6 (number 5): there is a line 5 before it already"},
		},
		"something else": {
			func(l []string) []string {
				return slices.Insert(l, 5, `{"hello":1}`)
			}, Head{}, []string{"line 6: it is no line of an audit log."},
		},
		"the end cut off": {
			func(l []string) []string {
				return l[:9]
			}, end, []string{"It ends with line 9: lines 10 to 12 are missing at its end."},
		},
		"another end": {
			func(l []string) []string { return l }, Head{N: 12, Hash: strings.Repeat("0", 64)}, []string{"line 12: its hash is"},
		},
		"a head before the log": {
			func(l []string) []string { return l[5:] }, Head{N: 2, Hash: end.Hash}, []string{"It begins with line 6, so line 2"},
		},
		"a signature taken away": {
			func(l []string) []string {
				l[4] = l[4][:strings.LastIndex(l[4], beforeSig)] + "}"
				return l
			}, Head{}, []string{"line 5: it was changed", "line 6: it does not follow"},
		},
		"one by another key": {
			func(l []string) []string {
				l[11] = other[11]
				return l
			}, Head{}, []string{"line 12: it is signed with key", "line 12: it does not follow"},
		},
		"all by another key": {
			func([]string) []string { return other[:1] }, Head{}, []string{"line 1: it is signed with key"},
		},
		"one edited, and signed with another key": {
			func(l []string) []string {
				l[4] = resigned(t, l, 5)
				return l
			}, Head{}, []string{"line 5: it is signed with key", "line 6: it does not follow"},
		},
		"the last edited, and signed with another key": {
			func(l []string) []string {
				l[11] = resigned(t, l, 12)
				return l
			}, end, []string{"line 12: it is signed with key", "line 12: its hash is"},
		},
		"a space at an end": {
			func(l []string) []string {
				l[4] += " "
				return l
			}, Head{}, []string{"line 5: it is no line", "line 6: line 5 is missing"},
		},
		"a carriage return": {
			func(l []string) []string {
				l[11] += "\r"
				return l
			}, end, []string{"line 12: it is no line", "It ends with line 11: line 12 is missing at its end."},
		},
		"a mark of Unicode inside": {
			func(l []string) []string { l[4] = "\ufeff" + l[4]; return l },
			Head{},
			[]string{"line 5: it is no line", "line 6: line 5 is missing before it."},
		},
		"an empty line": {func(l []string) []string { return append(l, "") }, end, []string{"line 13: it is no line"}},
		"a space before": {
			func(l []string) []string {
				l[4] = " " + l[4]
				return l
			}, Head{}, []string{"line 5: it was changed", "line 6: it does not follow"},
		},
		"members twice": {func(l []string) []string {
			l[4] = strings.Replace(l[4], `"by":"U0BOB"`, `"by":"U0EVE","by":"U0BOB"`, 1)
			return l
		}, Head{}, []string{"line 5: it was changed", "line 6: it does not follow"}},
		"something behind it": {
			func(l []string) []string {
				l[11] += `{}`
				return l
			}, end, []string{"line 12: it is no line", "It ends with line 11"},
		},
		"another signature": {func(l []string) []string {
			l[4] = l[4][:strings.LastIndex(l[4], beforeSig)] + l[5][strings.LastIndex(l[5], beforeSig):]
			return l
		}, Head{}, []string{"line 5: it was changed", "line 6: it does not follow"}},
		"a chain without a key": {
			func([]string) []string { return chained(t, 3, approvals.Key{}) }, Head{}, []string{"None of its lines is signed."},
		},
		"an unsigned line after": {
			func(l []string) []string {
				return append(l, unsignedAfter(t, l))
			}, Head{}, []string{"line 13: it is not signed, and lines before it are"},
		},
	} {
		r := verified(t, c.change(slices.Clone(lines)), c.until, key)
		if len(r.Problems) != len(c.want) {
			t.Errorf("%s: %q", name, r.Problems)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(r.Problems[i], want) {
				t.Errorf("%s: %q is not %q", name, r.Problems[i], want)
			}
		}
	}
}

// resigned is a line as somebody writes it who has the chain and a key of their own.
func resigned(t *testing.T, lines []string, n int) string {
	t.Helper()
	l, _, _, err := readLine(lines[n-1])
	if err != nil {
		t.Fatal(err)
	}
	e := l.event()
	e.By = "U0EVE"
	e.Seal = keyOf(t, 2).SealEvent(l.Request, "", e)
	text, _, err := next(Head{N: int64(n - 1), Hash: hashOf(lines[n-2])}, Entry{Request: l.Request, Event: e}, keyOf(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unsignedAfter is a line that somebody without a key put at the end of a chain.
func unsignedAfter(t *testing.T, lines []string) string {
	t.Helper()
	text, _, err := next(Head{N: int64(len(lines)), Hash: hashOf(lines[len(lines)-1])},
		Entry{Event: approvals.Event{Type: approvals.EventRefused}}, approvals.Key{})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestALineThatWasChangedIsFoundWithoutAKeyAsWell(t *testing.T) {
	lines := chained(t, 12, keyOf(t, 1))
	lines[4] = strings.Replace(lines[4], "U0BOB", "U0EVE", 1)
	if r := verified(t, lines, Head{}); len(r.Problems) != 1 ||
		!strings.Contains(r.Problems[0], "line 6: it does not follow the line before it: line 5 was changed") {
		t.Errorf("%q", r.Problems)
	}
}

func TestAnEventThatTheDeploymentDidNotSignIsChainedAndMarked(t *testing.T) {
	key := keyOf(t, 1)
	head := Start()
	var lines []string
	for _, e := range []approvals.Event{
		{Seq: 1, Type: approvals.EventRequested, By: "U0ROSA"},
		{Seq: 2, Type: approvals.EventApproved, By: "U0BOB"}, // by hand
		{Seq: 3, Type: approvals.EventRefused, Detail: json.RawMessage(`{half`)},
		{Seq: 4, Type: approvals.EventForged},
	} {
		if e.Seq != 2 {
			e.Seal = key.SealEvent("R1", "", e)
		}
		text, then, err := next(head, Entry{Request: "R1", Event: e}, key)
		if err != nil {
			t.Fatal(err)
		}
		lines, head = append(lines, text), then
	}
	if r := verified(t, lines, Head{}, key); !r.Whole() || r.Forged != 2 {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(lines[1], `"forged":"unsealed"`) || !strings.Contains(lines[2], `"forged":"unreadable"`) {
		t.Errorf("%s\n%s", lines[1], lines[2])
	}
}

func TestEventsThatAreNotChainedAreMissed(t *testing.T) {
	key := keyOf(t, 1)
	head := Start()
	var lines []string
	for _, seq := range []int64{1, 2, 4, 3, 5} {
		e := approvals.Event{Seq: seq, Type: approvals.EventRefused}
		e.Seal = key.SealEvent("R1", "", e)
		text, then, err := next(head, Entry{Request: "R1", Event: e}, key)
		if err != nil {
			t.Fatal(err)
		}
		lines, head = append(lines, text), then
	}
	r := verified(t, lines, Head{}, key)
	if len(r.Problems) != 3 || !strings.Contains(r.Problems[0], "event 3 was not chained") ||
		!strings.Contains(r.Problems[1], "its log was set back") {
		t.Errorf("%q", r.Problems)
	}
}

func TestWhatIsNoAuditLogIsToldInFewWords(t *testing.T) {
	r, err := Verify(strings.NewReader(strings.Repeat("hello\n", 100)), nil, Head{})
	if err != nil || len(r.Problems) != maxProblems || r.More != 100-maxProblems {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := Verify(strings.NewReader(""), nil, Head{}); err != nil || len(r.Problems) != 1 ||
		r.Problems[0] != "There is no line in it." {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := Verify(strings.NewReader(strings.Repeat("x", maxLine+1)), nil, Head{}); !errors.Is(err, errLongLine) {
		t.Errorf("a long line: %v", err)
	}
	torn := strings.Join(chained(t, 3, approvals.Key{}), "\n")
	if r, err := Verify(strings.NewReader(torn), nil, Head{}); err != nil || len(r.Problems) != 1 ||
		!strings.Contains(r.Problems[0], "line 3: it was cut off") {
		t.Errorf("%+v, %v", r, err)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(strings.Join(chained(f, 3, keyOf(f, 1)), "\n") + "\n")
	f.Add(`{"n":1,"prev":"","type":"x","key":"a","sig":"` + "\n")
	keys := []ed25519.PublicKey{keyOf(f, 1).Public()}
	whole := strings.Join(chained(f, 3, keyOf(f, 1)), "\n") + "\n"
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Verify(strings.NewReader(text), keys, Head{N: 3, Hash: hashOf(strings.Split(whole, "\n")[2])})
		if err == nil && r.Whole() && !strings.HasSuffix(whole, text) {
			t.Errorf("it is whole: %q", text)
		}
	})
}

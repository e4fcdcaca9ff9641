package metrics

import (
	"fmt"
	"testing"
)

func TestALabelHasFewValuesAndNoTextFromOutside(t *testing.T) {
	var w words
	for text, want := range map[string]string{
		"deliver": "deliver", "chat.postMessage": "chat.postMessage", "GetRole": "GetRole", "is_archived": "is_archived",
		"": otherWord, "two words": otherWord, "<!channel>": otherWord, "arn:aws:iam::1:role/x": otherWord, "4": otherWord,
		"a23456789012345678901234567890123456789012345": otherWord,
	} {
		if got := w.of("kind", text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	for i := range 2 * maxWords {
		w.of("kind", fmt.Sprintf("flood%d", i))
	}
	if n := len(w.known["kind"]); n != maxWords {
		t.Errorf("%d values", n)
	}
	if got := w.of("kind", "deliver"); got != "deliver" {
		t.Errorf("a word that is known became %q", got)
	}
	if got := w.of("code", "own_request"); got != "own_request" {
		t.Errorf("a flood of one label made another's value %q", got)
	}
}

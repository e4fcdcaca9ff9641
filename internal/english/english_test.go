package english_test

import (
	"testing"

	"github.com/revokebot/revokebot/internal/english"
)

func TestOneThingIsCountedInTheSingularAndNoneAndManyInThePlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 calls", 1: "1 call", 2: "2 calls", 21: "21 calls"} {
		if got := english.Count(n, "call", "calls"); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

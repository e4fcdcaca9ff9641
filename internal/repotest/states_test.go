package repotest

import (
	"os"
	"regexp"
	"testing"

	"github.com/revokebot/revokebot/approvals"
)

func TestTheDrawingOfTheStatesIsTheCode(t *testing.T) {
	text, err := os.ReadFile("../../docs/state_machine.md")
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[[2]string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ +(\S+) --> (\w+|\[\*\])`).FindAllStringSubmatch(string(text), -1) {
		drawn[[2]string{m[1], m[2]}] = true
	}
	const outside = "[*]"
	coded := map[[2]string]bool{}
	for _, from := range approvals.States() {
		if approvals.StateUnknown.CanBecome(from) {
			coded[[2]string{outside, string(from)}] = true
		}
		if from.Ended() {
			coded[[2]string{string(from), outside}] = true
		}
		for _, to := range approvals.States() {
			if from.CanBecome(to) {
				coded[[2]string{string(from), string(to)}] = true
			}
		}
	}
	for move := range coded {
		if !drawn[move] {
			t.Errorf("%s --> %s is not drawn", move[0], move[1])
		}
	}
	for move := range drawn {
		if !coded[move] {
			t.Errorf("%s --> %s is drawn, and no request makes it", move[0], move[1])
		}
	}
}

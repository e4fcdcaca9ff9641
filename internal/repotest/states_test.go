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
	var events []approvals.EventType
	for _, m := range regexp.MustCompile(`(?m)^ +\S+ --> \w+: (\w+)$`).FindAllStringSubmatch(string(text), -1) {
		events = append(events, approvals.EventType(m[1]))
	}
	coded[[2]string{outside, string(approvals.StateOpen)}] = true // held by a test of package approvals
	for _, to := range approvals.States() {
		if to.Ended() {
			coded[[2]string{string(to), outside}] = true
		}
		for _, event := range events {
			t := approvals.Transition{Events: []approvals.Event{{Type: event}}, Next: to}
			for _, from := range t.From() {
				if from != to {
					coded[[2]string{string(from), string(to)}] = true
				}
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

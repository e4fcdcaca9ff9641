package approvals_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/approvals"
)

// arrow is one move of the drawing.
type arrow struct {
	from, to approvals.State
	event    approvals.EventType
}

// outside is the drawing's word for before the beginning and after the end.
const outside = "[*]"

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/state_machine.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// drawn reads the arrows, and the states from which one leads out of the drawing.
func drawn(t *testing.T) (arrows []arrow, ends []approvals.State) {
	t.Helper()
	_, rest, found := strings.Cut(document(t), "```mermaid\nstateDiagram-v2\n")
	picture, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("there is no drawing")
	}
	move := regexp.MustCompile(`^    (\S+) --> (\S+): (\S+)$`)
	end := regexp.MustCompile(`^    (\S+) --> \[\*\]$`)
	for line := range strings.Lines(picture) {
		line = strings.TrimRight(line, "\n")
		if m := end.FindStringSubmatch(line); m != nil {
			ends = append(ends, approvals.State(m[1]))
			continue
		}
		m := move.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("the drawing has a line that is no arrow: %q", line)
		}
		a := arrow{approvals.State(m[1]), approvals.State(m[2]), approvals.EventType(m[3])}
		if m[1] == outside {
			a.from = approvals.StateUnknown
		}
		arrows = append(arrows, a)
	}
	return arrows, ends
}

func byText(a, b arrow) int {
	return strings.Compare(string(a.from+" "+a.to)+string(a.event), string(b.from+" "+b.to)+string(b.event))
}

func TestTheDrawingShowsTheMovesThatARequestMakes(t *testing.T) {
	var coded []arrow
	for event, to := range approvals.Moves() {
		for _, from := range append(approvals.States(), approvals.StateUnknown) {
			if from.CanBecome(to) {
				coded = append(coded, arrow{from, to, event})
			}
		}
	}
	coded = slices.DeleteFunc(coded, func(a arrow) bool {
		return a.to == approvals.StateOpen && approvals.Stays(a.event) // it begins nothing
	})
	arrows, ends := drawn(t)
	slices.SortFunc(coded, byText)
	slices.SortFunc(arrows, byText)
	if diff := cmp.Diff(coded, arrows, cmp.AllowUnexported(arrow{})); diff != "" {
		t.Errorf("the code's moves and the drawing's: %s", diff)
	}
	var ended []approvals.State
	for _, s := range approvals.States() {
		if s.Ended() {
			ended = append(ended, s)
		}
	}
	slices.Sort(ended)
	slices.Sort(ends)
	if diff := cmp.Diff(ended, ends); diff != "" {
		t.Errorf("the code's ends and the drawing's: %s", diff)
	}
}

func TestFoldMakesTheDrawnMovesAndNoOthers(t *testing.T) {
	allowed := make(map[arrow]bool)
	arrows, _ := drawn(t)
	for _, a := range arrows {
		allowed[a] = true
	}
	for event := range approvals.Moves() {
		if approvals.Stays(event) {
			to := approvals.Moves()[event]
			allowed[arrow{to, to, event}] = true
		}
	}
	// What only some purposes have (docs/state_machine.md).
	of := func(purpose approvals.Purpose, event approvals.EventType) bool {
		switch event {
		case approvals.EventStarted, approvals.EventApplied:
			return purpose != approvals.Revoke.Drill()
		case approvals.EventRehearsed:
			return purpose == approvals.Revoke.Drill()
		default:
			return true
		}
	}
	// A log that leads to each state.
	logs := map[approvals.State]log{
		approvals.StateUnknown:   {},
		approvals.StateOpen:      asked(t, 5),
		approvals.StateApproved:  asked(t, 5).by(carol, approvals.EventApproved),
		approvals.StateExecuting: asked(t, 5).by(carol, approvals.EventApproved).then(approvals.EventStarted),
		approvals.StateApplied: asked(t, 5).by(carol, approvals.EventApproved).
			then(approvals.EventStarted, approvals.EventApplied),
		approvals.StateFailed:    asked(t, 5).then(approvals.EventFailed),
		approvals.StateDenied:    asked(t, 5).by(carol, approvals.EventDenied),
		approvals.StateCancelled: asked(t, 5).by(alice, approvals.EventCancelled),
		approvals.StateExpired:   asked(t, 5).then(approvals.EventExpired),
		approvals.StateVoid:      asked(t, 5).by(carol, approvals.EventApproved).then(approvals.EventVoided),
		approvals.StateRehearsed: askedFor(t, approvals.Revoke.Drill(), 5).by(carol, approvals.EventApproved).
			then(approvals.EventRehearsed),
	}
	if len(logs) != len(approvals.States())+1 {
		t.Errorf("%d states have a log, of %d", len(logs)-1, len(approvals.States()))
	}
	for from, l := range logs {
		if r := l.fold(t); r.State != from {
			t.Fatalf("the log to %s leads to %s", from, r.State)
		}
		for event, to := range approvals.Moves() {
			next := l.by(bob, event)
			if event == approvals.EventRequested {
				next[len(next)-1].Detail = asked(t, 5)[0].Detail
			}
			r, err := approvals.Fold("R1", next)
			drawn := allowed[arrow{from, to, event}] && of(l.fold(t).Purpose, event)
			if made := err == nil; made != drawn {
				t.Errorf("%s, %s: folded %v, drawn %v (%v)", from, event, made, drawn, err)
			}
			if err == nil && r.State != to {
				t.Errorf("%s, %s: it is %s", from, event, r.State)
			}
		}
	}
}

func TestTheTableOfEventsIsTheCode(t *testing.T) {
	type row struct {
		to    string
		again bool
	}
	coded := make(map[string]row)
	for event, to := range approvals.Moves() {
		coded[string(event)] = row{"`" + string(to) + "`", approvals.Stays(event)}
	}
	for _, event := range []approvals.EventType{
		approvals.EventRefused, approvals.EventDelayed, approvals.EventReadBack, approvals.EventEvidence,
		approvals.EventParked,
		approvals.EventPolicyExpired, approvals.EventUndone,
		approvals.EventReminded, approvals.EventShutOut, approvals.EventDirect, approvals.EventForged,
		approvals.EventUntrusted,
		approvals.EventFinding, approvals.EventSimulated, approvals.EventSeenDenied,
		approvals.EventTampered, approvals.EventRewritten, approvals.EventHeld,
		approvals.EventUsers, approvals.EventLooking, approvals.EventSessions, approvals.EventActivity,
		approvals.EventChosen, approvals.EventVouched, approvals.EventVerdict,
	} {
		if _, moves := approvals.Moves()[event]; !moves {
			coded[string(event)] = row{to: "stays"}
		}
	}
	table := make(map[string]row)
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\S+) \\| (.+) \\|$").FindAllStringSubmatch(document(t),
		-1) {
		table[m[1]] = row{m[2], strings.Contains(m[3], "it can come again")}
	}
	if diff := cmp.Diff(coded, table, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("the code's events and the table's: %s", diff)
	}
}

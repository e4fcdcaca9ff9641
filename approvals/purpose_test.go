package approvals_test

import (
	"testing"

	"github.com/revokebot/revokebot/approvals"
)

func TestAPurposeThatIsNotKnownWritesNothingAndNeitherDoesADrill(t *testing.T) {
	for purpose, want := range map[approvals.Purpose]bool{
		approvals.PurposeUnknown: false, "nonsense": false, "undo:nonsense": false, "undo": false, "do:revoke": false,
		"revoke": true, "undo:revoke": true, "drill:revoke": false,
	} {
		if purpose.Writes() != want {
			t.Errorf("%q writes: %v", purpose, purpose.Writes())
		}
	}
}

func TestAPurposeIsAMeasureAndWhatIsDoneWithIt(t *testing.T) {
	for purpose, want := range map[approvals.Purpose]struct {
		mode    approvals.Mode
		measure approvals.Measure
	}{
		"revoke":            {approvals.ModeDo, approvals.Revoke},
		"undo:revoke":       {approvals.ModeUndo, approvals.Revoke},
		"drill:revoke":      {approvals.ModeDrill, approvals.Revoke},
		"lock":              {approvals.ModeDo, approvals.Lock},
		"undo:lock":         {approvals.ModeUndo, approvals.Lock},
		"drill:lock":        {approvals.ModeDrill, approvals.Lock},
		"undo:nonsense":     {},
		"undo":              {},
		"do:revoke":         {},
		"drill:undo:revoke": {},
	} {
		if purpose.Mode() != want.mode || purpose.Measure() != want.measure {
			t.Errorf("%q: %q of %q", purpose, purpose.Mode(), purpose.Measure())
		}
	}
}

// Whatever code a bug brings a drill to: a promise or a write in its log makes it none.
func TestTheLogOfADrillHasNoPromiseAndNoWriteAndNothingElseWasRehearsed(t *testing.T) {
	for purpose, refused := range map[approvals.Purpose][]approvals.EventType{
		approvals.Revoke.Drill(): {
			approvals.EventStarted, approvals.EventApplied, approvals.EventTampered, approvals.EventRewritten,
		},
		approvals.Revoke.Do():   {approvals.EventRehearsed},
		approvals.Revoke.Undo(): {approvals.EventRehearsed},
		"nonsense":              {approvals.EventStarted, approvals.EventTampered, approvals.EventRehearsed},
	} {
		l := askedFor(t, purpose, 1).by(bob, approvals.EventApproved)
		for _, event := range refused {
			if _, err := approvals.Fold("R1", l.then(event)); err == nil {
				t.Errorf("a request for %q has %s", purpose, event)
			}
			if _, err := l.fold(t).With(approvals.Event{Type: event}); err == nil {
				t.Errorf("a request for %q takes %s", purpose, event)
			}
		}
	}
	r := askedFor(t, approvals.Revoke.Drill(), 1).by(bob, approvals.EventApproved).
		then(approvals.EventRehearsed, approvals.EventEvidence).fold(t)
	if r.State != approvals.StateRehearsed || !r.State.Ended() || r.Closing.Type != approvals.EventRehearsed {
		t.Errorf("it is %s, closed by %s", r.State, r.Closing.Type)
	}
}

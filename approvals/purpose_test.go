package approvals_test

import (
	"testing"

	"github.com/revokebot/revokebot/approvals"
)

func TestAPurposeThatIsNotKnownWritesNothingAndNeitherDoesADrill(t *testing.T) {
	for purpose, want := range map[approvals.Purpose]bool{
		approvals.PurposeUnknown: false, "nonsense": false, approvals.PurposeDrill: false, approvals.PurposeRevoke: true,
		approvals.PurposeUndo: true,
	} {
		if purpose.Writes() != want {
			t.Errorf("%q writes: %v", purpose, purpose.Writes())
		}
	}
}

// Whatever code a bug brings a drill to: a promise or a write in its log makes it none.
func TestTheLogOfADrillHasNoPromiseAndNoWriteAndNothingElseWasRehearsed(t *testing.T) {
	for purpose, refused := range map[approvals.Purpose][]approvals.EventType{
		approvals.PurposeDrill: {
			approvals.EventStarted, approvals.EventApplied, approvals.EventTampered, approvals.EventRewritten,
		},
		approvals.PurposeRevoke: {approvals.EventRehearsed},
		approvals.PurposeUndo:   {approvals.EventRehearsed},
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
	r := askedFor(t, approvals.PurposeDrill, 1).by(bob, approvals.EventApproved).
		then(approvals.EventRehearsed, approvals.EventEvidence).fold(t)
	if r.State != approvals.StateRehearsed || !r.State.Ended() || r.Closing.Type != approvals.EventRehearsed {
		t.Errorf("it is %s, closed by %s", r.State, r.Closing.Type)
	}
}

package approvals_test

import (
	"testing"

	"github.com/revokebot/revokebot/approvals"
)

func TestZeroValueStateIsNotAPass(t *testing.T) {
	var s approvals.State
	if s.Ended() || s == approvals.StateOpen || s.String() != "unknown" {
		t.Errorf("the unknown state is %v", s)
	}
	for _, next := range append(approvals.States(), approvals.StateUnknown) {
		if s.CanBecome(next) != (next == approvals.StateOpen) {
			t.Errorf("unknown can become %s: %v", next, s.CanBecome(next))
		}
		if next.CanBecome(approvals.StateUnknown) || next.CanBecome(next) {
			t.Errorf("%s can become unknown or itself", next)
		}
	}
}

func TestWhatHasEndedStaysAsItIs(t *testing.T) {
	for _, s := range approvals.States() {
		leaves := false
		for _, next := range approvals.States() {
			leaves = leaves || s.CanBecome(next)
		}
		if s.Ended() == leaves {
			t.Errorf("%s has ended: %v, and can become something: %v", s, s.Ended(), leaves)
		}
	}
}

func TestOnlyAnOpenRequestCanBeApproved(t *testing.T) {
	for _, s := range append(approvals.States(), approvals.StateUnknown, "nonsense") {
		if s.CanBecome(approvals.StateApproved) != (s == approvals.StateOpen) {
			t.Errorf("%s can become approved: %v", s, s.CanBecome(approvals.StateApproved))
		}
	}
}

func TestAStateThatDoesNotExistIsNothing(t *testing.T) {
	s := approvals.State("nonsense")
	if s.Ended() || s.String() != "nonsense" {
		t.Errorf("it is %v", s)
	}
	for _, next := range approvals.States() {
		if s.CanBecome(next) || next.CanBecome(s) {
			t.Errorf("nonsense and %s", next)
		}
	}
}

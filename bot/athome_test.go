package bot

import (
	"context"
	"errors"
	"testing"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/step"
)

// The attempts of a click are for the card that it may be ahead of, and what came back was counted
// against floods before: waiting for Slack uses up neither.
func TestWaitingForSlackAtAStartCountsAsNoAttempt(t *testing.T) {
	a := &atHome{
		identified: func() bool {
			return false
		}, resume: func(context.Context, approvals.Item) (bool, error) { return false, nil },
	}
	err := a.Handle(t.Context(), approvals.Item{Kind: handlers.KindClick, Source: envelopeSource + "E-1"})
	if again, ok := errors.AsType[*step.Again](err); !ok || !again.Busy || again.After != homeWait {
		t.Errorf("got %#v", err)
	}
}

package aws

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/smithy-go"
)

func TestAnOutcomeIsOneWordOfAFew(t *testing.T) {
	api := func(code string) error { return &smithy.GenericAPIError{Code: code, Message: "text from outside"} }
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for want, got := range map[Outcome]Outcome{
		OutcomeOK:          outcomeOf(t.Context(), nil),
		OutcomeNotFound:    outcomeOf(t.Context(), api("NoSuchEntity")),
		OutcomeDenied:      outcomeOf(t.Context(), api("AccessDenied")),
		OutcomeCredentials: outcomeOf(t.Context(), api("ExpiredToken")),
		OutcomeThrottled:   outcomeOf(t.Context(), api("Throttling")),
		OutcomeTimeout:     outcomeOf(t.Context(), context.DeadlineExceeded),
		OutcomeRefused:     outcomeOf(t.Context(), api("LimitExceeded")),
		OutcomeUnavailable: outcomeOf(t.Context(), errors.New("connection reset")),
		OutcomeCanceled:    outcomeOf(gone, context.Canceled),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

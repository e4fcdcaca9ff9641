package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
)

// WatchFunc is told of every call to AWS when it begins, in the context that it is made in, and
// calls what it returned when the call has ended, the SDK's retries included. It is called by many
// goroutines at once and returns at once. The service is iam, sts, cloudtrail or account, the
// operation its name in that service's API.
type WatchFunc func(ctx context.Context, service, operation string) func(Ended)

// Ended is how a call ended.
type Ended struct {
	Outcome  Outcome
	Attempts int // requests that were sent, or were to be; 0: it did not come to that
}

// Outcome is what became of a call, in one word.
type Outcome string

// Outcomes.
const (
	OutcomeOK          Outcome = "ok"
	OutcomeNotFound    Outcome = "not_found" // no such role or policy, which may be what was to be found out
	OutcomeDenied      Outcome = "access_denied"
	OutcomeCredentials Outcome = "credentials"
	OutcomeThrottled   Outcome = "throttled"
	OutcomeTimeout     Outcome = "timeout"
	OutcomeRefused     Outcome = "refused"     // for another reason: the role, the policy or the request
	OutcomeUnavailable Outcome = "unavailable" // no answer, or one that AWS is not well
	OutcomeCanceled    Outcome = "canceled"    // the caller had given up
)

// outcomeOf sorts what the SDK returned for one operation.
func outcomeOf(ctx context.Context, err error) Outcome {
	if err == nil {
		return OutcomeOK
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return OutcomeCanceled
	}
	return cmp.Or(map[error]Outcome{
		ErrNoSuchRole: OutcomeNotFound, ErrAccessDenied: OutcomeDenied, ErrCredentials: OutcomeCredentials,
		ErrThrottled: OutcomeThrottled, ErrTimeout: OutcomeTimeout, ErrUnavailable: OutcomeUnavailable,
	}[NewCallError("", "", err).Kind], OutcomeRefused)
}

// watchCalls puts a WatchFunc around every operation of a client.
func watchCalls(watch WatchFunc) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		// After: the SDK's own steps there note which service and operation it is.
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("WatchCall", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			ended := watch(ctx, strings.ToLower(awsmiddleware.GetServiceID(ctx)), awsmiddleware.GetOperationName(ctx))
			out, metadata, err := next.HandleInitialize(ctx, in)
			attempts := 0
			if results, ok := retry.GetAttemptResults(metadata); ok {
				attempts = len(results.Results)
			}
			ended(Ended{Outcome: outcomeOf(ctx, err), Attempts: attempts})
			return out, metadata, err
		}), middleware.After)
	}
}

// sdkLog puts what the SDK has to say into the log, in lines of its form: by itself the SDK writes
// to standard error.
type sdkLog struct{ log *slog.Logger }

// Logf implements logging.Logger.
func (l sdkLog) Logf(kind logging.Classification, format string, v ...any) {
	level := slog.LevelDebug
	if kind == logging.Warn {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, "the AWS SDK", "says", fmt.Sprintf(format, v...))
}

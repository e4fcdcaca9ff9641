package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"sync"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/time/rate"
)

// Operation is a method expression of IAM's client, such as (*iam.Client).GetRole.
type Operation[In, Out any] func(*iam.Client, context.Context, *In, ...func(*iam.Options)) (*Out, error)

// IAM makes one call of IAM in an account, signed with a credential; the zero one stands for the
// account's reading session. It has its own deadline, the SDK's retries included, and its error is
// a *CallError. The stamp is that of the answer, of a refusal, too; zero when it had none.
func IAM[In, Out any](
	ctx context.Context, a *Conn, with Credential, call Operation[In, Out], in *In,
) (*Out, Stamp, error) {
	name := "iam:" + strings.TrimSuffix(reflect.TypeFor[In]().Name(), "Input")
	return callWith(ctx, a, with, name, func(ctx context.Context, with Credential) (*Out, error) {
		return call(a.iam, ctx, in, func(o *iam.Options) { o.Credentials = with })
	})
}

// LookupEvents asks CloudTrail in one region of the account with the reading session. TrailTurn
// comes before it.
func (a *Conn) LookupEvents(
	ctx context.Context, region string, in *cloudtrail.LookupEventsInput,
) (*cloudtrail.LookupEventsOutput, Stamp, error) {
	client := a.trail(region).client
	call := func(ctx context.Context, with Credential) (*cloudtrail.LookupEventsOutput, error) {
		return client.LookupEvents(ctx, in, func(o *cloudtrail.Options) { o.Credentials = with })
	}
	return callWith(ctx, a, Credential{}, LookupOperation, call)
}

// TrailTurn waits until CloudTrail's limit lets this process ask in a region of the account once
// more. The pace holds over everything that asks there.
func (a *Conn) TrailTurn(ctx context.Context, region string) error {
	if err := a.trail(region).pace.Wait(ctx); err != nil {
		// The turn would come after the deadline, which the limiter says without its type.
		return &CallError{Kind: ErrTimeout, Operation: LookupOperation, Account: a.Name, Cause: err}
	}
	return nil
}

// LookupOperation is the Operation of a CallError of LookupEvents.
const LookupOperation = "cloudtrail:LookupEvents"

// lookupPace is CloudTrail's limit for LookupEvents, per account and region (AWS CloudTrail API
// reference, "LookupEvents": two requests a second).
const lookupPace = rate.Limit(2)

// callWith makes one call with a credential, or with the reading session. A reading session that
// AWS refuses is forgotten, so that the next call opens a new one; the same call does, if AWS says
// that the session has expired.
func callWith[Out any](
	ctx context.Context, a *Conn, with Credential, operation string, do func(context.Context, Credential) (*Out, error),
) (*Out, Stamp, error) {
	reads := with.provider == nil
	for again := false; ; again = true {
		if reads {
			var err error
			if with, err = a.reader.get(ctx, refreshAt); err != nil {
				return nil, Stamp{}, err
			}
		}
		call := func(ctx context.Context) (*Out, error) { return do(ctx, with) }
		out, at, err := remote(ctx, a.cloud, a.Name, operation, call)
		if reads && errors.Is(err, ErrCredentials) {
			a.reader.drop(with)
		}
		if !reads || again || !expired(err) || a.AssumeRole == "" && !a.cloud.forget() {
			return out, at, err
		}
	}
}

// expired reports whether AWS calls a credential expired.
func expired(err error) bool {
	call, ok := errors.AsType[*CallError](err)
	return ok && strings.HasPrefix(call.Code, "ExpiredToken")
}

// forget makes the SDK's chain get the ambient credentials anew; false if it cannot.
func (c *Cloud) forget() bool {
	typed, _ := c.cfg.SDK.Credentials.(*typedCredentials)
	cache, ok := typed.source.(interface{ Invalidate() })
	if ok {
		cache.Invalidate()
	}
	return ok
}

// byAmbient is remote for a call that the ambient credentials sign. If AWS says that they have
// expired, they are got anew, once.
func byAmbient[Out any](
	ctx context.Context, c *Cloud, account, operation string, do func(context.Context) (Out, error),
) (Out, Stamp, error) {
	out, at, err := remote(ctx, c, account, operation, do)
	if expired(err) && c.forget() {
		return remote(ctx, c, account, operation, do)
	}
	return out, at, err
}

// remote makes one remote call with its own deadline, the SDK's retries included, and types its
// error. Retrying is the SDK's business alone.
func remote[Out any](
	ctx context.Context, c *Cloud, account, operation string, do func(context.Context) (Out, error),
) (Out, Stamp, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	tried := new(attempt)
	out, err := do(context.WithValue(ctx, attemptKey{}, tried))
	if err == nil {
		return out, tried.stamp, nil
	}
	call := NewCallError(operation, account, err)
	if call.left = tried.left; !call.left && call.Kind == ErrTimeout {
		call.Kind = ErrUnavailable // nothing was sent that could have been done
	}
	return out, tried.stamp, call
}

type attemptKey struct{}

// attempt is what a call's context notes of its tries.
type attempt struct {
	left  bool  // the request of a try may have left
	stamp Stamp // of the last answer
}

// Stamp is AWS's clock as one answer gave it.
type Stamp struct {
	Server time.Time // the Date header, whole seconds
	sent   time.Time // when the request left, by this machine's clock: only good for measuring
}

// Latest is the latest that AWS's clock can show now. The header has whole seconds, so up to a
// second is missing from it, and it was written after the request left.
func (s Stamp) Latest() time.Time { return s.Server.Add(time.Second + time.Since(s.sent)) }

// stampAnswers notes the stamp of each attempt's answer, and that its request left. An answer with
// an Age header came from a cache and says nothing about now.
func stampAnswers(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("StampAnswer", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		sent := time.Now()
		out, metadata, err := next.HandleDeserialize(ctx, in)
		tried, ok := ctx.Value(attemptKey{}).(*attempt)
		if !ok {
			return out, metadata, err
		}
		_, unsent := notDialled(err)
		tried.left, tried.stamp = tried.left || !unsent, Stamp{}
		answer, ok := out.RawResponse.(*smithyhttp.Response)
		server, dated := awsmiddleware.GetServerTime(metadata)
		if ok && dated && answer.Header.Get("Age") == "" {
			tried.stamp = Stamp{Server: server.UTC(), sent: sent}
		}
		return out, metadata, err
	}), middleware.Before)
}

// Answer is what a call returned, to be looked at after its neighbours are done.
type Answer[T any] struct {
	Value T
	Err   error
}

// Try makes an Answer of what a call returned.
func Try[T any](value T, err error) Answer[T] { return Answer[T]{value, err} }

// AdvisoryTime is what a read may take that only advises: people are waiting, and under attack.
const AdvisoryTime = 3 * time.Second

// Advisory makes a read whose failure is no reason to refuse anything.
func Advisory[T any](ctx context.Context, read func(context.Context) (T, error)) Answer[T] {
	ctx, cancel := context.WithTimeout(ctx, AdvisoryTime)
	defer cancel()
	return Try(read(ctx))
}

// All runs the functions side by side and waits for all of them: which error is reported must not
// depend on which call was faster. Each call has its own deadline.
func All(all ...func()) {
	var group sync.WaitGroup
	for _, f := range all {
		group.Go(f)
	}
	group.Wait()
}

// The kinds of failure of a remote call. Test with errors.Is.
var (
	ErrNoSuchRole      = errors.New("no such role")
	ErrAccessDenied    = errors.New("access denied")
	ErrUnmodifiable    = errors.New("only AWS may change this role")
	ErrLimitExceeded   = errors.New("no room for the policy")
	ErrMalformedPolicy = errors.New("malformed policy document")
	ErrThrottled       = errors.New("throttled")
	ErrBusy            = errors.New("busy with another change")
	ErrTimeout         = errors.New("timed out")
	ErrCredentials     = errors.New("credentials not accepted")
	ErrRoleChanged     = errors.New("another role has this name now")
	ErrUnavailable     = errors.New("AWS not available")
	ErrInvalidRequest  = errors.New("request not accepted")     // a 4xx that has no kind of its own
	ErrNoServerTime    = errors.New("an answer without a date") // the cutoff cannot be known
)

// CallError is a remote call that failed, or whose answer cannot be used. Where the caller's
// context ended it, the cause is that context's error, too.
type CallError struct {
	Kind      error  // one of the Err… values above
	Operation string // such as iam:PutRolePolicy
	Account   string // name of the configured account, "" for the bot's own identity
	Code      string // AWS's wire code, "" when there was no answer
	Message   string // AWS's text: foreign
	RequestID string // AWS's request id, "" when there was no answer
	Named     bool   // of sts:AssumeRole: the session was to name the people by source identity and tags
	Cause     error  // what the SDK said, or what ended the waiting; nil when there is nothing to add

	left bool // a try got as far as a connection, so that AWS may have had the request
}

// Error says what failed, for logs. It holds AWS's text.
func (e *CallError) Error() string {
	s := fmt.Sprintf("%s: %v", e.Operation, e.Kind)
	if e.Account != "" {
		s = fmt.Sprintf("%s in %s: %v", e.Operation, e.Account, e.Kind)
	}
	if e.Code != "" {
		s += fmt.Sprintf(": %s: %s (request %s)", e.Code, e.Message, e.RequestID)
	} else if e.Message != "" {
		s += ": " + e.Message
	} else if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the kind and the cause.
func (e *CallError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// Unsent is the SDK's cause of a failure before the request left, in any of its tries, so that AWS
// was not asked: no credentials, no endpoint, a name that cannot be resolved, no connection. It is
// "" for any other failure. The text is foreign.
func (e *CallError) Unsent() string {
	op, made := errors.AsType[*smithy.OperationError](e.Cause)
	dial, dialled := notDialled(e.Cause)
	switch {
	case errors.Is(e.Cause, ErrNoCredentials):
		_, why, _ := strings.Cut(e.Cause.Error(), ErrNoCredentials.Error()+": ")
		return cmp.Or(why, ErrNoCredentials.Error())
	case e.left || e.Kind != ErrUnavailable || !made || errors.Is(e.Cause, context.Canceled):
		return ""
	case dialled:
		return dial.Error()
	default:
		return op.Err.Error()
	}
}

// notDialled is the reason why no connection could be made, if that is what an error is about.
func notDialled(err error) (error, bool) {
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return name, true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return op, ok && (op.Op == "dial" || op.Op == "proxyconnect")
}

// kindOf is what a wire code of IAM, STS or CloudTrail means to us; nil for nothing (IAM API
// reference, "Common errors" and the errors of each operation; the same of STS and CloudTrail).
func kindOf(code string) error {
	switch code {
	case "NoSuchEntity":
		return ErrNoSuchRole
	case "AccessDenied", "AccessDeniedException":
		return ErrAccessDenied
	case "UnmodifiableEntity":
		return ErrUnmodifiable
	case "LimitExceeded":
		return ErrLimitExceeded
	case "MalformedPolicyDocument":
		return ErrMalformedPolicy
	case "EntityTemporarilyUnmodifiable", "ConcurrentModification":
		return ErrBusy
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidAccessKeyId",
		"UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature",
		"IncompleteSignatureException", "MissingAuthenticationToken", "RequestExpired", "RequestTimeTooSkewed":
		return ErrCredentials
	case "ServiceFailure", "ServiceUnavailable", "InternalFailure":
		return ErrUnavailable
	case "RequestTimeout", "RequestTimeoutException":
		return ErrTimeout
	}
	if _, throttled := retry.DefaultThrottleErrorCodes[code]; throttled || code == "LimitExceededException" {
		return ErrThrottled
	}
	return nil
}

// NewCallError gives what the SDK returned for one operation its kind.
func NewCallError(operation, account string, err error) *CallError {
	e := &CallError{Operation: operation, Account: account, Kind: ErrUnavailable, Cause: err}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		e.Code, e.Message = answer.ErrorCode(), answer.ErrorMessage()
	}
	status := 0
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.Response != nil {
		status = answer.HTTPStatusCode()
	}
	if with, ok := errors.AsType[interface {
		error
		ServiceRequestID() string
	}](err); ok {
		e.RequestID = with.ServiceRequestID()
	}
	switch known := kindOf(e.Code); {
	case errors.Is(err, ErrNoCredentials): // whatever was answered while they were looked for
		e.Kind = ErrCredentials
	case known != nil:
		e.Kind = known
	case isTimeout(err):
		e.Kind = ErrTimeout
	case e.Code != "" && status >= 400 && status < 500:
		e.Kind = ErrInvalidRequest
	}
	return e
}

// isTimeout reports whether a deadline ended the call, ours or the transport's.
func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	wire, ok := errors.AsType[net.Error](err)
	return ok && wire.Timeout()
}

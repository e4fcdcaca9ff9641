package aws

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/revokebot/revokebot/aws/contain"
)

// The kinds of failure of a remote call. Test with errors.Is.
var (
	ErrNoSuchRole      = errors.New("no such role")
	ErrAccessDenied    = errors.New("access denied")
	ErrUnmodifiable    = errors.New("only AWS may change this role")
	ErrLimitExceeded   = errors.New("no room for the policy")
	ErrMalformedPolicy = errors.New("malformed policy document")
	ErrThrottled       = errors.New("throttled")
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

// InputError is something a person typed that names no role.
type InputError struct {
	Reason   string // one of the Input… codes
	Sentence string // what to do instead, plain text; foreign text in it is quoted and escaped
}

// Error returns the sentence.
func (e *InputError) Error() string { return e.Sentence }

// RefusedError is a role that exists and is not to be touched.
type RefusedError struct {
	Reason   string // one of the Refused… codes
	Sentence string // why, and what to do instead, plain text

	Steps    []string // what to do instead, in order, each a sentence; nil when Sentence says it all
	Document string   // a service control policy that is ready to be used, JSON; "" none
}

// Error returns the sentence.
func (e *RefusedError) Error() string { return e.Sentence }

// The Reason of a RefusedError.
const (
	RefusedProtected      = "protected"
	RefusedServiceLinked  = "service_linked"
	RefusedIdentityCenter = "identity_center"
	RefusedOwnRole        = "own_role"
	RefusedOtherAccount   = "other_account"
	RefusedOtherPath      = "other_path"
	RefusedNoRoom         = "no_room"            // the role's inline policies leave no room for the deny
	RefusedPermission     = "missing_permission" // the bot's own role may not write the deny
)

// Final reports whether trying again cannot help: the input, the role or a permission has to change
// first.
func Final(err error) bool {
	if _, ok := errors.AsType[*InputError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*RefusedError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*contain.Refusal](err); ok {
		return true
	}
	for _, kind := range []error{
		ErrNoSuchRole, ErrAccessDenied, ErrUnmodifiable, ErrLimitExceeded, ErrMalformedPolicy, ErrRoleChanged,
		ErrInvalidRequest, ErrNoServerTime,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// kindOfCode are the wire codes of IAM, STS and CloudTrail that mean something to us (IAM API
// reference, "Common errors" and the errors of each operation; the same of STS and CloudTrail).
var kindOfCode = map[string]error{
	"NoSuchEntity":                 ErrNoSuchRole,
	"AccessDenied":                 ErrAccessDenied,
	"AccessDeniedException":        ErrAccessDenied,
	"UnauthorizedOperation":        ErrAccessDenied,
	"UnmodifiableEntity":           ErrUnmodifiable,
	"LimitExceeded":                ErrLimitExceeded,
	"MalformedPolicyDocument":      ErrMalformedPolicy,
	"Throttling":                   ErrThrottled,
	"ThrottlingException":          ErrThrottled,
	"ThrottledException":           ErrThrottled,
	"RequestLimitExceeded":         ErrThrottled,
	"RequestThrottled":             ErrThrottled,
	"TooManyRequestsException":     ErrThrottled,
	"ExpiredToken":                 ErrCredentials,
	"ExpiredTokenException":        ErrCredentials,
	"InvalidClientTokenId":         ErrCredentials,
	"InvalidAccessKeyId":           ErrCredentials,
	"UnrecognizedClientException":  ErrCredentials,
	"SignatureDoesNotMatch":        ErrCredentials,
	"InvalidSignatureException":    ErrCredentials,
	"IncompleteSignature":          ErrCredentials,
	"IncompleteSignatureException": ErrCredentials,
	"MissingAuthenticationToken":   ErrCredentials,
	"RequestExpired":               ErrCredentials,
	"RequestTimeTooSkewed":         ErrCredentials,
	"ServiceFailure":               ErrUnavailable,
	"ServiceUnavailable":           ErrUnavailable,
	"InternalFailure":              ErrUnavailable,
	"RequestTimeout":               ErrTimeout,
	"RequestTimeoutException":      ErrTimeout,
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
	switch known := kindOfCode[e.Code]; {
	case known != nil:
		e.Kind = known
	case errors.Is(err, ErrNoCredentials):
		e.Kind = ErrCredentials
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

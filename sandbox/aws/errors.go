package aws

import (
	"fmt"
	"net/http"
)

// apiError is an error as a client meets it. Code is the Query protocol's short wire code; the JSON
// protocol's longer one is derived from it (jsonCode).
type apiError struct {
	Code    string
	Message string
	Status  int
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

// errOf makes an apiError with the code's usual HTTP status.
func errOf(code, message string) *apiError {
	return &apiError{Code: code, Message: message, Status: statusOf(code)}
}

func errf(code, format string, args ...any) *apiError {
	return errOf(code, fmt.Sprintf(format, args...))
}

// statusOf gives the HTTP status of an error code in the Query protocol (IAM API Reference,
// "Errors" of each action and "Common errors").
func statusOf(code string) int {
	switch code {
	case "AccessDenied", "SignatureDoesNotMatch", "InvalidClientTokenId", "ExpiredToken", "MissingAuthenticationToken",
		"RegionDisabledException", "OptInRequired", "UnauthorizedOperation":
		return http.StatusForbidden
	case "NoSuchEntity":
		return http.StatusNotFound
	case "LimitExceeded", "EntityAlreadyExists", "DeleteConflict", "ConcurrentModification",
		"EntityTemporarilyUnmodifiable":
		return http.StatusConflict
	case "ServiceFailure", "InternalFailure", "InternalError", "PolicyEvaluation":
		return http.StatusInternalServerError
	case "ServiceUnavailable":
		return http.StatusServiceUnavailable
	default:
		return http.StatusBadRequest
	}
}

// jsonCode gives the code and status of an error of the whole request in the JSON protocol
// (CloudTrail API Reference, "Common Errors"); errors of an action have the same code in both.
func jsonCode(code string, status int) (string, int) {
	switch code {
	case "AccessDenied":
		return "AccessDeniedException", http.StatusBadRequest
	case "SignatureDoesNotMatch":
		return "InvalidSignatureException", http.StatusBadRequest
	case "InvalidClientTokenId":
		return "UnrecognizedClientException", http.StatusBadRequest
	case "ExpiredToken":
		return "ExpiredTokenException", http.StatusBadRequest
	case "MissingAuthenticationToken":
		return "MissingAuthenticationTokenException", http.StatusBadRequest
	case "IncompleteSignature":
		return "IncompleteSignatureException", http.StatusBadRequest
	case "Throttling":
		return "ThrottlingException", http.StatusBadRequest
	case "ValidationError":
		return "ValidationException", http.StatusBadRequest
	case "InvalidAction":
		return "UnknownOperationException", http.StatusBadRequest
	case "MalformedQueryString":
		return "SerializationException", http.StatusBadRequest
	default:
		return code, status
	}
}

// trailCode gives the errorCode that CloudTrail records: IAM's modelled errors appear with their
// exception names, EC2's with the side that is at fault.
func trailCode(service, code string) string {
	if service == "ec2" {
		return "Client." + code
	}
	if service != "iam" {
		return code
	}
	switch code {
	case "NoSuchEntity", "LimitExceeded", "MalformedPolicyDocument", "UnmodifiableEntity", "EntityAlreadyExists",
		"DeleteConflict", "ConcurrentModification", "ServiceFailure", "InvalidInput", "EntityTemporarilyUnmodifiable",
		"PolicyNotAttachable":
		return code + "Exception"
	default:
		return code
	}
}

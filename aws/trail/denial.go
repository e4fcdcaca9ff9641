package trail

import (
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/revokebot/revokebot/internal/times"
)

// byPolicy is the whole message of a call that a policy of the role denies (IAM User Guide,
// "Troubleshoot access denied error messages"): one of a managed policy ends with its ARN, and
// other denials end with the kind of policy that is missing. Names that attackers choose stand in
// messages, so nothing is searched for: one with more in it than fits is no proof.
var byPolicy = regexp.MustCompile(`^(?:You are not authorized to perform this operation\. )?` +
	`User: \S+ is not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9]+)(?: on resource: \S+)? ` +
	`with an explicit deny in an identity-based policy(?:: (arn:[^\s.]+))?` +
	`(?:\.? Encoded authorization failure message: \S+)?$`)

// deniedAction is the action that a policy of the role denied by the message, and the ARN of that
// policy, "" of an inline one; action is "" where the message does not say so.
func deniedAction(message string) (action, policy string) {
	if found := byPolicy.FindStringSubmatch(message); found != nil {
		return found[1], found[2]
	}
	return "", ""
}

// saysNothing reports a failure that tells neither that a session is blocked nor that it is not:
// the region or its STS is not enabled, or AWS was asked too much.
func saysNothing(code string) bool {
	switch bare(code) {
	case "RegionDisabled", "OptInRequired", "InvalidClientTokenId", "UnrecognizedClient", "Throttling", "Throttled",
		"ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "ServiceUnavailable", "InternalFailure":
		return true
	}
	return false
}

// hasEnded reports a failure by which AWS says that the session is over.
func hasEnded(code string) bool { return bare(code) == "ExpiredToken" }

// bare is an error code without EC2's Client. and without the Exception that some services add.
func bare(code string) string {
	return strings.TrimSuffix(code[strings.LastIndexByte(code, '.')+1:], "Exception")
}

// mostActions bounds the denied actions that are kept of a session: each is asked about.
const mostActions = 10

// blocked notes an action that an inline policy of the role denied.
func (a *Activity) blocked(action string, at time.Time) {
	if a.Blocked == nil {
		a.Blocked = map[string]time.Time{}
	}
	if first, known := a.Blocked[action]; known || len(a.Blocked) < mostActions {
		a.Blocked[action] = times.Earlier(first, at)
	}
	a.FirstExplicitDeny = times.Earlier(a.FirstExplicitDeny, at)
}

// Disprove takes back what denials of some actions proved, because the role denies them anyway.
func (a *Activity) Disprove(actions map[string]bool) {
	maps.DeleteFunc(a.Blocked, func(action string, _ time.Time) bool { return actions[action] })
	a.FirstExplicitDeny = time.Time{}
	for _, at := range a.Blocked {
		a.FirstExplicitDeny = times.Earlier(a.FirstExplicitDeny, at)
	}
}

// alive reports whether a session can still act at a moment, as far as is known.
func (a Activity) alive(s Session, at time.Time) bool {
	return a.Ended.IsZero() && (s.Expires.IsZero() || s.Expires.After(at))
}

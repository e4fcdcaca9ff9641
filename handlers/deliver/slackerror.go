package deliver

import (
	"errors"
	"time"

	"github.com/revokebot/revokebot/handlers/step"
)

// SlackErrorKind says what a failed call to Slack means for the caller. The zero value is unknown
// and is treated as passing.
type SlackErrorKind string

// Kinds of Slack errors.
const (
	SlackUnknown  SlackErrorKind = ""
	SlackPassing  SlackErrorKind = "passing"   // rate limit, server error, network before anything was sent: try again
	SlackUnsure   SlackErrorKind = "unsure"    // it may have happened: look before trying again
	SlackChannel  SlackErrorKind = "channel"   // the bot cannot post there: archived, not a member, unknown, restricted
	SlackContent  SlackErrorKind = "content"   // Slack refuses this content: another form is needed
	SlackNoTarget SlackErrorKind = "no_target" // the message or thread is not there any more
	SlackToken    SlackErrorKind = "token"     // the token is wrong, revoked or lacks a scope
	SlackNoFiles  SlackErrorKind = "no_files"  // the workspace does not take this file, or no files at all
	SlackNoPerson SlackErrorKind = "no_person" // that person cannot be told by direct message
)

// CodePaced is the Code of a message that was not sent yet because its channel has had enough for
// the moment.
const CodePaced = "paced"

// CodeGone is the Code of a message that is to be changed and is not there any more (Slack
// documentation, "chat.update").
const CodeGone = "message_not_found"

// CodeOutside is the Code of a message that Slack took and put beside the thread that it was meant
// for.
const CodeOutside = "outside"

// SlackError is a failed call to Slack.
type SlackError struct {
	Kind       SlackErrorKind
	Method     string
	Code       string        // Slack's error code, "" when there was no answer
	RetryAfter time.Duration // what Slack asked for, 0 when it did not
	Err        error
}

// Error names the method and Slack's code.
func (e *SlackError) Error() string {
	if e.Code != "" {
		return e.Method + ": " + e.Code
	}
	if e.Err != nil {
		return e.Method + ": " + e.Err.Error()
	}
	return e.Method + " failed"
}

// Unwrap gives the cause.
func (e *SlackError) Unwrap() error { return e.Err }

// KindOf returns the kind and code of an error of Slack.
func KindOf(err error) (SlackErrorKind, string) {
	if e, ok := errors.AsType[*SlackError](err); ok {
		return e.Kind, e.Code
	}
	return SlackUnknown, ""
}

// waitFor is what Slack asked for, else a delay that doubles with each attempt.
func waitFor(err error, attempt int) time.Duration {
	if e, ok := errors.AsType[*SlackError](err); ok && e.RetryAfter > 0 {
		return min(e.RetryAfter, time.Minute)
	}
	return step.RetryAfter(attempt)
}

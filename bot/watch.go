package bot

import (
	"context"
	"slices"
	"time"

	"github.com/revokebot/revokebot/approvals"
)

// Watch is told what a bot does while it does it: package metrics counts it, package traces draws
// it. Its methods are called by many goroutines at once and return at once. A function that one of
// them returns is called once, at the end.
type Watch interface {
	// Envelope is called when an envelope was read. The context is that of all that follows from it
	// here.
	Envelope(ctx context.Context, e Envelope) (context.Context, func(EnvelopeOutcome))
	// Acknowledged is called when an acknowledgement was written, age after the envelope was read from
	// its connection.
	Acknowledged(ctx context.Context, kind string, age time.Duration)
	// Item is called when an item is about to be handled, with the context of its handling.
	Item(ctx context.Context, item approvals.Item) (context.Context, func(ItemOutcome))
	// SlackCall is called before a request to Slack. method is that of the Web API, or MethodResponse
	// or MethodUpload.
	SlackCall(ctx context.Context, method string) func(CallOutcome)
	// HeldBack is called for a message that is not sent yet, because Slack would not take so many.
	HeldBack(ctx context.Context, method string)
}

// What is no method of the Web API, and is called all the same.
const (
	MethodResponse = "response_url"
	MethodUpload   = "upload"
)

// Envelope is an envelope as far as a Watch is concerned.
type Envelope struct {
	Kind string    // Slack's type: slash_commands, interactive, events_api; else other or malformed
	Read time.Time // when it came off the connection, by this machine's clock
	// Item is what it is about to be recorded as; without a Kind when nothing of it is to be recorded.
	Item approvals.Item
}

// EnvelopeOutcome is what became of an envelope.
type EnvelopeOutcome string

// Outcomes of envelopes.
const (
	EnvelopeAccepted EnvelopeOutcome = "accepted" // it is in the inbox
	EnvelopeSeen     EnvelopeOutcome = "seen"     // it was there already
	// on the spot, and recorded nowhere: a menu, a form that is wrong as it is
	EnvelopeAnswered   EnvelopeOutcome = "answered"
	EnvelopeIgnored    EnvelopeOutcome = "ignored"    // not for revokebot
	EnvelopeUnknown    EnvelopeOutcome = "unknown"    // of an unknown kind
	EnvelopeUnreadable EnvelopeOutcome = "unreadable" // not of the form that it should have
	EnvelopeBusy       EnvelopeOutcome = "busy"       // too much at once; its sender was told
	// the store did not take it, as far as is known; its sender was told
	EnvelopeNotRecorded EnvelopeOutcome = "not_recorded"
	EnvelopeDropped     EnvelopeOutcome = "dropped" // far too much at once: left without an answer
)

// ItemOutcome is what became of handling an item once.
type ItemOutcome string

// Outcomes of items.
const (
	ItemDone   ItemOutcome = "done"
	ItemAgain  ItemOutcome = "again"   // it comes back later, as its next attempt
	ItemBusy   ItemOutcome = "busy"    // it comes back later, nothing was tried
	ItemFailed ItemOutcome = "failed"  // it is tried again soon
	ItemGaveUp ItemOutcome = "gave_up" // it failed too often
)

// CallOutcome is what became of a request to Slack.
type CallOutcome string

// Outcomes of requests to Slack, besides the kinds of deliver.SlackErrorKind.
const (
	CallOK          CallOutcome = "ok"
	CallRateLimited CallOutcome = "ratelimited"
	CallServerError CallOutcome = "server_error"
	CallNoAnswer    CallOutcome = "no_answer"
	CallRefused     CallOutcome = "refused" // with a code that says nothing in particular
	CallToken       CallOutcome = "token"   // the token is wrong, revoked or lacks a scope
)

// watches are all watchers; it may be empty.
type watches []Watch

func (w watches) envelope(ctx context.Context, e Envelope) (context.Context, func(EnvelopeOutcome)) {
	ended := begin(w, func(one Watch) (end func(EnvelopeOutcome)) {
		ctx, end = one.Envelope(ctx, e)
		return end
	})
	return ctx, ended
}

func (w watches) acknowledged(ctx context.Context, kind string, age time.Duration) {
	for _, one := range w {
		one.Acknowledged(ctx, kind, age)
	}
}

func (w watches) item(ctx context.Context, item approvals.Item) (context.Context, func(ItemOutcome)) {
	ended := begin(w, func(one Watch) (end func(ItemOutcome)) {
		ctx, end = one.Item(ctx, item)
		return end
	})
	return ctx, ended
}

func (w watches) slackCall(ctx context.Context, method string) func(CallOutcome) {
	return begin(w, func(one Watch) func(CallOutcome) { return one.SlackCall(ctx, method) })
}

func (w watches) heldBack(ctx context.Context, method string) {
	for _, one := range w {
		one.HeldBack(ctx, method)
	}
}

// begin tells all of a beginning, and returns what tells them of the end, the last one first.
func begin[Outcome any](w watches, tell func(Watch) func(Outcome)) func(Outcome) {
	ends := make([]func(Outcome), len(w))
	for i, one := range w {
		ends[i] = tell(one)
	}
	return func(o Outcome) {
		for _, end := range slices.Backward(ends) {
			end(o)
		}
	}
}

// otherKind is an envelope of a type that is not Slack's, as far as is known here.
const otherKind = "other"

// EnvelopeKinds are the values of Envelope.Kind.
func EnvelopeKinds() []string {
	return []string{frameSlash, frameClick, frameEvent, frameMalformed, otherKind}
}

// kindOf is the type of an envelope, of those that there are; any other is text from outside.
func kindOf(f frame) string {
	if slices.Contains(EnvelopeKinds(), f.Type) {
		return f.Type
	}
	return otherKind
}

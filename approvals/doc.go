// Package approvals knows what a request for a revocation is, who may decide it, and what follows
// from a decision.
//
// It is pure code on the standard library. It knows neither Slack nor AWS: people are ids with
// facts that the caller looked up, the thing to be revoked is a Subject whose facts are opaque,
// and time is a parameter.
//
// # A request is its log
//
// Everything that happens to a request is an Event, appended to the request's log and never
// changed. Fold turns the log into a Request; there is no other source of state. The card in the
// channel is a view of the Request, the thread below it is a view of the events.
//
// # Deciding
//
// Decide is the one function that says what a click does: given the request, who clicked what and
// where, what the directory says of that person, the policy and the time, it returns either a
// refusal or the events and the state that follow. Every type in it has a zero value that means
// "unknown" and never passes.
//
// # Keeping
//
// A Store keeps logs, an inbox and the work that is due. Its contract is in store.go and in the
// tests of the folder approvalstest, which package redisstore passes on real Redis servers. A Store
// changes a request only through Commit, which compares the number of events that the
// decision was made on with the number there is now: of two replicas that decide at once, one is
// told ErrConflict, reads again and decides again. The deadline of a request is compared with the
// store's own clock in that same step.
package approvals

// Package aws is a strict stand-in for AWS: one http.Handler that speaks the wire protocols of IAM,
// STS and CloudTrail well enough for the AWS SDKs and the aws command line, and refuses what it
// does not know. Some calls of other services are decided by policies and told to CloudTrail like
// all others, and have a fixed answer (others.go): those that a thief tries first, and what
// deployments and functions do all day.
//
// What it is for. A bot that revokes role sessions can only be tried against something that really
// denies them. Here every request is signed and the signature is verified, sessions have issue
// times and end, inline and attached policies are evaluated on every call, and a policy that was
// just written is enforced only after the propagation delay, as in life. A document with a misspelt
// condition key is accepted and denies nobody, as in life.
//
// How a request travels (serve.go): protocol and parameters are read (protocol.go, operation.go),
// the Signature Version 4 is verified against the keys and sessions that this server issued
// (sigv4.go, credentials.go), an injected Fault may strike (fault.go), the caller's policies are
// evaluated (authorize.go, on top of policy.go, condition.go and evaluate.go), the operation runs
// (iam_*.go, sts*.go, lookup.go), a CloudTrail event is kept (record.go, trail.go), and the Call is
// logged for tests and for the page (calls.go). One mutex guards all of the state; nothing waits
// while holding it.
//
// Two clocks. The machine's clock decides when a written policy is enforced. AWS's clock, which is
// the machine's plus Config.ClockOffset, is what the outside sees: the Date header, issue times,
// expirations, event times, and the moment a signature is judged by.
//
// Two planes. Reads see a write at once (the control plane). Authorisation sees it after the
// propagation delay (the data plane), which each region has at its own time (lag.go); each role
// keeps the versions that are still on their way (role.go). The policy simulator reads the first
// and never the second (simulate.go). A service control policy stands above an account's own and is
// enforced at once (organization.go).
//
// Users (user.go) have keys that can be made inactive, inline policies of 2,048 characters in all,
// and sessions of their own (sts_users.go), which outlive the key. No user has MFA, so none of
// these sessions can call IAM.
//
// Where the real service is lenient and this one is not: unknown parameters are errors, every
// x-amz- header must be signed, IAM, STS and CloudTrail are spoken to with POST only. The one
// leniency: IAM accepts a signature for any region of the account's partition, because SDKs that
// are pointed at another endpoint sign IAM requests with the client's own region; the event is
// still kept in the partition's home region.
//
// What happened earlier is made by letting it happen with AWS's clock set back (SetClockOffset), by
// clients that need no network (Direct): the same code issues the sessions and records the events,
// and nobody writes records by hand.
//
// CloudTrail can be as unkind as the real one, on demand: late, also in one region alone or for a
// while (SetTrailDelay, SetRegionTrailDelay, HoldTrail), and with records that are out of order or
// lack what finds them (unkind.go).
//
// A trail can send what CloudTrail records to a log group (feed.go), which CloudWatch Logs Insights
// searches (insights.go) in the part of its language that is understood here (insightsql.go); what
// is not understood is refused. The log group can be late on top of that, lose records, hold some
// that CloudTrail never made (PutLogEvent), and its queries can fail or never end.
//
// Nothing here opens a socket or leaves a goroutine behind, so it runs inside a testing/synctest
// bubble over the listener of package pipe. The logs of calls and of events are bounded, so it may
// run for long.
package aws

// Package traces draws what a bot does as OpenTelemetry traces, when OpenTelemetry's standard
// variables ask for it (settings.go); otherwise nothing of it is started.
//
// # One trace for a request
//
// All that has to do with a request is one trace: the command's envelope, which is its root, the
// envelopes of clicks, the handling of every item of work, on whichever replica and however much
// later, and below these the look-ups and messages at Slack, and the calls to AWS. Nothing is
// carried along for that. The trace's id and the ids of its envelopes' spans are digests of the
// request's id and of the envelopes' ids, so that a timer, a replica that takes an item over, and a
// process that was started meanwhile, all find the same trace.
//
// The parent of an item that an envelope brought is the envelope's span, that of any other item the
// root. What a button of one request opens is a trace of its own, with a link to the first. An
// envelope that Slack sends twice under the same id is drawn twice, with the same ids.
//
// # What is in it
//
// Kinds, methods, outcomes and the request's id, which are this program's words or Slack's and
// AWS's methods. No names of people, roles or channels, and no text that a person wrote.
package traces

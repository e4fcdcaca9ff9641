// Package slack is a strict stand-in for Slack: the Web API methods, Socket Mode and response URLs
// that an approval bot needs, and a workspace of people, channels and messages behind them.
//
// A Server is an http.Handler. A bot that is pointed at it (its base URL with /api/ appended) calls
// the Web API, opens Socket Mode connections and receives envelopes exactly as it would from Slack.
// Tests and the sandbox's page stand on the other side: they put people, channels and user groups
// into the workspace, act as these people (Command, Click, Submit), look at what everybody can see
// (Messages, Views, Subscribe), read back what the bot called (Calls) and make trouble (Inject,
// Disconnect, DropConnections, Redeliver).
//
// # Stricter than Slack
//
// A stand-in that accepts everything proves nothing, so this one refuses whatever it does not know:
// methods (unknown_method), arguments (invalid_arguments), Block Kit types and fields and lengths
// (invalid_blocks, msg_blocks_too_long), tokens and scopes. Errors have Slack's shape: HTTP 200
// with "ok": false, or 429 with Retry-After. Where Slack is lenient or its behaviour is not known,
// the stricter answer was chosen:
//
//   - an acknowledgement counts only on the connection that carried the envelope, within
//     Config.AckTimeout, and only below 20,480 bytes;
//   - a text past 40,000 characters is msg_too_long instead of being cut;
//   - a thread_ts that never existed is thread_not_found, one that names a reply is
//     cannot_reply_to_message;
//   - channels are named by id only, and legacy attachments are not accepted;
//   - an image block shows an uploaded file by its id, which has to be a png, jpg or gif, and no
//     other file;
//   - what an external_select offered last is all that can be chosen, and an offer past Slack's
//     limits is an error;
//   - a team_id in a call is the workspace's own, or one that an app of the whole organisation was
//     added to (org.go);
//   - chat.update with blocks and no text leaves no fallback text behind.
//
// # Time
//
// Everything uses the process' clock through package time and starts goroutines only for
// connections that exist, so a Server runs inside a testing/synctest bubble over sandbox/pipe:
// trigger ids that live three seconds and response URLs that live thirty minutes expire in fake
// time. Close before the bubble ends.
//
// # Inside
//
// One mutex guards the workspace; nothing waits while holding it. A call passes api.go (faults,
// token, scopes, arguments) and then its method; an envelope is built in envelope.go, sent over a
// socket.go connection and waited for in deliver.go; what an acknowledgement carries is applied in
// people.go. blocks*.go is the Block Kit checker, which tests of a bot's messages can call by
// themselves (CheckMessage, CheckView).
package slack

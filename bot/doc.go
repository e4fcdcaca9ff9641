// Package bot keeps revokebot connected to Slack and at work.
//
// An envelope that arrives on one of the Socket Mode connections (connection.go, sockets.go) is
// read for the few fields that matter (envelope.go) and put into the store's inbox; only then is it
// acknowledged, on the connection it came by (intake.go). Workers (workers.go) on whichever replica
// take items from there and give them to package handlers; what has come due enters by the same
// door. Replies, the card and the thread go out through slackclient.go.
//
// If the store cannot be reached, or there is more than can be taken, the person who typed or
// clicked is told that nothing was recorded, and nothing happens. What it cannot parse is
// acknowledged as well, and an outline of it, without its secrets, is kept (outline.go).
//
// # While Slack is away
//
// Connections are opened again with growing waits, few in an hour whatever happens, and at once
// when there is none left (sockets.go). What Slack asks to wait is kept to, however it says so
// (limits.go). What was approved goes on, also when the process starts meanwhile; only what people
// sent waits until Slack has said which workspace the bot belongs to (athome.go). Wrong tokens end
// the start; one that is revoked later is logged and tried again.
//
// # When something goes wrong
//
// An item whose handler fails, panics or dies with its replica stays in the store; without a sign
// of life for some seconds another worker takes it over, and after five tries it is parked
// (workers.go). A store that hangs costs the person an answer of that kind within the three seconds
// that Slack waits, and never the reading of the connection.
//
// # Stopping
//
// When the context of Run ends, no more items are taken and what is in hand is finished, for
// StopTimeout at most. The connections stay open until then: an envelope that arrives meanwhile is
// put into the inbox, where another replica, or the next start, finds it. Then they are closed.
package bot

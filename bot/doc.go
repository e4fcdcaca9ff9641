// Package bot keeps revokebot connected to Slack and at work.
//
// An envelope that arrives on one of the Socket Mode connections (connection.go, sockets.go) is read for the few fields
// that matter (envelope.go) and put into the store's inbox; only then is it acknowledged, on the connection it came by
// (intake.go). Workers (workers.go) on whichever replica take items from there and give them to package handlers; what
// has come due enters by the same door. Replies, the card and the thread go out through slackclient.go.
//
// If the store cannot be reached, or there is more than can be taken, the person who typed or clicked is told that
// nothing was recorded, and nothing happens.
//
// # Stopping
//
// When the context of Run ends, no more items are taken and what is in hand is finished, for StopTimeout at most. The
// connections stay open until then: an envelope that arrives meanwhile is put into the inbox, where another replica, or
// the next start, finds it. Then they are closed.
package bot

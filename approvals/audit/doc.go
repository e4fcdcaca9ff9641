// Package audit keeps the audit log: every event of every request, and every refusal that belongs
// to none, as one line of JSON that names the line before it and is signed, so that no one without
// the key can change, leave out, add or move a line without that being seen.
//
// There is one chain for a deployment. The store queues an event for it in the same step that
// records the event (package redisstore, "unchained"). A Worker of any replica takes what is
// queued, oldest first, makes lines of it and appends them, in one step that does nothing unless
// the chain still ends where the lines begin: of two replicas that do so at once, one starts again.
// What is appended is taken off the queue in that step, so that each event is in the chain once,
// whichever process dies.
//
// Verify looks at lines from wherever they come. docs/audit.md says what a line holds and how to
// check one by hand.
package audit

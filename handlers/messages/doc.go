// Package messages holds every text that revokebot says in Slack: pure functions from a request and
// its events to Block Kit.
//
// Rules for what is written here:
//
//   - One voice: calm, specific, the next step last. No capital letters for alarm, nothing said by
//     colour or emoji alone.
//   - Only what was checked. "Applied" is AWS's answer to the write, "read back" is a second look
//     at the policy; neither is "revoked", and no events in CloudTrail is not "no activity".
//   - Text from outside (role names, reasons, session names, user agents, AWS's words) goes through
//     Code, plain or Raw, the functions of outside.go, and through nothing else. So it cannot ping,
//     link or format.
//   - The card uses only blocks that every version of every Slack client understands: header,
//     section, context, actions. Tables stand in messages without buttons.
//   - The fallback text of a message says what its blocks say: it is what notifications and screen
//     readers get.
//   - Whatever is said of a drill begins with DRILL, in the blocks and in the fallback. It is
//     marked as it leaves, by Context.Leaving.
//   - What differs by the measure is in Words. What differs by what is done with it (apply, undo,
//     rehearse) is in phrases. Cards, threads and buttons are the same for all.
//   - Evidence is in UTC. A deadline is in the reader's own zone.
package messages

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
//     code, plain or raw, the functions of outside.go, and through nothing else. So it cannot ping,
//     link or format. A report is Markdown and is read elsewhere: there it goes through mdCode and
//     mdProse, of markdown.go.
//   - The card uses only blocks that every version of every Slack client understands: header,
//     section, context, actions. Tables stand in messages without buttons.
//   - The fallback text of a message says what its blocks say: it is what notifications and screen
//     readers get.
//   - Whatever is said of a drill begins with DRILL, in the blocks and in the fallback, and so do
//     its files: drill.go.
//   - Evidence is in UTC. A deadline is in the reader's own zone.
package messages

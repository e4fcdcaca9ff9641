// Package role carries measures out on roles. A measure (package contain) says what a document in
// AWS has to say; this package reads, writes and checks it, and knows no measure by name.
//
// Start with Order: one approved request about a role (order.go). Everything begins with a survey
// of it (survey.go): the role, what its slots say and who the bot is, read side by side, and
// refused if the role must not be touched (role.go). That makes a Prepared, which is what goes on:
//
//   - Describe says what to know before approving (advise.go, warn.go, and trust.go, which reads
//     trust policies), Look what a measure, such as an undo, would do.
//   - Prepare also opens the session of the order. Apply writes, a document after the other: want,
//     promise, write, read back (apply.go). An undo is an Apply too, of contain.Restore.
//   - Simulate proves a write with the policy simulator (question.go), and Rehearse is an Apply
//     that asks it in place of the write (simulate.go). Check looks whether what was written is
//     still there.
//
// How a slot is read and written follows from its kind (slot.go, and user.go for the slots of a
// user). A new kind is one more access there. A user is a Role by its Kind, and is read and written
// by a role of its own (aws.Conn.Users); adviseuser.go has its warnings.
//
// What holds everywhere:
//
//   - Nothing is written that was not promised before, and what is promised is by the clock of now.
//   - A document that was stored is not yet a session that is denied: Result says "written" and
//     "read back", Simulation what the simulator says, Check "still there", and none of them more.
//   - IAM has no compare-and-set. A write of someone else between the last read and ours is lost,
//     and the read back tells it.
package role

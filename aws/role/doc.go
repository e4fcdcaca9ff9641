// Package role carries measures out on roles. A measure (package contain) says what a document in
// AWS has to say; this package reads, writes and checks it, and knows no measure by name.
//
// Start with Order: one approved request about a role. Describe finds the role and says what to
// know before approving. Prepare reads it and opens the session. Apply writes (apply.go), a
// document after the other: want and promise (plan.go), write, read back. Simulate proves it with
// the policy simulator, Check looks whether it is still there. An undo is an Apply too, of
// contain.Restore; Look says beforehand what it would do. Rehearse is an Apply without the write.
//
// All of them begin with survey (survey.go): the role, what its slots say and who the bot is, read
// side by side, and refused if the role must not be touched. How a slot is read and written follows
// from its kind (slot.go): inline.go and attached.go. A new kind is one more such file.
//
// What holds everywhere:
//
//   - Nothing is written that was not promised before, and what is promised is by the clock of now.
//   - A document that was stored is not yet a session that is denied: Result says "written" and
//     "read back", Simulation what the simulator says, Check "still there", and none of them more.
//   - IAM has no compare-and-set. A write of someone else between the last read and ours is lost,
//     and the read back tells it.
package role

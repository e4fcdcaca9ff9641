// Package contain says what a document in AWS has to say so that a principal is contained.
//
// It is pure: standard library only, no network, no clock. Package aws/role reads and writes; it
// asks a Measure what to write, and whether what it has read is enough.
//
// # What a measure is
//
// A measure keeps one or more documents. A document stands in a Slot: an inline policy, an attached
// policy, a trust policy, the status of an access key. Three things differ between measures, and
// each is a method of Measure:
//
//   - Places: in which slots each document may stand.
//   - Want: what each document has to say, given what is there and what was promised before.
//   - Gap: whether a document that is there does at least what another one was written to do.
//
// The rest follows. A write is done if the text that was read back leaves no gap. The guard finds a
// loss where a gap has come up. Undo is the measure that Restore makes: its documents are what was
// there before, as Without gives it. A drill is any measure without the write.
//
// What follows from the kind of a slot and not from the measure (permissions, quota, CloudTrail
// events) is in Kind.Facts. What only some measures can do is an interface of its own: Prober,
// Expirer, Expecter, Dated.
//
// # What every measure promises
//
//   - Want covers itself and all that was promised. A cutoff never moves back.
//   - In inline policies it writes Deny only.
//   - An inline document that is not exactly its own kind of document stays byte for byte. The
//     measure writes beside it, or refuses.
//   - What cannot be read is never taken for containment. There is one reader of revocations
//     (dated.go), and it is stricter than IAM.
//
// # How to add one
//
// Write one file beside lock.go, which is the shortest. Add one call of keepsPromises
// (promises_test.go): the suite tests the promises above with random documents, a clock that moves
// and an attacker who writes in between, and lets an IAM policy evaluator judge the documents. A
// measure with a dated Deny builds on dated.go.
//
// # Where to start reading
//
// measure.go has the types, dated.go the first measure, restore.go what becomes of promises and
// their undo, and docs/decisions/0003-measures.md the reasons.
package contain

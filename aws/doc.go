// Package aws is what revokebot knows about Amazon Web Services: which roles there are and what a person means by a
// name, the policy that denies a role's older sessions, and what CloudTrail tells about the sessions that were issued.
//
// A role's temporary credentials cannot be cancelled. What works is what the IAM console does under "Revoke active
// sessions": an inline policy named AWSRevokeOlderSessions on the role, with one statement that denies everything to
// sessions whose aws:TokenIssueTime lies before a cutoff. This package finds the role and says what to know about it
// (Parse, Describe), lists the roles to choose from (Roles), writes that policy and reads it back (Revoke), goes through that without the write (Rehearse), proves it on paper (Simulate), looks whether it is
// still there and who changed it (Check, Tampering), and takes it away again
// (LookToUndo, Undo). It asks CloudTrail which sessions
// were issued (Lookup) and which of them are strange (Suspects), what was done with one (Activity) and which roles it led
// to (Chain), and judges what was seen (Judge). It does not know who may ask for it: that is the business of its caller.
//
// What holds everywhere in the package:
//
//   - The cutoff is AWS's time, taken from the Date header of the GetRole just before the write. This machine's clock
//     is used to measure how long something took, never to say what time it is.
//   - A cutoff never moves back, whoever wrote it, and other statements in the policy survive byte for byte.
//   - The credentials of one request can touch one role; those that read cannot write. Where an account has no role
//     to assume, the ambient credentials do both, and only their own permissions bound them.
//   - A document that was stored is not yet a session that is denied: Result says "written" and "read back", Simulation
//     "denied on paper", Check "still there", and none of them more.
//   - Only what the bot wrote is taken away, and what was there before comes back.
//   - Session tokens in CloudTrail events are never decoded.
//   - Everything AWS answers is foreign text. It stays raw in the structs; whoever prints it escapes it.
//
// Errors have three shapes: InputError (what somebody typed), RefusedError (a role that is not to be touched) and
// CallError (a remote call). The first two carry a sentence for people; Explain gives one for all three. Final says
// whether trying again cannot help.
package aws

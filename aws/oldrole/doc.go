// Package role knows what is on a role and how it changes: the policy that denies the role's older
// sessions, and all that is read, refused and checked around it.
//
// A role's temporary credentials cannot be cancelled. What works is what the IAM console does under
// "Revoke active sessions": an inline policy named AWSRevokeOlderSessions with one statement that
// denies everything to sessions whose aws:TokenIssueTime lies before a cutoff.
//
// Start with Client, and read in the order in which a request goes through: Describe finds the role
// and says what to know before approving; Prepare reads it and opens the session, Revoke writes the
// policy and reads it back; Simulate proves it on paper; Check looks whether it is still there;
// LookToUndo and Undo take it away again. Rehearse goes through a revocation without the write. All
// of them begin with survey (survey.go): the role, the policy on it and who the bot is, read side
// by side, and refused if the role must not be touched.
//
// What holds everywhere:
//
//   - The cutoff is AWS's time at the GetRole just before the write. It never moves back, whoever
//     wrote it, and other statements in the policy survive byte for byte.
//   - A document that was stored is not yet a session that is denied: Result says "written" and
//     "read back", Simulation "denied on paper", Check "still there", and none of them more.
//   - Only what the bot wrote is taken away, and what was there before comes back.
package role

// Package aws is how revokebot reaches Amazon Web Services: the accounts that are configured, the
// sessions that calls are made with, the calls themselves, and their errors. What is said and asked
// there is in the packages below:
//
//   - aws/role finds a role, says what to know about it, and changes what is on it;
//   - aws/trail asks CloudTrail who used a role and what they did, and judges what it found;
//   - aws/examine looks whether an account is set up, for doctor.
//
// Start with New, which makes a Cloud of a Config, and Cloud.Conn, the way into one account
// (account.go). Every call to IAM goes through the function IAM, every one to CloudTrail through
// Conn.LookupEvents (calls.go). They choose the credential (session.go), bound the time, leave
// retries to the SDK, and type the error; a Stamp is AWS's clock at an answer. Parse says
// which role people mean (reference.go), ParseKey which access key (key.go), names.go what ARNs
// say, and which are the bot itself.
//
// What holds for everything here and below:
//
//   - Time is AWS's, from the Date header of an answer. This machine's clock only measures how long
//     something took.
//   - The reading session of an account cannot write. What writes is a session of its own for one
//     request (Conn.Open), and its policy bounds it to one role. In an account without a role to
//     assume, the ambient credentials do both.
//   - Everything AWS answers is foreign text. It stays raw in the structs; the code that prints it
//     escapes it.
//
// Errors have two shapes: RefusedError (what a person typed names no role, or the role must not be
// touched) and CallError (a remote call). Explain gives a sentence for people of both. Final says
// whether trying again cannot help.
package aws

// Package trail asks CloudTrail which sessions of a role were issued and what was done with them,
// and judges what it found.
//
// Start with Client (pages.go). Lookup lists the sessions of a role and looks their callers up in
// the 90 days before (history.go), Activities what was done in sessions (gather.go), Chain which
// roles the sessions assumed; Tampering lists who changed a policy of the role; Whose finds the
// role or user that an access key stands for (whose.go). Each asks every region that matters side
// by side, reads the pages (pages.go), and says region by region how much it covers: no events is
// not no activity. Events are decoded in event.go (what is let in), decode.go (into a Session),
// caller.go (who opened it) and call.go (into a Call). Session tokens are never decoded.
//
// The rest is pure. Suspects and Copied pick the sessions that are worth reading, persistence.go
// lists the calls by which an attacker stays or comes back, and Assess (judge.go, its rules in
// judgerules.go, judgereturn.go and judgewhere.go) says whether a revocation holds.
package trail

// Package crash kills the bot in the middle of its work, again and again, and looks whether
// anything was lost or done twice. All of it is tests; `make crash` runs it for as long as one
// likes, and `make test` a short form.
//
// A lane is a small world of its own: a real redis-server that keeps every write on disk, the
// stand-ins of sandbox/slack and sandbox/aws on TCP, and one or two processes of the real program,
// `revokebot run`. Between the processes and everything else stand a Redis proxy (proxy_test.go)
// and HTTP handlers (platform_test.go) that tell a gate (gate_test.go) of each step: before and
// after each command to Redis, each call to AWS and to Slack, each envelope and each
// acknowledgement. The gate ends a process with SIGKILL at the step that a round has chosen, or
// only takes the answer away, which is what a broken network does.
//
// In a round (round_test.go) people ask for revocations and for drills, decide them and undo them,
// a thief takes a deny off, envelopes come twice, processes die and are started again. When nothing
// moves any more, the invariants are checked (check_test.go): what was acknowledged has its card or
// its answer, what was approved ended with an outcome, the cutoff never went back, what was undone
// is off the role, a drill wrote nothing, the thread is the log with all its files, and nothing is
// left lying around.
//
// attack_test.go is another thing to do in a lane: an attacker rewrites Redis under two processes
// that nobody kills.
//
// What a round does and where it kills comes from the seed and the round's number, so that
//
//	go test ./sandbox/crash -run Killed -count=1 -crash.seed=7 -crash.round=113
//
// plays one round again. When exactly things happen does not come from there: a round that failed
// once may pass at the next try. -crash.times plays it several times.
package crash

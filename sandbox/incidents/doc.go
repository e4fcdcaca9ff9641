// Package incidents plays incident timelines through the whole bot on fake time and compares the
// verdict with the true one. All of it is tests.
//
// A timeline (timeline_test.go) says what CloudTrail records, what else happens, and the verdict
// that is true. It is played (play_test.go) from the command to the last check. testdata has the
// project's own timelines; others are played with
//
//	go test ./sandbox/incidents -v -timelines DIR
//
// Others are generated with a known truth (generated_test.go), as many as -incidents says, and the
// sandbox's own story is played to its end (story_test.go).
package incidents

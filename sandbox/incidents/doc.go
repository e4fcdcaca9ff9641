// Package incidents plays incident timelines through the whole bot on fake time and compares the
// verdict with the true one. All of it is tests.
//
// A timeline (timeline_test.go) says what CloudTrail records, what else happens, and the verdict
// that is true. It is played (play_test.go) from the command to the last check. testdata has the
// project's own timelines; others are played with
//
//	go test ./sandbox/incidents -v -timelines DIR
package incidents

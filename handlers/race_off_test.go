//go:build !race

package handlers_test

// raceDetector tells whether the tests were built with the race detector, which makes some ten
// times slower.
const raceDetector = false

//go:build race

package cmdtest

// raceDetector tells whether the tests were built with the race detector.
const raceDetector = true

//go:build race

package main

// raceDetector tells whether the tests were built with the race detector.
const raceDetector = true

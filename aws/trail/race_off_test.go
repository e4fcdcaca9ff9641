//go:build !race

package trail

// eventsEach is how many events a test reads in each of many regions. The race detector makes one
// cost ten times as much.
const eventsEach = 2000

//go:build !race

package repotest

// raceFlag builds the program as the tests are built, so that the compiler's cache serves both.
const raceFlag = "-race=false"

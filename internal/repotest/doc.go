// Package repotest holds the tests of what no package can test by itself: which package may import
// which, and whether what README.md says is so. It has no other code.
package repotest

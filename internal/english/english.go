// Package english counts things in English, for the sentences of all layers.
package english

import "strconv"

// Count is a number with its noun: "1 call", "3 calls".
func Count(n int, one, many string) string { return strconv.Itoa(n) + " " + Plural(n, one, many) }

// Plural is the word that goes with a number.
func Plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

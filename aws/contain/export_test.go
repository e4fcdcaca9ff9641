package contain

import "time"

// Revocation is the document with a cutoff.
func Revocation(cutoff time.Time) string { return revocation(cutoff) }

package aws

import "time"

// Suspect is a session that is worth a look.
type Suspect struct {
	Session Session
	Reasons []string // in words, at least one; they hold foreign text
	Address bool     // its address is seen nowhere else
	Caller  bool     // its caller is seen nowhere else
}

// Suspects picks the sessions from an address or a caller that is seen nowhere else in the window, newest first. It does
// not say that they are bad, and the others are not cleared by it.
func Suspects(sessions []Session, cutoff time.Time) []Suspect {
	return nil
}

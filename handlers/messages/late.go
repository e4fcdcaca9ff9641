package messages

import "time"

// plainUTC is a time for a sentence that is kept in the log and shown as it is.
func plainUTC(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// WrittenAfterAll is the finding about a write that was on its way when its request ended without
// one.
func WrittenAfterAll(cutoff time.Time) string {
	return "AWS took the policy after all: a write was still on its way when the request ended. Sessions issued before " +
		plainUTC(cutoff) +
		" are denied everything by it. If that is not wanted, remove AWSRevokeOlderSessions from the role in the IAM " +
		"console; else there is nothing to do."
}

// CutoffUndercut is the finding about a late write with a cutoff below the recorded one. why may be
// empty.
func CutoffUndercut(late, recorded time.Time, why string) string {
	text := "A write that was held up put an earlier cutoff (" + plainUTC(late) + ") on the role than the recorded one (" +
		plainUTC(recorded) +
		"), and the recorded one could not be written again. Sessions issued between the two may still work."
	if why != "" {
		text += " " + why
	}
	return text + " Look at the role's inline policy AWSRevokeOlderSessions now, and ask for the role again."
}

// WrittenOnce is why a revocation failed whose policy AWS took, whereupon it was not there and
// could not be written again.
func WrittenOnce(mismatch, why string) string {
	return "AWS took the policy once, and when it was read back it was not as written (" + mismatch +
		"). Writing it again failed. " + why +
		" Look at the role's inline policy AWSRevokeOlderSessions."
}

package messages

import "time"

// plainUTC is a time for a sentence that is kept in the log and shown as it is.
func plainUTC(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// WrittenAfterAll is the finding about a write that was on its way when its request ended without
// one.
func WrittenAfterAll(policy string, cutoff time.Time) string {
	return "AWS took the policy after all: a write was still on its way when the request ended. Sessions issued before " +
		plainUTC(cutoff) +
		" are denied everything by it. If that is not wanted, remove " + policyName(policy) +
		" from the role in the IAM console; else there is nothing to do."
}

// WrittenOnce is why a revocation failed whose policy AWS took, whereupon it was not there and
// could not be written again.
func WrittenOnce(policy, mismatch, why string) string {
	return "AWS took the policy once, and when it was read back it was not as written (" + mismatch +
		"). Writing it again failed. " + why +
		" Look at the role's inline policy " + policyName(policy) + "."
}

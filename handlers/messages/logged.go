package messages

import (
	"cmp"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
)

// plainUTC is a time for a sentence that is kept in the log and shown as it is.
func plainUTC(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// policyName is a policy's name as the log has it: an empty one is the IAM console's.
func policyName(name string) string { return cmp.Or(name, contain.ConsolePolicy) }

// WrittenAfterAll is the finding about a write that was on its way when its request ended without
// one.
func WrittenAfterAll(w Words, policy string, cutoff time.Time) string {
	return "AWS accepted the policy after all: a write was still under way when the request ended. It denies " +
		w.Scope(plainUTC(cutoff)) + ". If that is not wanted, remove " + policyName(policy) +
		" in the IAM console."
}

// WrittenOnce is why a request failed whose policy AWS accepted, whereupon it was not there and
// could not be written again.
func WrittenOnce(policy, mismatch, why string) string {
	return "AWS accepted the policy once, and it was not there as written (" + mismatch +
		"). Writing it again failed. " + why + " Check the policy " + policyName(policy) + "."
}

// WrittenOnAnother is why a request is void whose policy AWS accepted on a role that had just been
// made again. left says that the policy could not be taken off it.
func WrittenOnAnother(policy string, left bool) string {
	fate := "The policy " + policyName(policy) + " was removed again, or is gone."
	if left {
		fate = "*The new one has the policy " + policyName(policy) + "*: remove it in the IAM console."
	}
	return "What was approved was recreated under the same name while revokebot wrote. " + fate +
		" Ask again for the new one."
}

// Dropped is recorded in an older request when the undo of a later one left less than it wrote.
func Dropped(w Words) string {
	return "A later request was undone, and this request's " + w.Deny + " is gone: " +
		"someone else had changed or removed it. It counts as not in force, and the guard does not check it. " +
		w.Undo.Anew + ", ask for a " + w.Noun + "."
}

// UndoNotOurs is why an undo failed whose policy was changed since.
func UndoNotOurs(policy string) string {
	return "The policy " + policyName(policy) + " is not the one that was to be undone: it was written " +
		"since, so nothing was changed. Check it in the IAM console, and ask again if it should still go."
}

// UndoneInPart says which policies an undo that failed has undone, and which stay.
func UndoneInPart(w Words, done, stays []string) string {
	return "The undo was done in part. Undone: " + strings.Join(done, ", ") + ". Still there: " +
		strings.Join(stays, ", ") + ". The " + w.Noun + " stays in force, and the guard may restore what is gone. Ask again."
}

// Sentences for requests that ended without having been carried out.
const (
	// UndoRoleGone: there is no role of the name, or another one has it now.
	UndoRoleGone = "What this was about was deleted or recreated. What was to be undone went with the old one, so " +
		"there is nothing left to undo."
	// UndoNotNewest: two requests can have put the same text there.
	UndoNotNewest = "A later request has written into the same policy, so nothing was changed. " +
		"Undo that one first."
	// UndoNotAll: the approvers were shown less than there is.
	UndoNotAll = "revokebot has restored the policy since this undo was requested, so the card does not show all " +
		"that would go. Ask again."
	// Stale: an approval is not carried out again later.
	Stale = "By AWS's clock this approval is too old to be carried out: revokebot was down for long, or someone " +
		"repeats an old approval in Redis. Nothing was written. Ask again if it is still needed."
	// GuardStale is the same for a rewrite.
	GuardStale = "By AWS's clock the guard of this revocation has ended long ago. revokebot was down for long, or " +
		"someone who can write to Redis repeats an old check."
	// UndoRevives: the approvers were told that no session works again, and the requester
	// did not type the words.
	UndoRevives = "The policy that would block the same sessions after the undo was changed or removed since, so " +
		"old sessions would work again. Ask again, with the words: " + ReviveWords + "."
	// UndoneAfterAll: the request had ended without it, and then AWS accepted the change of a
	// worker that was held up.
	UndoneAfterAll = "AWS accepted the change although this request had ended: " +
		"a worker that was held up had begun before. Check it now; if it has to be contained again, ask again."
	// UnknownPurpose: a newer version may have opened the request.
	UnknownPurpose = "This version of revokebot does not know what the request is for, so nothing was done. " +
		"Ask again once all replicas are of one version."
	// NotListedAnyMore: the configuration has changed since the request was opened.
	NotListedAnyMore = "The account does not list this measure any more (measures in its configuration), " +
		"so nothing was done."
)

// CardImpossibleReason is what the log keeps about it.
func CardImpossibleReason(slackError string) string {
	return "Slack does not let the bot post the card in the channel (" + Clean(slackError, 60) + ")."
}

// GaveUp is the reason a request ends that failed again and again for a reason of revokebot's own.
// ByHand is what to do without it, "" if that is nothing.
func GaveUp(byHand string) string {
	next := "Ask again."
	if byHand != "" {
		next = upper(byHand) + " in the IAM console, or ask again."
	}
	return "revokebot failed at this several times because of an internal error. Its log has the " +
		"reason under the request's id. " + next
}

// ApproverNotConfirmed is the reason a request ends when an approver's right could not be
// confirmed again.
func ApproverNotConfirmed(id string, f approvals.Refusal) string {
	why := "the approver " + id + " may not approve any more"
	if f.Code == approvals.RefusedLookupFailed {
		why = "Slack did not confirm that the approver " + id + " may still approve"
	}
	return "More than a minute passed after the approval, and " + why + ", so it was not carried out. Ask again."
}

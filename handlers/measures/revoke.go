package measures

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// revoke denies everything to the sessions of a role that were issued before a cutoff.
func revoke() Kind {
	return Kind{Name: approvals.Revoke, On: contain.Revoke(), First: true, Fits: revokeFits, Words: messages.Words{
		Form: "&lt;role&gt;", Does: "revoke the sessions of a role",
		Ask: "revoke sessions of", Past: "Revoked", Did: "sessions of", Noun: "revocation", Deny: "revocation policy",
		Mark: "cutoff", Whom: "old sessions", Fence: "writing the role's inline policies",
		Calls: "DeleteRolePolicy or PutRolePolicy", ByHand: "revoke the role's active sessions",
		Document: document, Where: "the role's inline policies", Stays: "the leaked sessions keep working",
		Question: "Revoke these sessions?", Yes: "Yes, revoke",
		Every: "every session of ",
		Confirm: "that exists now will be denied everything. " +
			"Work that uses them breaks until it assumes the role again.",
		Means: func(c messages.Context) string {
			return "All sessions of this role issued before the approval plus " + messages.Span(c.Margin) +
				" lose access within seconds. Anyone allowed to assume the role can get a new session after that. " +
				"Programs that cache credentials fail until they refresh.\n" +
				"*Not touched*: long-term access keys, federation tokens, and sessions that this role's sessions opened in " +
				"other roles. Deactivate such keys in IAM, and revoke those roles too."
		},
		After: func(margin time.Duration) string {
			return "all sessions issued before that moment plus " + messages.Span(margin) +
				" lose access within seconds. Anyone allowed to assume the role can get a new session after that"
		},
		Room: func(size int) string {
			return fmt.Sprintf("the role's inline policies have %d of 10240 characters", size)
		},
		Paper: func(older, newer string) string {
			return "a session issued a second before the cutoff is " + older + ", one issued a second after it is " + newer
		},
		Scope: func(cutoff string) string { return "sessions issued before " + cutoff },
		Works: func(_ messages.Context, cutoff string) string {
			return "New sessions work from " + cutoff + ". If a job fails before that, let it retry."
		},
		Next: next,
		Leave: func(until string) string {
			return "Undo it when every session that it blocks has expired" + until +
				". Until then it does not hurt new sessions."
		},
		Undo: messages.UndoWords{
			What:    "revocation policy",
			Confirm: afterUndo, Effect: undoEffect, Revival: revival, Kept: kept,
			Field: func(u record.Undoing) (name, value string) {
				return "It denies sessions issued before", messages.UTC(u.Cutoff)
			},
			Now: sessionsNow,
			Expired: func(v record.Expired) string {
				return "All sessions issued before " + messages.UTC(v.Cutoff) +
					" have expired, since " + messages.Both(v.Since) + " at the latest."
			},
			Anew: "To revoke again", Again: "it has a new cutoff",
		},
		Drill: messages.DrillWords{
			Means: rehearses("revocation", "role"),
			Would: func(d record.Rehearsed) string {
				return "with the cutoff *" + messages.UTC(d.WouldBe) +
					"*: it would have blocked every session issued before that. " +
					"New sessions would have worked from then on."
			},
		},
	}}
}

// document names the policy, which is the IAM console's if the log does not name it.
func document(policy string) string {
	return "inline policy " + messages.Code(cmp.Or(policy, contain.ConsolePolicy), 128)
}

// next says what to do, the mildest step that helps first.
func next(w record.Word, further string) string {
	switch w {
	case record.WordContained:
		return ""
	case record.WordNotContained:
		return "Take the caller out of the role's trust policy, then revoke again. If calls still succeed, " +
			further + ". If someone in the account undoes that, use a service control policy."
	default:
		return "Check CloudTrail for the keys in the list. If the risk is too great to wait, " + further + "."
	}
}

// afterUndo says in plain text what becomes of old sessions.
func afterUndo(u record.Undoing) string {
	switch {
	case u.Revives:
		return "Sessions issued before " + messages.UTC(u.Cutoff) + " that have not expired work again, the attacker's too."
	case !u.RestoreCutoff.Before(u.Cutoff):
		return "The policy that comes back denies the same sessions."
	default:
		return "All sessions that it blocks have expired."
	}
}

// sessionsNow says what became of old sessions.
func sessionsNow(v record.Undone, until string) string {
	if v.Revives {
		return "Old sessions that it blocked and that have not expired *work again* as soon as IAM has spread the " +
			"change; the last of them ends by " + until + "."
	}
	return "No old session works again."
}

// undoEffect says what is done to the policy.
func undoEffect(u record.Undoing) string {
	policy := "The " + document(u.Policy) + " "
	switch {
	case len(u.Slots) > 1:
		return undoEffects(u.Slots)
	case !u.Slots.Restores():
		return policy + "is removed from the role."
	case u.RestoreCutoff.IsZero():
		return policy + "that was there before is put back; it denies no session for its age."
	default:
		return policy + "that was there before is put back; it denies sessions issued before *" +
			messages.UTC(u.RestoreCutoff) + "*."
	}
}

// undoEffects says what is done to each of several policies.
func undoEffects(slots record.Stands) string {
	lines := make([]string, len(slots))
	for i, s := range slots {
		lines[i] = "The " + document(s.Slot.Label()) + " " + map[record.Fate]string{
			record.FateRemoved:  "is removed from the role.",
			record.FateRestored: "that was there before is put back.",
			record.FateSame:     "is as before already.",
			record.FateForeign:  "*stays*: it is not what revokebot wrote.",
		}[s.Fate]
	}
	return strings.Join(lines, " ")
}

// kept names the sessions that the revocation policy blocks and that an undo would unblock.
func kept(u record.Undoing) string {
	if u.RestoreCutoff.IsZero() {
		return "sessions issued before *" + messages.UTC(u.Cutoff) + "*"
	}
	return "sessions issued between *" + messages.UTC(u.RestoreCutoff) + "* and *" + messages.UTC(u.Cutoff) + "*"
}

// revival says what becomes of old sessions, with what the requester typed.
func revival(r approvals.Request, u record.Undoing) string {
	switch {
	case u.Revives:
		return fmt.Sprintf("Until %s, %s can still be alive: *they work again*, the attacker's too. "+
			"%s typed %s.", messages.Both(u.RevivesUntil), kept(u), messages.Mention(r.Requester), messages.Code(u.Words, 40))
	case !u.RestoreCutoff.Before(u.Cutoff):
		return "The policy that comes back denies the same sessions, so none of them works again."
	default:
		return fmt.Sprintf("This is clean-up: %s have all expired, since %s at the latest.",
			kept(u), messages.Both(u.RevivesUntil))
	}
}

// revokeFits: a restriction does not stop an attacker who is inside.
func revokeFits(s Situation) (f Fit) {
	if s.Answered && s.Of == approvals.Restrict {
		f.Why = "the attacker calls from a known address"
	}
	return f
}

package measures

import (
	"cmp"
	"fmt"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

const (
	denyAll   = "AWSDenyAll"
	locksAll  = "all sessions of the role, old and new, lose access"
	unlocks   = "unless another measure denies them"
	lockStays = "No session works again: `" + denyAll + "` was attached before the lock, and stays."
)

// lock denies everything to all sessions of a role, old and new.
func lock() Kind {
	return Kind{Name: approvals.Lock, On: contain.Lock(), First: true, Fits: lockFits, Words: messages.Words{
		Word: "lock ",
		Form: "lock &lt;role&gt;", Does: "lock a role",
		Ask: "lock", Past: "Locked", Did: "role", Noun: "lock", Deny: "lock",
		Mark: "lock", Whom: "sessions of the role", Fence: "removing `" + denyAll + "` from the role",
		Calls: "DetachRolePolicy", ByHand: "attach the managed policy " + denyAll + " to the role",
		Document: func(policy string) string { return "managed policy " + messages.Code(cmp.Or(policy, denyAll), 128) },
		Where:    "the role's managed policies", Stays: "the role is not locked",
		Question: "Lock this role?", Yes: "Yes, lock it",
		Every:   "every session of ",
		Confirm: "will be denied everything, old and new. Work that uses it breaks until the lock is undone.",
		Means: func(messages.Context) string {
			return "revokebot attaches AWS's policy `" + denyAll + "`: " + locksAll + " until the lock is undone. " +
				"Everything that uses the role fails; assuming it again does not help. " +
				"*Collect evidence first*: SSM agents and log shipping stop on instances with this role.\n" +
				"*Not touched*: `sts:GetCallerIdentity`, presigned EKS tokens, long-term access keys, and sessions that this " +
				"role's sessions opened in other roles. Deactivate such keys in IAM, and lock or revoke those roles too."
		},
		After: func(time.Duration) string {
			return "AWS's policy `" + denyAll + "` denies everything to all its sessions, old and new, until it is undone"
		},
		Scope: func(string) string { return "every session of the role, old and new" },
		Works: func(messages.Context, string) string {
			return "What uses the role fails until the lock is undone. " +
				"`sts:GetCallerIdentity` and presigned EKS tokens still work."
		},
		Room:  func(size int) string { return fmt.Sprintf("the role has %d of 20 managed policies", size) },
		Paper: func(older, newer string) string { return "an old session is " + older + ", a new one is " + newer },
		Next: func(w record.Word, further string) string {
			switch w {
			case record.WordContained:
				return "Undo the lock once the role is safe."
			case record.WordNotContained:
				return "If calls of this role still succeed, " + further + "."
			default:
				return "Check CloudTrail for the keys in the list."
			}
		},
		Leave: func(string) string { return "Undo the lock once the role is safe: until then whatever uses it fails." },
		Undo: messages.UndoWords{
			What: "lock",
			Confirm: func(record.Undoing) string {
				return "Sessions that have not expired work again, the attacker's too, " + unlocks + "."
			},
			Effect: func(record.Undoing) string {
				return "The managed policy `" + denyAll + "` is removed from the role."
			},
			Revival: func(_ approvals.Request, u record.Undoing) string {
				if u.Stays() {
					return lockStays
				}
				return "Sessions that have not expired *work again*, the attacker's too, " + unlocks + "."
			},
			Now: func(v record.Undone, _ string) string {
				if v.Stays {
					return lockStays
				}
				return "Sessions of the role that have not expired *work again* as soon as IAM has spread the change, " +
					unlocks + "."
			},
			Field: func(record.Undoing) (name, value string) { return "It denies", "every session, old and new" },
			Anew:  "To lock the role again", Again: "it attaches the policy again",
		},
		Drill: messages.DrillWords{
			Means: rehearses("lock", "role"),
			Would: func(record.Rehearsed) string {
				return "to the role: it would have denied everything to every session, old and new, until it was undone."
			},
		},
	}}
}

// lockFits: who can take an inline policy away need not be able to detach this one.
func lockFits(s Situation) Fit {
	switch {
	case s.Losses == 2:
		return Fit{Why: "the policy was removed twice"}
	case s.Losses > 2:
		return Fit{Why: fmt.Sprintf("the policy was removed %d times", s.Losses)}
	case s.Answered:
		return Fit{Why: "sessions that should be denied still have access", Last: true}
	case s.Back:
		return Fit{Why: "the attacker has opened a new session", Last: true}
	}
	return Fit{}
}

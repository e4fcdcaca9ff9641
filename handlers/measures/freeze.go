package measures

import (
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

const (
	freezeRuns  = "*Running sessions go on*, those opened since a revocation too: a new revocation or a lock denies them."
	freezeFreed = "New sessions of the role can be opened again."
)

// freeze lets no one open a session of a role.
func freeze() Kind {
	return Kind{
		Name: approvals.Freeze, On: contain.Freeze(), Beside: true, Fits: freezeFits,
		Words: messages.Words{
			Word: "freeze ",
			Form: "freeze &lt;role&gt;", Does: "stop new sessions of a role, with or after a revocation or a lock",
			Ask: "freeze", Past: "Frozen", Did: "role", Noun: "freeze", Deny: "freeze",
			Mark: "freeze", Whom: "new sessions", Fence: "changing the role's trust policy",
			Calls: "UpdateAssumeRolePolicy", ByHand: "deny everybody sts:AssumeRole in the role's trust policy",
			Document: func(string) string { return "trust policy" },
			Where:    "the role's trust policy", Stays: "new sessions of the role can be opened",
			Question: "Freeze this role?", Yes: "Yes, freeze it",
			Every:   "new sessions of ",
			Confirm: "will be refused to everybody, AWS services too. Running sessions go on.",
			Means: func(messages.Context) string {
				return "A statement in the role's trust policy lets no one open a session, people, pipelines and AWS services " +
					"alike, until it is undone. " + freezeRuns + "\n" +
					"*It breaks*: Lambda functions of the role do not start, EC2 instances and containers fail when their " +
					"credentials end, and pipelines cannot begin. Every other statement of the trust policy stays as it is; one " +
					"that names a deleted principal cannot be written again, and then that statement stands alone."
			},
			After: func(time.Duration) string {
				return "no one can open a session of it until that is undone; running sessions go on"
			},
			Scope: func(string) string { return "the role's trust policy, so that no one opens a new session" },
			Works: func(messages.Context, string) string { return freezeRuns },
			Room:  trustRoom,
			Paper: trustPaper,
			Next: func(w record.Word, further string) string {
				if w == record.WordContained {
					return "Undo the freeze once those who may assume the role are safe."
				}
				return "A freeze leaves running sessions alone: revoke or lock the role again for those opened since."
			},
			Leave: func(string) string {
				return "Undo the freeze once those who may assume the role are safe: until then no job of it starts."
			},
			Undo: trustUndo("freeze", freezeFreed, "It denies", "every new session", "To freeze the role again"),
			Drill: messages.DrillWords{
				Means: trustDrill("freeze"),
				Would: func(record.Rehearsed) string {
					return "to the role's trust policy: no one could have opened a session until it was undone."
				},
			},
		},
	}
}

// freezeFits: who has the key of a caller opens sessions as that caller does. A freeze does not
// stop sessions that go on.
func freezeFits(s Situation) (f Fit) {
	if s.Open && s.Stolen && !s.Answered {
		f.Why = "the caller's own key is stolen"
	}
	return f
}

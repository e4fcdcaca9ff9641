package measures

import (
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

const (
	rotateRuns  = "*Live sessions go on*: revoke the role as well if the attacker has one."
	rotateFreed = "The external id of before lets the third party in again, and everyone else who knows it."
)

// rotate changes the external id of a third party in a role's trust policy.
func rotate() Kind {
	return Kind{Name: approvals.RotateExternalID, On: contain.RotateExternalID(), Fits: rotateFits, Words: messages.Words{
		Word: "rotate-external-id ",
		Form: "rotate-external-id &lt;role&gt;", Does: "rotate the external id of a third party",
		Ask: "rotate the external id of", Past: "Rotated", Did: "external id of", Noun: "rotation", Deny: "rotation",
		Mark: "rotation", Whom: "callers with the leaked external id", Fence: "changing the role's trust policy",
		Calls: "UpdateAssumeRolePolicy", ByHand: "change sts:ExternalId in the role's trust policy",
		Document: func(string) string { return "trust policy" },
		Where:    "the role's trust policy", Stays: "the leaked external id keeps working",
		Question: "Rotate the external id?", Yes: "Yes, rotate it",
		Every:   "the external id of ",
		Confirm: "is changed in its trust policy. The third party has to change with it. Live sessions go on.",
		Means: func(c messages.Context) string {
			if r := c.Role.Rotate; r != nil && r.Only {
				return "The trust policy lets in the new external id alone: *the old one stops working*, and a third party " +
					"that still uses it cannot assume the role. " + rotateRuns + "\nEvery other character stays as it is."
			}
			return "The trust policy lets in a new external id *beside the old one*, so that nothing breaks. Only the " +
				"requester was shown it, and gives it to the third party. Once CloudTrail shows it in use, the thread says " +
				"how to take the old one away; *until then the leaked one works*. " + rotateRuns + "\n" +
				"Every other character stays as it is."
		},
		After: func(time.Duration) string {
			return "a third party's new external id works beside the old one; a second request takes the old one away"
		},
		Scope: func(string) string { return "the external id in the role's trust policy" },
		Works: func(c messages.Context, _ string) string {
			if r := c.Role.Rotate; r != nil && r.Only {
				return "The old external id no longer works. " + rotateRuns
			}
			return "*The leaked external id still works*, beside the new one, until a second rotation takes it away. " +
				rotateRuns
		},
		Room:  trustRoom,
		Paper: trustPaper,
		Next: func(w record.Word, further string) string {
			if w == record.WordContained {
				return "Make sure that the third party uses the new external id."
			}
			return "A rotation leaves live sessions alone: revoke the role for those."
		},
		Leave: func(string) string { return "Do not undo it once the third party uses the new external id." },
		Undo:  trustUndo("rotation", rotateFreed, "It changed", "the external id", "To rotate the external id again"),
		Drill: messages.DrillWords{
			Means: trustDrill("rotation"),
			Would: func(record.Rehearsed) string {
				return "to the role's trust policy: a new external id would have worked beside the old one."
			},
		},
	}}
}

// rotateFits: who knows the external id opens sessions by way of the third party.
func rotateFits(s Situation) (f Fit) {
	if s.Open && s.Vendor {
		f.Why = "a third party's session is unusual, so its external id may have leaked"
	}
	return f
}

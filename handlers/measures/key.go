package measures

import (
	"fmt"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

const (
	keyStays   = "The access key stays inactive: a leaked key is never made active again. Give what used it a new key."
	ofTheUser  = "GetSessionToken, GetFederationToken and console sessions of the user issued before "
	denyOlder  = "RevokebotOlderSessions"
	silentKeys = "CloudTrail mostly records no call of an inactive key, so silence proves nothing."
)

// key makes the leaked access key of a user inactive, and denies the sessions of the user that were
// issued before that.
func key() Kind {
	return Kind{Name: approvals.AccessKey, On: contain.Key(), First: true, Words: messages.Words{
		Word: "key ",
		Form: "AKIA…", Does: "deactivate an access key of a user",
		Ask: "deactivate access key", Past: "Deactivated", Did: "access key", Noun: "key deactivation",
		Deny: "deactivation", Mark: "cutoff", Whom: "the key or old sessions of the user",
		Fence: "writing the user's inline policies and the status of its keys",
		Calls: "UpdateAccessKey, DeleteUserPolicy or PutUserPolicy", ByHand: "deactivate the access key",
		Document: keyDocument, Where: "the user's access keys and inline policies", Stays: "the key stays active",
		Question: "Deactivate this key?", Yes: "Yes, deactivate",
		Confirm: "stops working within seconds, and for good. Old sessions of the user are denied everything.",
		Means: func(c messages.Context) string {
			return "revokebot makes the access key inactive: what uses it fails within seconds, and *the key is never made " +
				"active again*. Then an inline policy on the user denies everything to " + ofTheUser + "that moment plus " +
				messages.Span(c.Margin) + ".\n" +
				"*Not touched*: the user's other keys and password, and sessions that the key opened in roles. " +
				"Deactivate those keys, and revoke those roles too."
		},
		After: func(margin time.Duration) string {
			return "the key is inactive, and an inline policy denies everything to sessions of its user issued before that " +
				"moment plus " + messages.Span(margin)
		},
		Scope: func(cutoff string) string { return "the access key, and " + ofTheUser + cutoff },
		Works: func(_ messages.Context, cutoff string) string {
			return "The user's other keys work. New sessions of the user work from " + cutoff + "."
		},
		Room: func(size int) string {
			return fmt.Sprintf("the user's inline policies have %d of 2048 characters", size)
		},
		Paper: func(older, newer string) string {
			return "a session of the user issued a second before the cutoff is " + older + ", one issued a second after it is " +
				newer
		},
		Next: func(w record.Word, _ string) string {
			switch w {
			case record.WordContained:
				return "Delete the key once what used it has a new one."
			case record.WordNotContained:
				return "Deactivate the user's other keys, delete its password, and revoke the roles that the key assumed."
			default:
				return "Check CloudTrail for what the key did, and for keys and users that it made. " + silentKeys
			}
		},
		Leave: func(until string) string {
			return "Undo it when every session that it blocks has expired" + until + ". The key stays inactive: delete it."
		},
		Undo: messages.UndoWords{
			What:    "policy on old sessions",
			Confirm: func(u record.Undoing) string { return afterUndo(u) + " The key stays inactive." },
			Effect: func(u record.Undoing) string {
				what := "is removed from the user. "
				if !u.RestoreCutoff.IsZero() {
					what = "that was there before is put back; it denies sessions issued before *" +
						messages.UTC(u.RestoreCutoff) + "*. "
				}
				return "The " + keyDocument(u.Policy) + " " + what + keyStays
			},
			Revival: revival, Kept: kept,
			Field: func(u record.Undoing) (name, value string) {
				return "It denies sessions issued before", messages.UTC(u.Cutoff)
			},
			Now: func(v record.Undone, until string) string { return sessionsNow(v, until) + " " + keyStays },
			Expired: func(v record.Expired) string {
				return "All sessions of the user issued before " + messages.UTC(v.Cutoff) + " have expired, since " +
					messages.Both(v.Since) + " at the latest."
			},
			Anew: "To deny its sessions again", Again: "it has a new cutoff",
		},
		Drill: messages.DrillWords{
			Means: rehearses("key deactivation", "user"),
			Would: func(d record.Rehearsed) string {
				return "to the user once the access key was inactive, with the cutoff *" + messages.UTC(d.WouldBe) +
					"*: it would have denied every session of the user issued before that."
			},
		},
	}}
}

// keyDocument names one of the two documents: the status by the key's id.
func keyDocument(name string) string {
	switch {
	case strings.HasPrefix(name, "AKIA"):
		return "status of access key " + messages.Code(name, 64)
	case name == "":
		name = denyOlder
	}
	return "inline policy " + messages.Code(name, 128)
}

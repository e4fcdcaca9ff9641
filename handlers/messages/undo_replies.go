package messages

import (
	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// UndoUsage says how to ask for an undo, when no role was named.
func UndoUsage() *Message {
	return sentence("Name the role whose deny should be taken away: `" + Command + " undo prod/DeployRole [reason]`. " +
		"While old sessions can be alive, the words `" +
		ReviveWords + "` have to follow the role. For a role of the name undo, give its ARN.")
}

// NothingToUndo answers somebody who wants a deny taken away that revokebot has no record of.
func NothingToUndo(role record.Role) *Message {
	return sentence("Nothing was requested: revokebot has no applied revocation on record for " + roleWords(role) +
		", unique id " + code(role.ID, 128) +
		", that was not undone already. If the role was deleted and made again since, the deny went with the old one. " +
		"What else denies its sessions is not revokebot's: look at the role's inline policies in the IAM console.")
}

// UndoneAlready answers a press on the button of a revocation whose deny was taken away.
func UndoneAlready(role record.Role) *Message {
	return sentence("Nothing was requested: the deny that this request put on " + roleWords(role) +
		" was taken away already. Its thread says when and by whom.")
}

// DenyAlreadyGone answers when the role is as it was before the deny, although nobody undid it
// here.
func DenyAlreadyGone(role record.Role) *Message {
	return sentence("Nothing was requested: " + roleWords(role) + " is already as it was before the deny, " +
		"so there is nothing to take away. It was not revokebot that took it: CloudTrail has the call, " +
		"DeleteRolePolicy or PutRolePolicy on the role.")
}

// DenyChanged answers when what is on the role is not what revokebot wrote. there says whether
// anything is.
func DenyChanged(role record.Role, policy string, there bool) *Message {
	what := "is not the one that revokebot wrote last: somebody changed it"
	if !there {
		what = "is not there any more: somebody removed it, and with it what it held before the deny"
	}
	return sentence("Nothing was requested: the " + inline(policy) + " on " + roleWords(role) + " " +
		what +
		", and revokebot touches only what it wrote. Look at it in the IAM console; CloudTrail has who did it.")
}

// DenyOfAnotherRole answers the button of a revocation whose role was deleted and made again.
func DenyOfAnotherRole(role record.Role) *Message {
	return sentence("Nothing was requested: " + roleWords(role) + " was deleted and made again since, so the deny went " +
		"with the old role and there is nothing to take away.")
}

// NewerDeny answers the button of a revocation over which a later one has written.
func NewerDeny(later approvals.Request, role record.Role, link string) *Message {
	where := "request " + code(later.ID, 40)
	if link != "" {
		where += ", <" + link + "|its card>"
	}
	return sentence("Nothing was requested: a later revocation of " + roleWords(role) + " has written over this deny (" +
		where + "). Undo that one first.")
}

// WordsNeeded answers a request for an undo without the words, while old sessions can be alive.
func WordsNeeded(role record.Role, u record.Undoing) *Message {
	return sentence("Nothing was requested. Until " + both(u.RevivesUntil) + " " + denied(u) + " can still be alive, " +
		"and without the deny *they work again*, whoever holds them, a thief too. " +
		"If that is what you mean, type the words out: " + undoCommand(role, ReviveWords+" [reason]") +
		". After that moment no words are needed, and revokebot offers the clean-up by itself.")
}

// NotARevocation answers an Undo of a request that put no deny on a role.
func NotARevocation() *Message {
	return sentence("Nothing was requested: the request behind this button put no deny on a role that could be taken " +
		"away.")
}

// NoQuorumToUndo answers a request for an undo that nobody could approve.
func NoQuorumToUndo(role record.Role, required int, candidates []Candidate) *Message {
	return sentence(quorumWords(role, required, candidates) + "\nWhoever runs revokebot can add approvers.")
}

// Sentences for undos that ended without having been done.
const (
	// UndoOfAnotherRole: another role has the name now.
	UndoOfAnotherRole = "The role was deleted and made again under the same name: the deny went with the old one, " +
		"and nothing was touched. There is nothing left to undo."
	// UndoRoleGone: there is no role of the name.
	UndoRoleGone = "There is no such role any more: the deny went with it. There is nothing left to undo."
	// UndoNotNewest: two requests can have put the same text there.
	UndoNotNewest = "A later request has written into the same policy, so nothing was touched. Undo that one first."
	// UndoneAfterAll: the request had ended without it, and then AWS took the change of a worker that
	// was held up.
	UndoneAfterAll = "AWS took the deny off the role, or put the earlier policy back, although this request had ended: " +
		"a worker that was held up had begun before. Look at the role now; to deny old sessions again, ask for a revocation."
	// UndoGaveUp: the bot failed for a reason of its own.
	UndoGaveUp = "revokebot failed at taking the deny away several times for a reason of its own, " +
		"which its log has under the request's id. Ask again."
)

// UndoNotOurs is why an undo failed whose policy somebody had changed.
func UndoNotOurs(policy string) string {
	return "The inline policy " + policyName(policy) + " on the role is not the one that was to be taken away: " +
		"revokebot itself, somebody or something wrote it since, so nothing was touched. Look at it in the IAM console, " +
		"and ask again if it should still go."
}

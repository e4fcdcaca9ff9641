package measures

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
)

// What freeze and rotate-external-id say alike: both change the role's trust policy.

func trustRoom(size int) string {
	return fmt.Sprintf("the role's trust policy has %d of 2048 characters", size)
}

func trustPaper(string, string) string { return "a trust policy is nothing that the simulator knows" }

// trustUndo are the words for the undo of a change, with what is so after it, and with what the
// change did as a field of the undo's card.
func trustUndo(what, freed, field, value, anew string) messages.UndoWords {
	return messages.UndoWords{
		What:    what,
		Confirm: func(record.Undoing) string { return freed },
		Effect:  putsBack,
		Revival: func(approvals.Request, record.Undoing) string { return freed },
		Now:     func(record.Undone, string) string { return freed },
		Field:   func(record.Undoing) (string, string) { return field, value },
		Anew:    anew, Again: "it changes the trust policy again",
	}
}

// putsBack says what an undo does to a trust policy, and whom that lets in.
func putsBack(u record.Undoing) string {
	var admits []string
	for _, w := range contain.Fold(u.Changes) {
		for _, name := range contain.Admits(w.Before) {
			admits = append(admits, messages.Code(name, 128))
		}
	}
	if admits == nil {
		admits = []string{"no one"}
	}
	return "The trust policy of before is put back, byte for byte. It lets in: " + strings.Join(admits, ", ") + "."
}

// trustDrill says what Approve does for a drill of a trust policy.
func trustDrill(noun string) string {
	return "It rehearses a " + noun + ". revokebot reads the role and opens a read-only session that names you and the " +
		"requester in CloudTrail. A trust policy is not simulated: no simulator knows it. *Nothing is written, and no " +
		"session loses access.*"
}

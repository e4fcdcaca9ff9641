package messages

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/handlers/record"
)

// The form that asks for what an undo needs: the words, while old sessions can be alive, and a
// reason. The reason's field is FieldReason.
const (
	FormUndo     = "revokebot_undo_form"
	FieldWords   = "words"
	actionRevive = "text"
)

// UndoForm asks whoever pressed Undo for the words, if words is set, and for a reason, which may
// stay empty unless it is required. until is when the last old session ends, zero when it is not
// known.
func UndoForm(
	c Context, origin FormOrigin, words bool, until time.Time, reasonRequired bool,
) (slack.ModalViewRequest, error) {
	metadata, err := json.Marshal(origin)
	if err != nil {
		return slack.ModalViewRequest{}, fmt.Errorf("form to undo request %s: %w", origin.Request, err)
	}
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	text := fmt.Sprintf("This asks for somebody's approval to *take the deny off* %s.", roleWords(c.Role))
	blocks := []slack.Block{}
	if words {
		text += fmt.Sprintf(" Until %s sessions that it keeps out can be alive: they *work again* once it is gone, "+
			"a thief's too. If that is what you mean, type %s.",
			both(until), code(ReviveWords, 40))
		field := slack.NewPlainTextInputBlockElement(plain(ReviveWords), actionRevive)
		field.MaxLength = 100
		blocks = append(blocks, slack.NewInputBlock(FieldWords, plain("Type the words: "+ReviveWords), nil, field))
	}
	reason := slack.NewPlainTextInputBlockElement(plain("Why it can go"), actionReason)
	reason.Multiline = true
	reason.MaxLength = MaxReason
	input := slack.NewInputBlock(FieldReason, plain("Reason (everybody in the channel sees it)"), nil, reason)
	input.Optional = !reasonRequired
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: FormUndo, PrivateMetadata: string(metadata),
		Title: plain("Take the deny away?"), Submit: plain("Ask for approval"), Close: plain("Back"),
		Blocks: slack.Blocks{BlockSet: append([]slack.Block{section(text)}, append(blocks, input)...)},
	}, nil
}

// WordsError is the answer to an undo form whose words are not the words: Slack shows it at their
// field.
func WordsError() any {
	return fieldErrors{
		"errors", map[string]string{FieldWords: "These are not the words. Nothing was requested. Type: " + ReviveWords},
	}
}

// UndoByCommand answers an Undo whose form may not have opened.
func UndoByCommand(role record.Role) *Message {
	return sentence("The form for your Undo may not have opened, so nothing was requested yet. " +
		"If there is no form in front of you, press Undo again, or send " +
		undoCommand(role, "") + ", with the words " + code(ReviveWords, 40) + " after the role while old sessions can be " +
		"alive.")
}

// undoCommand is what to type to ask for an undo.
func undoCommand(role record.Role, rest string) string {
	text := Command + " undo " + role.Account + "/" + role.Name
	if rest != "" {
		text += " " + rest
	}
	return code(text, 220)
}

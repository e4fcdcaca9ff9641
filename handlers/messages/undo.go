package messages

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
)

// ReviveWords is what the requester of an undo types while sessions that the measure blocks can be
// alive.
const ReviveWords = "revive old sessions"

// SaysRevive reports whether a text is ReviveWords. Capitals, quotes around the words and the kind
// of white space do not matter: people copy them out of a sentence.
func SaysRevive(text string) bool {
	text = strings.Trim(strings.TrimSpace(text), "\"'`“”„‘’")
	return strings.EqualFold(strings.Join(strings.Fields(text), " "), ReviveWords)
}

// The form that asks for what an undo needs: the words, while old sessions can be alive, and a
// reason. The reason's field is FieldReason.
const (
	FormUndo     = "revokebot_undo_form"
	FieldWords   = "words"
	actionRevive = "text"
)

// UndoForm asks the requester for the words, if words is set, and for a reason, which may
// stay empty unless it is required. until is when the last old session ends, zero when it is not
// known.
func UndoForm(c Context, origin FormOrigin, words bool, until time.Time, reasonRequired bool) slack.ModalViewRequest {
	text := fmt.Sprintf("This asks for an approval to *undo the %s* of %s.", c.Words.Noun, roleWords(c.Role))
	var blocks []slack.Block
	if words {
		text += fmt.Sprintf(" Until %s sessions that it blocks can be alive: they *work again* then, "+
			"the attacker's too. If that is what you mean, type %s.", Both(until), Code(ReviveWords, 40))
		field := slack.NewPlainTextInputBlockElement(plainText(ReviveWords), actionRevive)
		field.MaxLength = 100
		blocks = append(blocks, slack.NewInputBlock(FieldWords, plainText("Type the words: "+ReviveWords), nil, field))
	}
	return form(FormUndo, "Undo the "+c.Words.Noun+"?", "Ask for approval", origin, "Why it can go", !reasonRequired,
		append([]slack.Block{section(text)}, blocks...)...)
}

// UndoByCommand answers an Undo whose form may not have opened.
func UndoByCommand(w Words, role record.Role) *Message {
	return sentence("The form for your Undo may not have opened, so nothing was requested yet. " +
		"If there is no form in front of you, press Undo again, or send " +
		undoCommand(w, role, "") + ", with the words " + Code(ReviveWords, 40) +
		" after the role while old sessions can be " +
		"alive.")
}

// undoCommand is what to type to ask for an undo.
func undoCommand(w Words, role record.Role, rest string) string {
	text := Command + " undo " + w.Word + role.Ref()
	if rest != "" {
		text += " " + rest
	}
	return Code(text, 220)
}

// UndoWhich answers an undo that does not say which of several measures is meant, newest first.
func UndoWhich(held []Listed, role record.Role) *Message {
	text := "Nothing was requested: several measures are in force on " + roleWords(role) +
		". Press which one is to be undone, or send its command:"
	var buttons []slack.Block
	for _, l := range held {
		w := l.Context.Words
		w.Word = string(l.Request.Purpose.Measure()) + " " // without it the command asks again which
		role.Key = l.Request.Subject.Part
		text += "\n• The " + w.Noun + " of request " + Code(l.Request.ID, 40) + ": " + undoCommand(w, role, "")
		label := "Undo the " + w.Noun + strings.TrimSuffix(" of "+keyOf(role), " of ")
		buttons = append(buttons, slack.NewActionBlock(strings.ToLower(label),
			threadButton(ActionUndo, l.Request.ID, label, label+" of "+Raw(role.Name, limitRoleName))))
	}
	return &Message{Text: fit(text, limitText), Blocks: append([]slack.Block{section(text)}, buttons...)}
}

// DenyChanged answers when what is on the role is not what revokebot wrote. there says whether
// anything is.
func DenyChanged(w Words, role record.Role, policy string, there bool) *Message {
	what := "is not the one that revokebot wrote last: someone else changed it"
	if !there {
		what = "is gone: someone else removed it, together with what it held before the " + w.Deny
	}
	return notRequested("the " + w.Document(policy) + " on " + roleWords(role) + " " + what +
		", and revokebot touches only what it wrote. Check it in the IAM console; CloudTrail shows who changed it.")
}

// NewerDeny answers the button of a request over which a later one has written.
func NewerDeny(w Words, later approvals.Request, role record.Role, link string) *Message {
	return notRequested("a later " + w.Noun + " of " + roleWords(role) + " has written over this " +
		w.Deny + ". First undo " + earlierRequest(later.ID, link) + ".")
}

// WordsNeeded answers a request for an undo without the words, while old sessions can be alive.
func WordsNeeded(w Words, role record.Role, u record.Undoing) *Message {
	return sentence("Nothing was requested. Until " + Both(u.RevivesUntil) + " " + w.Undo.Kept(u) +
		" can still be alive, " +
		"and without the " + w.Deny + " *they work again*, the attacker's too. " +
		"If that is what you mean, type the words out: " + undoCommand(w, role, ReviveWords+" [reason]") +
		". After that moment no words are needed, and revokebot offers the clean-up by itself.")
}

// NothingToUndo rejects an undo that has nothing to do on the role. why is one of the sentences
// below.
func NothingToUndo(role record.Role, why string) *Message {
	return notRequested("there is nothing to undo on " + roleWords(role) + ", unique id " +
		Code(role.ID, 128) + ". " + why)
}

// Why there is nothing to undo.
const (
	UndoneAlready = "It was undone already. Its thread says when and by whom."
	UndoneByRole  = "It was recreated since. What was applied went with the old one."
	UndoStays     = "What was applied was there before, and stays."
)

// NotOnRecord is why there is nothing to undo: noun is that of the measure that was named, or
// "measure".
func NotOnRecord(noun string) string {
	return "revokebot has no applied " + noun + " on record that was not undone already. " +
		"If its sessions are still denied, something else denies them: check its policies in the IAM console."
}

// UndoneByOthers is why there is nothing to undo although no request undid it.
func UndoneByOthers(w Words) string {
	return "It is as it was before the " + w.Noun + ". revokebot did not remove the " + w.Deny + ": CloudTrail has the " +
		"call, " + w.Calls + " on it."
}

// undoApplied tells in the thread of an undo what was undone, or that there was nothing to undo.
func (v *view) undoApplied() string {
	a, w := record.Known[record.Applied](v.r.Closing), v.c.Words
	text := bold(v.c.undoneTitle(v.r)+".") + " " + v.c.undoOutcome(v.r)
	if a == nil {
		return text
	}
	if a.Seen != record.SeenEqual {
		text = v.involved() + text
	}
	if back := v.proof.ReadBack; back != nil && !back.Equal {
		text += " " + strings.TrimSuffix(cmp.Or(v.Prose(back.Error), Code(back.Mismatch, 800)), ".") + "."
	}
	if a.Unnamed {
		text += "\n" + unnamed
	}
	return text + "\nIt was the " + w.Noun + " of " + earlierRequest(v.r.About, v.c.Undo.Card) + ". " + w.Undo.Anew +
		", send " + Code(Command+" "+w.Word+v.c.Role.Ref(), 160) + ": " + w.Undo.Again + "."
}

// undoneText says who undid it, and what that means for old sessions.
func undoneText(v record.Undone, c Context, day time.Time) string {
	return fmt.Sprintf("*Undone* at %s on %s: %s asked for that and %s approved it, %s. %s", Clock(v.At, day),
		roleWords(c.Role), Mention(v.Requester), fit(mentions(v.Approvers), 500), earlierRequest(v.Request, v.Card),
		c.Left(v, Both))
}

// earlierRequest names the request that is to be undone, with the way to its card where that is
// known.
func earlierRequest(about, card string) string {
	if card == "" {
		return "request " + Code(about, 40)
	}
	return "request " + Code(about, 40) + " (<" + card + "|its card>)"
}

// undoneTitle says no more than what was seen.
func (c Context) undoneTitle(r approvals.Request) string {
	a := record.Known[record.Applied](r.Closing)
	switch {
	case a == nil:
	case a.Seen == record.SeenOther:
		return "Undone, but the " + c.Role.Noun() + " has another policy now"
	case a.Seen != record.SeenEqual:
	case c.Undo.Stays():
		return "Undone, what was there before stays"
	case a.AlreadyThere && !a.Promised:
		return "Undone already"
	default:
		return "Undone"
	}
	return "Undone, not verified"
}

// undoOutcome says what became of what was to be undone, and of old sessions.
func (c Context) undoOutcome(r approvals.Request) string {
	a := record.Known[record.Applied](r.Closing)
	if a == nil {
		return "AWS accepted the change."
	}
	return c.Left(c.Undo.Undone(*a), Both)
}

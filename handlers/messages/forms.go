package messages

import (
	"encoding/json"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
)

// The form that asks for the reason of a denial, and its one field.
const (
	FormDeny     = "revokebot_deny_form"
	FieldReason  = "reason"
	actionReason = "text"
)

// Forms are the callback ids of all forms.
func Forms() []string { return []string{FormDeny, FormUndo, FormAsk} }

// FormOrigin says which card a form was opened from, or, of FormAsk, for whom and in which channel.
// Slack keeps it with the form; people cannot change it.
type FormOrigin struct {
	Request string `json:"request,omitempty"`
	Channel string `json:"channel"`
	Message string `json:"message,omitempty"`
	User    string `json:"user,omitempty"` // of FormAsk
	Home    bool   `json:"home,omitempty"` // it was opened from the App Home
}

// DenyForm asks an approver for the reason of a denial, which may stay empty.
func DenyForm(r approvals.Request, c Context, origin FormOrigin) (slack.ModalViewRequest, error) {
	metadata, err := json.Marshal(origin)
	if err != nil {
		return slack.ModalViewRequest{}, fmt.Errorf("form of request %s: %w", r.ID, err)
	}
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	reason := slack.NewPlainTextInputBlockElement(plain("Why not, or what to do instead"), actionReason)
	reason.Multiline = true
	reason.MaxLength = MaxReason
	input := slack.NewInputBlock(FieldReason, plain("Reason (everybody in the channel sees it)"), nil, reason)
	input.Optional = true
	title := "Deny this request?"
	if c.Drill {
		title = drillMark + "deny it?"
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: FormDeny, PrivateMetadata: string(metadata),
		Title: plain(title), Submit: plain("Deny"), Close: plain("Back"),
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			section(deniedWords(r, c) + " After Deny nothing is done, and the request is closed for everybody."),
			input,
		}},
	}, nil
}

// deniedWords says what is about to be denied.
func deniedWords(r approvals.Request, c Context) string {
	switch {
	case c.Drill:
		return drillMark + drillAsked(r, c)
	case c.Undo != nil:
		return undoAsked(r, c)
	}
	return fmt.Sprintf("%s asked to revoke the sessions of %s.", Mention(r.Requester), roleWords(c.Role))
}

// FieldError is the answer to a form that cannot be taken: Slack shows it at the field.
func FieldError(m *Message) any {
	return fieldErrors{"errors", map[string]string{FieldReason: m.Text}}
}

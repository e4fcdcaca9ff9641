package handlers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/handlers/step"
)

// act is what a person did, as a command, a click or a form, with what it takes to answer them.
type act struct {
	Command // who did it, where, and what it asks for
	item    approvals.Item
	action  string // the button of a click, the form of a submission
	request string // of a click or a form: the request in whose thread it was done
	mark    string // of a click: what of the thread it is about
	message string // of a click or a form: the message that it was done on
	value   string // of a click: the button's value; of a form: the request
	drill   bool   // what is answered is about a drill, and says so
	before  string // of a command: the words in front of the role
}

// about makes text, which begins with the role, the act's: a note of a refusal names the role.
func (a *act) about(text string) {
	a.before, a.Text = strings.TrimSuffix(strings.TrimSpace(a.Text), text), text
}

// actOf reads an item that is a person's act; of any other it returns an act without a person.
func actOf(item approvals.Item) (a act, err error) {
	switch item.Kind {
	case KindCommand:
		a.Command, err = step.BodyOf[Command](item)
		a.drill = IsDrill(a.Text)
	case KindClick:
		var c Click
		c, err = step.BodyOf[Click](item)
		a.Command = Command{
			Place: c.Place, RequestID: c.RequestID, User: c.User, ResponseURL: c.ResponseURL, Trigger: c.Trigger,
		}
		a.action, a.message, a.value = c.ActionID, c.Message, c.Value
		switch a.action {
		case messages.ActionAsk, messages.ActionFilter:
		case messages.ActionMeant, messages.ActionAddresses:
			a.Text, _, _ = strings.Cut(c.Value, messages.OfferMark)
			a.drill = IsDrill(a.Text)
		default:
			a.request, a.mark = messages.PartsOf(c.Value)
		}
	case KindSubmit:
		var s Submission
		s, err = step.BodyOf[Submission](item)
		a.Command = Command{Place: s.Place, RequestID: s.RequestID, User: s.User, Secret: s.Secret}
		a.Channel = s.Origin.Channel
		a.action, a.message, a.value, a.request = s.Form, s.Origin.Message, s.Origin.Request, s.Origin.Request
	}
	if err != nil {
		return act{}, err
	}
	a.item = item
	return a, nil
}

// About says which request an item is about, and which one it opens if it comes to that; both are
// empty where there is none. It looks nothing up: what it says of a click is what the click says,
// and proves nothing.
func About(item approvals.Item) (request, opens string) {
	a, err := actOf(item)
	if err != nil || !slices.Contains(FromPeople(), item.Kind) {
		return item.Request, ""
	}
	switch a.action {
	case "", messages.FormAsk, messages.FormAddresses, messages.FormUndo,
		messages.ActionAsk, messages.ActionAgain, messages.ActionUndo,
		messages.ActionCleanUp, messages.ActionChain, messages.ActionFurther, messages.ActionMeant:
		opens = a.RequestID
	}
	return a.request, opens
}

// errAnswered ends the handling of an act whose sender has an answer.
var errAnswered = errors.New("the sender has an answer")

// answer answers the sender privately, and returns errAnswered.
func (h *Handlers) answer(ctx context.Context, a act, m *messages.Message) error {
	h.whisper(ctx, a, m)
	return errAnswered
}

// whisper answers the sender privately. That it fails is logged and nothing else: the log of the
// request has what matters.
func (h *Handlers) whisper(ctx context.Context, a act, m *messages.Message) {
	if a.drill {
		m = messages.Drilled(m)
	}
	to := Listener{User: a.User, Channel: a.Channel, ResponseURL: a.ResponseURL}
	if err := h.Slack.Whisper(ctx, to, m); err != nil {
		h.Log.WarnContext(ctx, "a private reply was not delivered", "user", a.User, "channel", a.Channel, "error", err)
	}
}

// refuse answers an act that goes into no request's log, and keeps a note of it. It returns
// errAnswered.
func (h *Handlers) refuse(ctx context.Context, a act, why string, m *messages.Message) error {
	if err := h.noteRefused(ctx, a, why); err != nil {
		return err
	}
	return h.answer(ctx, a, m)
}

func (h *Handlers) noteRefused(ctx context.Context, a act, why string) error {
	role, _ := splitCommand(a.Text)
	refused := struct {
		Why     string `json:"why"`
		Channel string `json:"channel"`
		Role    string `json:"role,omitempty"` // what stood for one; the rest may be anything, a pasted secret too
		Message string `json:"message,omitempty"`
		Value   string `json:"value,omitempty"`
	}{why, a.Channel, cutRunes(role, 64), a.message, cutRunes(a.value, 64)}
	if err := h.Note(ctx, approvals.EventRefused, a.User, a.item.Source, refused); err != nil {
		return err
	}
	h.Log.InfoContext(ctx, "an act was refused", "act", a.item.Kind, "user", a.User, "channel", a.Channel, "why", why)
	return nil
}

// noSuchRequest answers an act whose button or form leads nowhere.
func (h *Handlers) noSuchRequest(ctx context.Context, a act) error {
	return h.refuse(ctx, a, "unknown_request", messages.UnknownRequest())
}

// thread reads the request in whose thread an act was done, and makes the act one about it. If the
// act was not done there, it is answered.
func (h *Handlers) thread(ctx context.Context, a *act) (v record.View, err error) {
	v.Request, v.Events, err = h.Store.Load(ctx, a.request)
	if errors.Is(err, approvals.ErrUnknownRequest) || err == nil && !v.Request.Place.Is(a.Place) {
		return v, h.noSuchRequest(ctx, *a)
	}
	a.drill = v.Request.Purpose.Mode() == approvals.ModeDrill
	return v, err
}

// Limits against floods, by pranksters or by programs. An incident with a dozen roles fits into a
// minute of one person; approvals are not counted against commands.
const (
	floodWindow        = time.Minute
	commandsPerPerson  = 15
	commandsPerChannel = 60 // of those that were admitted: refused ones must not close the channel for others
	clicksPerPerson    = 30 // that decide nothing
	lookUpsPerPerson   = 10 // of one whose clicks on a card were refused often

	// A report whose files Slack refused may be asked for again although nothing else has happened:
	// the operator may have fixed the cause. Each time is an event in the log, which every step
	// reads as a whole.
	reportsAgain = 3
	reportWindow = 10 * time.Minute
)

// flooded counts an act under a name, and answers its sender if they have to wait. What was allowed
// before and then put off is not counted. One whose first try died is, which the store does once.
func (h *Handlers) flooded(ctx context.Context, a act, name string, most int) error {
	if a.item.Attempt > 0 {
		return nil
	}
	wait, err := h.Store.Allow(ctx, name, counted(a.item), most, floodWindow)
	if err != nil || wait == 0 {
		return err
	}
	if r, _, err := h.Store.Load(ctx, a.request); err == nil {
		a.drill = r.Purpose.Mode() == approvals.ModeDrill
	}
	return h.refuse(ctx, a, "flood", messages.TooMany(wait))
}

// counted names what a person did, the same at every try.
func counted(item approvals.Item) string { return cmp.Or(item.Source, item.ID) }

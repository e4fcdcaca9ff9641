package bot

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/messages"
)

// frame is what every frame of Socket Mode may hold (Slack documentation, "Using Socket Mode").
// Payloads stay raw: only the fields that are needed are read, so that a block or an element that
// the bot does not has heard of cannot break a click.
type frame struct {
	Type           string          `json:"type"`
	EnvelopeID     string          `json:"envelope_id"`
	Payload        json.RawMessage `json:"payload"`
	Reason         string          `json:"reason"`
	NumConnections int             `json:"num_connections"` // of the app, in a hello
	// raw is all of a frame that is no envelope as it should be.
	raw []byte
	// came is when it was read from its connection, by this machine's clock.
	came time.Time
}

// Frame types.
const (
	frameHello      = "hello"
	frameDisconnect = "disconnect"
	frameSlash      = "slash_commands"
	frameClick      = "interactive"
	frameEvent      = "events_api"

	// frameMalformed is not Slack's: what came is no envelope.
	frameMalformed = "malformed"
)

// intakeItem is what an envelope comes to.
type intakeItem struct {
	item     approvals.Item
	ids      []string          // what it is known by if it comes again
	listener handlers.Listener // whom to tell when it cannot be taken
	form     bool              // an answer belongs at the form's field
	answer   any               // to a form that is wrong as it is: nothing is to be recorded
	ignored  string            // why nothing is to be done with it; empty when there is
	unknown  bool              // the bot does not know what it is: an operator has to look at it

	unreadable string // what has not the form that the envelope's type promises; empty when it has

	// a person types into a menu: nothing is to be recorded, the answer is the acknowledgement
	suggestion *handlers.Suggestion
	submission *handlers.Submission // a form that is to be judged before it is recorded
}

// readEnvelope makes an item of an envelope.
func readEnvelope(f frame) intakeItem {
	switch f.Type {
	case frameSlash:
		return readCommand(f)
	case frameClick:
		return readInteraction(f)
	case frameEvent:
		return readEvent(f)
	case frameMalformed:
		return intakeItem{unreadable: "frame"}
	default:
		return intakeItem{ignored: "unknown type of envelope", unknown: true}
	}
}

// asItem is an envelope that is to be recorded, with what names the same act in another envelope.
func (f frame) asItem(kind string, value any, act string) intakeItem {
	body, _ := json.Marshal(value) // texts, which never fail
	return intakeItem{
		item: approvals.Item{Kind: kind, Source: source(f), Body: body}, ids: []string{f.EnvelopeID, act},
	}
}

func readCommand(f frame) intakeItem {
	var p struct {
		home
		AppID       string `json:"api_app_id"`
		ChannelID   string `json:"channel_id"`
		UserID      string `json:"user_id"`
		Command     string `json:"command"`
		Text        string `json:"text"`
		ResponseURL string `json:"response_url"`
		TriggerID   string `json:"trigger_id"`
	}
	if err := json.Unmarshal(f.Payload, &p); err != nil {
		return intakeItem{unreadable: "slash command"}
	}
	if p.UserID == "" || p.ChannelID == "" || p.TeamID == "" && p.EnterpriseID == "" {
		return intakeItem{unreadable: "slash command without a user, a channel or a team"}
	}
	text, secret := withoutSecrets(p.Text)
	listener := handlers.Listener{
		User: p.UserID, Channel: p.ChannelID, ResponseURL: p.ResponseURL, Drill: handlers.IsDrill(text),
	}
	if p.Command != messages.Command {
		return intakeItem{listener: listener, ignored: "another command", unknown: true}
	}
	command := handlers.Command{
		Place:     approvals.Place{Team: p.TeamID, Enterprise: p.EnterpriseID, App: p.AppID, Channel: p.ChannelID},
		RequestID: rand.Text(), User: p.UserID, Text: text, Secret: secret, ResponseURL: p.ResponseURL,
	}
	if strings.TrimSpace(text) == "" {
		command.Trigger = p.TriggerID // for the form
	}
	got := f.asItem(handlers.KindCommand, command,
		semantic("command", p.TriggerID, p.TeamID, p.ChannelID, p.UserID, text))
	got.listener = listener
	return got
}

// interaction is a click, a form that was sent, or what was typed into a menu so far.
type interaction struct {
	origin
	Type      string  `json:"type"`
	Channel   idField `json:"channel"`
	Container struct {
		MessageTS string `json:"message_ts"`
		ChannelID string `json:"channel_id"`
	} `json:"container"`
	Message struct {
		TS string `json:"ts"`
	} `json:"message"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	Actions     []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
		ActionTS string `json:"action_ts"`
		// Selected is what was chosen from a menu. It stays raw: elements of other apps may have another
		// form.
		Selected json.RawMessage `json:"selected_option"`
	} `json:"actions"`
	View     json.RawMessage `json:"view"`      // of a form; raw because a click may stand in any view
	ActionID string          `json:"action_id"` // of a menu
	Value    string          `json:"value"`
}

func readInteraction(f frame) intakeItem {
	var p interaction
	err := json.Unmarshal(f.Payload, &p)
	// A field of the wrong type leaves the others filled in: often enough to tell the person.
	listener := handlers.Listener{
		User: p.User.ID, Channel: cmp.Or(p.Container.ChannelID, p.Channel.ID), ResponseURL: p.ResponseURL,
	}
	switch {
	case err != nil:
		return intakeItem{listener: listener, form: p.Type == "view_submission", unreadable: "interaction"}
	case p.Type == "view_submission":
		return readSubmission(f, p)
	case p.Type == "block_suggestion":
		return readSuggestion(p)
	case p.Type != "block_actions":
		return intakeItem{listener: listener, ignored: "an interaction that revokebot does not offer", unknown: true}
	case p.User.ID == "" || len(p.Actions) == 0:
		return intakeItem{listener: listener, unreadable: "click without a user or an action"}
	}
	action := p.Actions[0]
	action.Value = cmp.Or(action.Value, chosen(action.Selected))
	if action.ActionID == messages.ActionMeant || action.ActionID == messages.ActionAddresses { // the text of a command
		action.Value, _ = withoutSecrets(action.Value)
	}
	if !strings.HasPrefix(action.ActionID, "revokebot_") {
		return intakeItem{listener: listener, ignored: "a button of another app"}
	}
	if action.ActionID == messages.ActionOpenCard {
		return intakeItem{listener: listener, ignored: "a link, which Slack follows by itself"}
	}
	got := f.asItem(handlers.KindClick, handlers.Click{
		Place: p.place(agreed(p.Container.ChannelID, p.Channel.ID)), Message: agreed(p.Container.MessageTS, p.Message.TS),
		User: p.User.ID, ActionID: action.ActionID, Value: action.Value, ResponseURL: p.ResponseURL,
		RequestID: rand.Text(), Trigger: p.TriggerID,
	}, semantic("click", p.TriggerID, p.User.ID, action.ActionID, action.Value, action.ActionTS))
	got.listener = listener
	return got
}

// readSubmission reads a form that was sent.
func readSubmission(f frame, p interaction) intakeItem {
	var view openForm
	if err := json.Unmarshal(p.View, &view); err != nil {
		return intakeItem{form: true, unreadable: "form"}
	}
	listener := handlers.Listener{User: p.User.ID}
	if !slices.Contains(messages.Forms(), view.CallbackID) {
		return intakeItem{listener: listener, ignored: "a form of another app"}
	}
	s := handlers.Submission{
		Place: p.place(""), User: p.User.ID, Form: view.CallbackID, RequestID: rand.Text(),
		Account: view.field(messages.FieldAccount), Role: view.field(messages.FieldRole),
		Reason: view.field(messages.FieldReason), Words: view.field(messages.FieldWords),
		Addresses: strings.TrimSpace(view.field(messages.FieldChosen) + " " + view.field(messages.FieldAddresses)),
	}
	for _, typed := range []*string{&s.Role, &s.Reason, &s.Words, &s.Addresses} {
		text, secret := withoutSecrets(*typed)
		*typed, s.Secret = text, s.Secret || secret
	}
	if err := json.Unmarshal([]byte(view.PrivateMetadata), &s.Origin); err != nil || p.User.ID == "" {
		return intakeItem{form: true, listener: listener, unreadable: "form without a user or an origin"}
	}
	listener.Channel = s.Origin.Channel
	if s.Form == messages.FormUndo && len(view.State.Values[messages.FieldWords]) > 0 && !messages.SaysRevive(s.Words) {
		wrong := messages.FieldErrors(map[string]string{messages.FieldWords: messages.FieldWordsWrong})
		return intakeItem{form: true, listener: listener, answer: wrong}
	}
	got := f.asItem(handlers.KindSubmit, s, semantic("form", view.ID, p.User.ID, view.Hash))
	got.listener, got.form, got.submission = listener, true, &s
	return got
}

// readSuggestion reads what a person typed so far into a menu that is filled meanwhile.
func readSuggestion(p interaction) intakeItem {
	var view openForm
	err := json.Unmarshal(p.View, &view)
	switch {
	case p.ActionID != messages.ActionRole:
		return intakeItem{ignored: "a menu of another app"}
	case err != nil:
		return intakeItem{unreadable: "what was typed into a menu"}
	case view.CallbackID != messages.FormAsk:
		return intakeItem{ignored: "a menu of another form"}
	}
	text, _ := withoutSecrets(p.Value)
	s := handlers.Suggestion{
		Place: p.place(""), User: p.User.ID, Text: text, Account: view.field(messages.FieldAccount),
	}
	if err := json.Unmarshal([]byte(view.PrivateMetadata), &s.Origin); err != nil {
		return intakeItem{unreadable: "a menu in a form without an origin"}
	}
	return intakeItem{suggestion: &s}
}

// readEvent reads an event. The one that is asked for is a person opening the App Home.
func readEvent(f frame) intakeItem {
	var p struct {
		home
		Type           string `json:"type"`
		AppID          string `json:"api_app_id"`
		EventID        string `json:"event_id"`
		Authorizations []home `json:"authorizations"` // the installation that the event comes by
		Event          struct {
			Type string `json:"type"`
			User string `json:"user"`
			Tab  string `json:"tab"`
		} `json:"event"`
	}
	if err := json.Unmarshal(f.Payload, &p); err != nil {
		return intakeItem{unreadable: "event"}
	}
	if p.Type != "event_callback" || p.Event.Type != "app_home_opened" || p.Event.Tab != "home" {
		return intakeItem{ignored: "an event that is not asked for"}
	}
	if p.Event.User == "" || p.EventID == "" {
		return intakeItem{unreadable: "event without a person or an id"}
	}
	if p.EnterpriseID == "" && len(p.Authorizations) > 0 {
		p.EnterpriseID = p.Authorizations[0].EnterpriseID
	}
	return f.asItem(handlers.KindHome, handlers.Command{
		Place: approvals.Place{Team: p.TeamID, Enterprise: p.EnterpriseID, App: p.AppID}, User: p.Event.User,
	}, semantic("event", p.EventID))
}

// idField is an object of which only the id is read. What is null or missing has none.
type idField struct {
	ID string `json:"id"`
}

// home is the workspace and organisation of a command or an event.
type home struct {
	TeamID       string `json:"team_id"`
	EnterpriseID string `json:"enterprise_id"`
}

// origin is what all interactions say of where they come from. There is no team if the app is
// deployed to the organisation (Slack documentation, "block_actions payload", "view_submission
// payload"), and the organisation may stand with the team alone ("block_suggestion payload").
type origin struct {
	User idField `json:"user"`
	Team struct {
		idField
		EnterpriseID string `json:"enterprise_id"`
	} `json:"team"`
	Enterprise idField `json:"enterprise"`
	AppID      string  `json:"api_app_id"`
}

func (o origin) place(channel string) approvals.Place {
	return approvals.Place{
		Team: o.Team.ID, Enterprise: cmp.Or(o.Enterprise.ID, o.Team.EnterpriseID), App: o.AppID, Channel: channel,
	}
}

// openForm is what is read of a form: whose it is, and what its fields hold.
type openForm struct {
	ID              string `json:"id"`
	Hash            string `json:"hash"`
	CallbackID      string `json:"callback_id"`
	PrivateMetadata string `json:"private_metadata"`
	State           struct {
		Values map[string]map[string]struct {
			Value string `json:"value"`
			// Selected stays raw: elements that are not known here may have another form.
			Selected json.RawMessage `json:"selected_option"`
			Ticked   json.RawMessage `json:"selected_options"`
		} `json:"values"`
	} `json:"state"`
}

// field is what stands in the one field of a block: a text, or the value of what was chosen, of
// several with a space between.
func (v openForm) field(block string) string {
	for _, held := range v.State.Values[block] {
		var ticked []json.RawMessage
		_ = json.Unmarshal(held.Ticked, &ticked) // an element of another form has none
		var all []string
		for _, option := range ticked {
			all = append(all, chosen(option))
		}
		return cmp.Or(held.Value, chosen(held.Selected), strings.Join(all, " "))
	}
	return ""
}

// source names the envelope in a request's log.
func source(f frame) string { return envelopeSource + f.EnvelopeID }

// envelopeSource begins the Source of every item that an envelope brought.
const envelopeSource = "envelope "

// semantic recognises the same act in another envelope: trigger ids are made for one act (Slack
// documentation, "Handling user interaction").
func semantic(kind, trigger string, fields ...string) string {
	if trigger == "" {
		return ""
	}
	sum := sha256.New()
	for _, field := range append([]string{kind, trigger}, fields...) {
		fmt.Fprintf(sum, "%d:%s", len(field), field)
	}
	return "act-" + hex.EncodeToString(sum.Sum(nil)[:16])
}

// chosen is the value of the option that was chosen from a menu, "" for none.
func chosen(option json.RawMessage) string {
	var o struct {
		Value string `json:"value"`
	}
	if json.Unmarshal(option, &o) != nil {
		return ""
	}
	return o.Value
}

// agreed is a fact that a payload states twice. When the two differ it is neither: a click that
// contradicts itself is of no card.
func agreed(a, b string) string {
	if a != "" && b != "" && a != b {
		return ""
	}
	return cmp.Or(a, b)
}

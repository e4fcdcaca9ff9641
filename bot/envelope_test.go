package bot

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/messages"
)

// read is readEnvelope, with what cannot be read as an error.
func read(f frame) (got intakeItem, err error) {
	if got = readEnvelope(f); got.unreadable != "" {
		err = errors.New(got.unreadable)
	}
	return got, err
}

func TestAnEnvelopeIsReadForTheFieldsThatMatter(t *testing.T) {
	const command = `{"team_id":"T1","enterprise_id":"E1","api_app_id":"A1","channel_id":"C1","user_id":"U1",
		"command":"/revoke-sessions",
		"text":"prod/X why","response_url":"https://hooks.slack.com/commands/1","trigger_id":"9.9","is_enterprise_install":"maybe","new":{"x":[]}}`
	click := func(container, channel, message string) string {
		return `{"type":"block_actions","user":{"id":"U1","team_id":"T9"},"api_app_id":"A1","team":{"id":"T1"},
			"trigger_id":"9.9",
			"container":` + container + `,"channel":` + channel + `,"message":` + message +
			`,"response_url":"https://hooks.slack.com/actions/1",
			"actions":[{"action_id":"revokebot_approve","value":"R1","action_ts":"5.5","type":"button","block_id":"b"},
			{"action_id":"revokebot_deny","value":"R2"}]}`
	}
	const form = `{"type":"view_submission","user":{"id":"U1"},"team":{"id":"T1"},"api_app_id":"A1","trigger_id":"9.9",
		"view":{"id":"V1","hash":"h1",
		"callback_id":"revokebot_deny_form","private_metadata":"{\"request\":\"R1\",\"channel\":\"C1\",\"message\":\"1.1\"}",
		"state":{"values":{"reason":{"text":{"type":"plain_text_input","value":"not ours"}}}}}}`
	undoForm := func(words string) string {
		return strings.NewReplacer("revokebot_deny_form", "revokebot_undo_form", `"values":{`,
			`"values":{`+words).Replace(form)
	}
	pressed := handlers.Click{
		Trigger: "9.9", Place: approvals.Place{Team: "T1", App: "A1", Channel: "C1"}, Message: "1.1", User: "U1",
		ActionID: "revokebot_approve", Value: "R1", ResponseURL: "https://hooks.slack.com/actions/1",
	}
	elsewhere := func(channel, message string) handlers.Click {
		c := pressed
		c.Channel, c.Message = channel, message
		return c
	}
	tests := map[string]struct {
		kind, payload string
		want          any    // handlers.Command without its RequestID, or handlers.Click
		ignored       string // part of why
		unreadable    string // part of what
	}{
		"a command": {kind: frameSlash, payload: command, want: handlers.Command{
			Place: approvals.Place{Team: "T1", Enterprise: "E1", App: "A1", Channel: "C1"}, User: "U1", Text: "prod/X why",
			ResponseURL: "https://hooks.slack.com/commands/1",
		}},
		"another command": {
			kind: frameSlash, payload: strings.Replace(command, "/revoke-sessions", "/other", 1), ignored: "another command",
		},
		"a command without a user": {
			kind: frameSlash, payload: strings.Replace(command, `"U1"`, `""`, 1), unreadable: "without a user",
		},
		"a command without a channel": {
			kind: frameSlash, payload: strings.Replace(command, `"C1"`, `""`, 1), unreadable: "without a user, a channel",
		},
		"a command without a team and an organisation": {
			kind: frameSlash, payload: strings.NewReplacer(`"T1"`, `null`, `"E1"`, `null`).Replace(command),
			unreadable: "or a team",
		},
		"a command that is a list": {kind: frameSlash, payload: `[]`, unreadable: "slash command"},
		"a command with a number for its text": {
			kind: frameSlash, payload: strings.Replace(command, `"prod/X why"`, `7`, 1), unreadable: "slash command",
		},
		"no payload at all":  {kind: frameSlash, payload: ``, unreadable: "slash command"},
		"null for a payload": {kind: frameSlash, payload: `null`, unreadable: "without a user"},

		"a click": {
			kind: frameClick, payload: click(`{"message_ts":"1.1","channel_id":"C1"}`, `{"id":"C1"}`, `{"ts":"1.1"}`),
			want: pressed,
		},
		"a choice from a menu": {
			kind: frameClick,
			payload: strings.Replace(click(`{"message_ts":"1.1","channel_id":"C1"}`, `{"id":"C1"}`, `{"ts":"1.1"}`),
				`"value":"R1"`, `"selected_option":{"text":{"type":"plain_text","text":"x"},"value":"R1"}`, 1),
			want: pressed,
		},
		"a choice in a form nobody knows": {
			kind: frameClick,
			payload: strings.Replace(click(`{"message_ts":"1.1","channel_id":"C1"}`, `{"id":"C1"}`, `{"ts":"1.1"}`),
				`"value":"R1"`, `"value":"R1","selected_option":[7]`, 1),
			want: pressed,
		},
		"a click in an ephemeral message": {
			kind: frameClick, payload: click(`{"message_ts":"1.1","channel_id":"C1"}`, `null`, `null`), want: pressed,
		},
		"a click without a container": {
			kind: frameClick, payload: click(`{}`, `{"id":"C1"}`, `{"ts":"1.1"}`), want: pressed,
		},
		"a click with blocks nobody knows": {
			kind: frameClick, payload: click(`{"message_ts":"1.1","channel_id":"C1"}`, `{"id":"C1"}`,
				`{"ts":"1.1","blocks":[{"type":"hologram","elements":7}],"reactions":"x"}`), want: pressed,
		},
		"a click that names two channels": {
			kind: frameClick, payload: click(`{"message_ts":"1.1","channel_id":"C1"}`, `{"id":"C2"}`, `{"ts":"1.1"}`),
			want: elsewhere("", "1.1"),
		},
		"a click that names two messages": {
			kind: frameClick, payload: click(`{"message_ts":"1.1","channel_id":"C1"}`, `{"id":"C1"}`, `{"ts":"2.2"}`),
			want: elsewhere("C1", ""),
		},
		"a click from nowhere": {kind: frameClick, payload: click(`{}`, `{}`, `{}`), want: elsewhere("", "")},
		"a click without a user": {
			kind: frameClick, payload: strings.Replace(click(`{}`, `{}`, `{}`), `"U1"`, `""`, 1), unreadable: "without a user",
		},
		"a click without an action": {
			kind: frameClick, payload: `{"type":"block_actions","user":{"id":"U1"},"actions":[]}`, unreadable: "or an action",
		},
		"a form": {kind: frameClick, payload: form, want: handlers.Submission{
			Place: approvals.Place{Team: "T1", App: "A1"}, User: "U1", Form: messages.FormDeny, Origin: messages.FormOrigin{
				Request: "R1", Channel: "C1", Message: "1.1",
			}, Reason: "not ours",
		}},
		"a form for an undo": {
			kind: frameClick, payload: undoForm(`"words":{"text":{"value":" Revive  old sessions"}},`),
			want: handlers.Submission{
				Place: approvals.Place{Team: "T1", App: "A1"}, User: "U1", Form: messages.FormUndo, Origin: messages.FormOrigin{
					Request: "R1", Channel: "C1", Message: "1.1",
				},
				Reason: "not ours", Words: " Revive  old sessions",
			},
		},
		"a form for a clean-up": {kind: frameClick, payload: undoForm(``), want: handlers.Submission{
			Place: approvals.Place{Team: "T1", App: "A1"}, User: "U1", Form: messages.FormUndo, Origin: messages.FormOrigin{
				Request: "R1", Channel: "C1", Message: "1.1",
			}, Reason: "not ours",
		}},
		"a form of another app": {
			kind: frameClick, payload: strings.Replace(form, "revokebot_deny_form", "poll_form", 1),
			ignored: "form of another app",
		},
		"a form without an origin": {
			kind: frameClick, payload: strings.Replace(form, `"private_metadata"`, `"public_metadata"`, 1),
			unreadable: "an origin",
		},
		"a form without a user": {
			kind: frameClick, payload: strings.Replace(form, `"U1"`, `""`, 1), unreadable: "without a user",
		},
		"a form whose state is a list": {
			kind: frameClick, payload: strings.Replace(form, `"values":{`, `"values":[],"other":{`, 1), unreadable: "form",
		},
		"a button of another app": {
			kind: frameClick, payload: `{"type":"block_actions","user":{"id":"U1"},"actions":[{"action_id":"poll_yes"}]}`,
			ignored: "button of another app",
		},
		"a shortcut": {
			kind: frameClick, payload: `{"type":"shortcut","user":{"id":"U1"}}`, ignored: "does not offer",
		},
		"a click with a list for its actions": {
			kind: frameClick, payload: `{"type":"block_actions","user":{"id":"U1"},"actions":{"action_id":"revokebot_approve"}}`,
			unreadable: "interaction",
		},
		"a click whose payload is a string": {kind: frameClick, payload: `"payload"`, unreadable: "interaction"},
		"an event": {
			kind: frameEvent, payload: `{"event":{"type":"app_home_opened"}}`, ignored: "not asked for",
		},
		"an envelope of a type yet to be made": {kind: "telepathy", payload: `{}`, ignored: "unknown type"},
		"an envelope without a type":           {kind: "", payload: `{}`, ignored: "unknown type"},
		"a click on a team that is not there": {
			kind: frameClick, payload: strings.Replace(click(`{"message_ts":"1.1","channel_id":"C1"}`, `{"id":"C1"}`,
				`{"ts":"1.1"}`), `"team":{"id":"T1"}`, `"team":null`, 1), want: func() any {
				c := pressed
				c.Team = ""
				return c
			}(),
		},
		"a command whose text is a million long": {
			kind:    frameSlash,
			payload: strings.Replace(command, "prod/X why", strings.Repeat("x", 1_000_000), 1), want: handlers.Command{
				Place: approvals.Place{Team: "T1", Enterprise: "E1", App: "A1", Channel: "C1"}, User: "U1",
				Text:        strings.Repeat("x", 1_000_000),
				ResponseURL: "https://hooks.slack.com/commands/1",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := read(frame{Type: test.kind, EnvelopeID: "E-1", Payload: json.RawMessage(test.payload)})
			switch {
			case test.unreadable != "":
				if !strings.Contains(got.unreadable, test.unreadable) {
					t.Errorf("got %+v, %v, want it to be unreadable: %s", got, err, test.unreadable)
				}
				return
			case err != nil:
				t.Fatal(err)
			case test.ignored != "":
				if !strings.Contains(got.ignored, test.ignored) || got.item.Kind != "" {
					t.Errorf("got %+v, want it ignored: %s", got, test.ignored)
				}
				return
			case got.ignored != "":
				t.Fatalf("ignored: %s", got.ignored)
			}
			var body any
			switch test.want.(type) {
			case handlers.Command:
				var c handlers.Command
				if err := json.Unmarshal(got.item.Body, &c); err != nil {
					t.Fatal(err)
				}
				if len(c.RequestID) < 20 {
					t.Errorf("request id %q", c.RequestID)
				}
				c.RequestID = ""
				body = c
			case handlers.Click:
				var c handlers.Click
				if err := json.Unmarshal(got.item.Body, &c); err != nil {
					t.Fatal(err)
				}
				if len(c.RequestID) < 20 {
					t.Errorf("request id %q", c.RequestID)
				}
				c.RequestID = ""
				body = c
			case handlers.Submission:
				var s handlers.Submission
				if err := json.Unmarshal(got.item.Body, &s); err != nil {
					t.Fatal(err)
				}
				if len(s.RequestID) < 20 {
					t.Errorf("request id %q", s.RequestID)
				}
				s.RequestID = ""
				body = s
			}
			if diff := cmp.Diff(test.want, body); diff != "" {
				t.Errorf("the item differs (-want +got):\n%s", diff)
			}
			if got.item.Source != "envelope E-1" || got.ids[0] != "E-1" || !strings.HasPrefix(got.ids[1], "act-") {
				t.Errorf("source %q, ids %v", got.item.Source, got.ids)
			}
		})
	}
}

// What is wrong with a form that Slack has open is said at its field, with the acknowledgement, and
// nothing is recorded.
func TestTheWordsOfAnUndoFormAreCheckedBeforeAnythingIsRecorded(t *testing.T) {
	for _, words := range []string{
		"", "yes", "revive old session", "revive old sessions please", "revive, old, sessions",
	} {
		payload := `{"type":"view_submission","user":{"id":"U1"},"team":{"id":"T1"},"view":{"id":"V1","callback_id":"` +
			messages.FormUndo +
			`","private_metadata":"{\"request\":\"R1\",\"channel\":\"C1\"}","state":{"values":{"words":{"text":{"value":"` +
			words + `"}},"reason":{"text":{"value":null}}}}}}`
		got, err := read(frame{Type: frameClick, EnvelopeID: "E-1", Payload: json.RawMessage(payload)})
		if err != nil || got.item.Kind != "" || got.listener.Channel != "C1" {
			t.Fatalf("%q: %+v, %v", words, got, err)
		}
		want := messages.FieldErrors(map[string]string{messages.FieldWords: messages.FieldWordsWrong})
		if diff := cmp.Diff(want, got.answer); diff != "" {
			t.Errorf("%q: %s", words, diff)
		}
	}
}

func TestAnUnreadableClickStillTellsWhomToAnswer(t *testing.T) {
	got, err := read(frame{Type: frameClick, EnvelopeID: "E-1", Payload: json.RawMessage(
		`{"type":"block_actions","user":{"id":"U1"},"channel":{"id":"C1"},` +
			`"response_url":"https://hooks.slack.com/actions/1","message":{"ts":7},"actions":[{}]}`,
	)})
	want := handlers.Listener{User: "U1", Channel: "C1", ResponseURL: "https://hooks.slack.com/actions/1"}
	if err == nil || got.listener != want {
		t.Errorf("got %+v, %v", got.listener, err)
	}
}

func TestTheSameActHasTheSameNameInAnyEnvelopeAndAnotherActHasAnother(t *testing.T) {
	name := func(id, payload string) string {
		t.Helper()
		got, err := read(frame{Type: frameClick, EnvelopeID: id, Payload: json.RawMessage(payload)})
		if err != nil || len(got.ids) != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		return got.ids[1]
	}
	click := func(trigger, user, action, value, at string) string {
		return `{"type":"block_actions","trigger_id":"` + trigger + `","user":{"id":"` + user +
			`"},"actions":[{"action_id":"revokebot_` + action +
			`","value":"` + value + `","action_ts":"` + at + `"}]}`
	}
	first := name("E-1", click("9.9", "U1", "approve", "R1", "5.5"))
	if again := name("E-2", click("9.9", "U1", "approve", "R1", "5.5")); again != first {
		t.Errorf("the same act is called %s and %s", first, again)
	}
	for what, other := range map[string]string{
		"trigger": click("9.8", "U1", "approve", "R1", "5.5"),
		"person":  click("9.9", "U2", "approve", "R1", "5.5"),
		"button":  click("9.9", "U1", "deny", "R1", "5.5"),
		"request": click("9.9", "U1", "approve", "R2", "5.5"),
		"moment":  click("9.9", "U1", "approve", "R1", "5.6"),
		"borders": click("9.9", "U1", "approve", "R15.5", ""),
	} {
		if name("E-3", other) == first {
			t.Errorf("another %s has the same name", what)
		}
	}
	if name("E-4", click("", "U1", "approve", "R1", "5.5")) != "" {
		t.Error("an act without a trigger id has a name that others may share")
	}
}

func FuzzReadEnvelope(f *testing.F) {
	f.Add(frameSlash, `{"team_id":"T1","channel_id":"C1","user_id":"U1","command":"/revoke-sessions","text":"x"}`)
	f.Add(frameClick, `{"type":"block_actions","user":{"id":"U1"},"container":{"channel_id":"C1","message_ts":"1"},`+
		`"channel":{"id":"C2"},"message":{"ts":"2"},"actions":[{"action_id":"revokebot_approve","value":"R"}]}`)
	f.Add(frameClick, `{"type":"block_actions","user":null,"team":7,"actions":[null]}`)
	f.Add(frameClick, `{"type":"view_submission","user":{"id":"U1"},"view":{"id":"V1",`+
		`"callback_id":"revokebot_deny_form","private_metadata":"{}","state":{"values":{"reason":{"t":{"value":"x"}}}}}}`)
	f.Add(frameClick, `{"type":"view_submission","user":{"id":"U1"},"view":{"id":"V1",`+
		`"callback_id":"revokebot_undo_form","private_metadata":"{}","state":{"values":{"words":{"t":{"value":"x"}}}}}}`)
	f.Add(frameEvent, `{}`)
	f.Add("", `"`)
	f.Fuzz(func(t *testing.T, kind, payload string) {
		got, err := read(frame{Type: kind, EnvelopeID: "E-1", Payload: json.RawMessage(payload)})
		switch {
		case err != nil:
			return
		case got.ignored != "":
			if got.item.Kind != "" {
				t.Fatal("ignored, and an item all the same")
			}
			return
		case got.answer != nil:
			if got.item.Kind != "" {
				t.Fatal("answered at its field, and an item all the same")
			}
			return
		}
		var place struct {
			Container struct {
				Channel string `json:"channel_id"`
				Message string `json:"message_ts"`
			} `json:"container"`
			Channel struct {
				ID string `json:"id"`
			} `json:"channel"`
			Message struct {
				TS string `json:"ts"`
			} `json:"message"`
		}
		switch got.item.Kind {
		case handlers.KindCommand:
			var c handlers.Command
			if err := json.Unmarshal(got.item.Body, &c); err != nil || c.User == "" || c.Channel == "" || c.RequestID == "" ||
				c.Team == "" && c.Enterprise == "" {
				t.Fatalf("%+v, %v", c, err)
			}
		case handlers.KindClick:
			var c handlers.Click
			if err := json.Unmarshal(got.item.Body, &c); err != nil || c.User == "" ||
				!strings.HasPrefix(c.ActionID, "revokebot_") {
				t.Fatalf("%+v, %v", c, err)
			}
			if err := json.Unmarshal([]byte(payload), &place); err != nil {
				return
			}
			if a, b := place.Container.Channel, place.Channel.ID; a != "" && b != "" && a != b && c.Channel != "" {
				t.Fatalf("channels %q and %q make %q", a, b, c.Channel)
			}
			if a, b := place.Container.Message, place.Message.TS; a != "" && b != "" && a != b && c.Message != "" {
				t.Fatalf("messages %q and %q make %q", a, b, c.Message)
			}
		case handlers.KindSubmit:
			var s handlers.Submission
			if err := json.Unmarshal(got.item.Body, &s); err != nil || s.User == "" || s.Form == "" {
				t.Fatalf("%+v, %v", s, err)
			}
		default:
			t.Fatalf("an item of kind %q", got.item.Kind)
		}
	})
}

package slack_test

import (
	"encoding/json"
	"testing"

	"github.com/slack-go/slack/slackevents"

	"github.com/revokebot/revokebot/sandbox/slack"
)

const homeView = `{"type":"home","blocks":[
	{"type":"section","block_id":"open","text":{"type":"mrkdwn","text":"prod/DeployRole"},
	 "accessory":{"type":"static_select","action_id":"what","option_groups":[
		{"label":{"type":"plain_text","text":"One"},"options":[{"text":{"type":"plain_text","text":"Show"},"value":"show"}]},
		{"label":{"type":"plain_text","text":"Two"},"options":[{"text":{"type":"plain_text","text":"Undo"},
		"value":"undo"}]}]}}]}`

func TestAClickInTheAppHomeNamesTheView(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		seen := s.acking(nil)
		published := r.must("views.publish", "user_id", "U0ALICE", "view", homeView)
		id := dig(published, "view", "id").(string)
		d, err := r.Click(soon(t), "U0ALICE", slack.Click{ViewID: id, ActionID: "what", SelectedOption: "undo"})
		if err != nil || !d.Acked {
			t.Fatalf("got %+v, %v", d, err)
		}
		p := (<-seen)["payload"]
		if dig(p, "container", "type") != "view" || dig(p, "container", "view_id") != id ||
			dig(p, "view", "type") != "home" ||
			dig(p, "message") != nil || dig(p, "response_url") != nil || dig(p, "actions", 0, "block_id") != "open" ||
			dig(p, "state", "values", "open", "what", "selected_option", "value") != "undo" {
			t.Errorf("got %v", p)
		}
		if d, err := r.Click(soon(t), "U0BOB", slack.Click{
			ViewID: id, ActionID: "what", SelectedOption: "undo",
		}); err == nil {
			t.Errorf("somebody else's home: got %+v", d)
		}
		if _, err := r.CloseView(soon(t), "U0ALICE", id); err == nil {
			t.Error("an App Home was closed")
		}
		if _, err := r.Submit(soon(t), "U0ALICE", id, nil); err == nil {
			t.Error("an App Home was submitted")
		}
	})
}

func TestAHomeIsPublishedForPeopleOfTheWorkspaceAndReplaced(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		first := r.must("views.publish", "user_id", "U0ALICE", "view", homeView)
		hash := dig(first, "view", "hash").(string)
		second := r.must("views.publish", "user_id", "U0ALICE", "view", homeView, "hash", hash)
		if dig(first, "view", "id") != dig(second, "view", "id") || dig(second, "view", "hash") == hash {
			t.Errorf("got %v and %v", first, second)
		}
		r.refused("hash_conflict", "views.publish", "user_id", "U0ALICE", "view", homeView, "hash", hash)
		r.refused("invalid_arguments", "views.publish", "user_id", "U0NOBODY", "view", homeView)
		r.refused("invalid_arguments", "views.publish", "user_id", "U0ALICE", "view", form)
		if _, ok := r.Home("U0BOB"); ok {
			t.Error("somebody else has a home")
		}
	})
}

func TestTypingInAMenuOfAMessageAsksForOptionsToo(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		seen := s.acking(map[string]any{"options": []any{}})
		ts := r.must("chat.postMessage", "channel", incident, "text", "x", "blocks",
			`[{"type":"actions","block_id":"b","elements":[{"type":"external_select","action_id":"role"}]}]`)["ts"].(string)
		d, err := r.Suggest(soon(t), "U0ALICE", slack.Suggestion{
			ChannelID: incident, MessageTS: ts, BlockID: "b", ActionID: "role", Value: "Dep",
		})
		if err != nil || string(d.AckPayload) != `{"options":[]}` {
			t.Fatalf("got %+v, %v", d, err)
		}
		if p := (<-seen)["payload"]; dig(p, "container", "message_ts") != ts || dig(p, "channel", "id") != incident ||
			dig(p, "value") != "Dep" {
			t.Errorf("got %v", p)
		}
		if _, err := r.Suggest(soon(t), "U0NOBODY", slack.Suggestion{
			ChannelID: incident, MessageTS: ts, BlockID: "b", ActionID: "role",
		}); err == nil {
			t.Error("nobody typed")
		}
	})
}

func TestOpeningTheHomeIsToldToAnAppThatSubscribes(t *testing.T) {
	inBubble(t, slack.Config{Events: []string{"app_home_opened"}}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		seen := s.acking(map[string]any{"text": "no answer is expected"})
		if d, err := r.OpenHome(soon(t), "U0ALICE", slack.TabHome); err != nil || !d.Acked || d.Error != "" {
			t.Fatalf("got %+v, %v", d, err)
		}
		frame := <-seen
		p := frame["payload"]
		if frame["type"] != "events_api" || frame["accepts_response_payload"] != false || frame["retry_attempt"] != 0.0 ||
			dig(p, "type") != "event_callback" || dig(p, "event", "type") != "app_home_opened" ||
			dig(p, "event", "user") != "U0ALICE" ||
			dig(p, "event", "tab") != "home" || dig(p, "event", "channel") != "D0ALICE" || dig(p, "event", "view") != nil ||
			dig(p, "authorizations", 0, "user_id") != "U0BOT" || dig(p, "api_app_id") != "A0SANDBOX" {
			t.Errorf("got %v", frame)
		}
		raw, _ := json.Marshal(p)
		event, err := slackevents.ParseEvent(raw, slackevents.OptionNoVerifyToken())
		if opened, ok := event.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent); err != nil || !ok ||
			opened.Channel != "D0ALICE" {
			t.Errorf("slack-go reads %+v, %v", event, err)
		}

		// The second time there is something to see, and the conversation can be written to.
		published := r.must("views.publish", "user_id", "U0ALICE", "view", homeView)
		if _, err := r.OpenHome(soon(t), "U0ALICE", slack.TabHome); err != nil {
			t.Fatal(err)
		}
		if p := (<-seen)["payload"]; dig(p, "event", "view", "hash") != dig(published, "view", "hash") {
			t.Errorf("got %v", p)
		}
		if _, err := r.OpenHome(soon(t), "U0ALICE", slack.TabMessages); err != nil {
			t.Fatal(err)
		}
		if p := (<-seen)["payload"]; dig(p, "event", "tab") != "messages" || dig(p, "event", "view") != nil {
			t.Errorf("got %v", p)
		}
		r.must("chat.postMessage", "channel", "D0ALICE", "text", "Welcome")
		if _, err := r.OpenHome(soon(t), "U0ALICE", "about"); err == nil {
			t.Error("there is no such tab")
		}
		if _, err := r.OpenHome(soon(t), "U0NOBODY", slack.TabHome); err == nil {
			t.Error("nobody opened it")
		}
	})
}

func TestOpeningTheHomeIsNotToldToAnAppThatDoesNotSubscribe(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		if d, err := r.OpenHome(soon(t), "U0ALICE", slack.TabHome); err != nil || d.EnvelopeID != "" || d.Error != "" {
			t.Errorf("got %+v, %v", d, err)
		}
	})
}

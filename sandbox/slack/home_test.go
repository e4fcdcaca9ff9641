package slack_test

import (
	"testing"

	"github.com/revokebot/revokebot/sandbox/slack"
)

const homeView = `{"type":"home","blocks":[
	{"type":"section","block_id":"open","text":{"type":"mrkdwn","text":"prod/DeployRole"},
	 "accessory":{"type":"static_select","action_id":"what","option_groups":[
		{"label":{"type":"plain_text","text":"One"},"options":[{"text":{"type":"plain_text","text":"Show"},"value":"show"}]},
		{"label":{"type":"plain_text","text":"Two"},"options":[{"text":{"type":"plain_text","text":"Undo"},"value":"undo"}]}]}}]}`

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
		if dig(p, "container", "type") != "view" || dig(p, "container", "view_id") != id || dig(p, "view", "type") != "home" ||
			dig(p, "message") != nil || dig(p, "response_url") != nil || dig(p, "actions", 0, "block_id") != "open" ||
			dig(p, "state", "values", "open", "what", "selected_option", "value") != "undo" {
			t.Errorf("got %v", p)
		}
		if d, err := r.Click(soon(t), "U0BOB", slack.Click{ViewID: id, ActionID: "what", SelectedOption: "undo"}); err == nil {
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
		d, err := r.Suggest(soon(t), "U0ALICE", slack.Suggestion{ChannelID: incident, MessageTS: ts, BlockID: "b", ActionID: "role", Value: "De"})
		if err != nil || string(d.AckPayload) != `{"options":[]}` {
			t.Fatalf("got %+v, %v", d, err)
		}
		if p := (<-seen)["payload"]; dig(p, "container", "message_ts") != ts || dig(p, "channel", "id") != incident || dig(p, "value") != "De" {
			t.Errorf("got %v", p)
		}
		if _, err := r.Suggest(soon(t), "U0NOBODY", slack.Suggestion{ChannelID: incident, MessageTS: ts, BlockID: "b", ActionID: "role"}); err == nil {
			t.Error("nobody typed")
		}
	})
}

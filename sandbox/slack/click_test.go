package slack_test

import (
	"encoding/json"
	"testing"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestAClickHasTheFullShapeOfBlockActions(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		ts := r.card(incident)
		s, _ := r.dial()
		seen := s.acking(nil)
		d, err := r.Click(soon(t), "U0BOB", slack.Click{
			ChannelID: incident, MessageTS: ts, BlockID: "decide", ActionID: "approve",
		})
		if err != nil || !d.Acked || d.Error != "" {
			t.Fatalf("got %+v, %v", d, err)
		}
		frame := <-seen
		p := frame["payload"]
		if frame["type"] != "interactive" || frame["accepts_response_payload"] != true {
			t.Errorf("got %v", frame)
		}
		for _, c := range []struct {
			want any
			path []any
		}{
			{"block_actions", []any{"type"}},
			{"sandbox-verification-token", []any{"token"}},
			{"A0SANDBOX", []any{"api_app_id"}},
			{"T0SANDBOX", []any{"team", "id"}},
			{"sandbox", []any{"team", "domain"}},
			{nil, []any{"enterprise"}},
			{false, []any{"is_enterprise_install"}},
			{"U0BOB", []any{"user", "id"}},
			{"bob", []any{"user", "username"}},
			{"T0SANDBOX", []any{"user", "team_id"}},
			{"message", []any{"container", "type"}},
			{ts, []any{"container", "message_ts"}},
			{incident, []any{"container", "channel_id"}},
			{false, []any{"container", "is_ephemeral"}},
			{incident, []any{"channel", "id"}},
			{"incident", []any{"channel", "name"}},
			{ts, []any{"message", "ts"}},
			{"B0BOT", []any{"message", "bot_id"}},
			{"A0SANDBOX", []any{"message", "app_id"}},
			{"*Revoke* <prod>", []any{"message", "blocks", 0, "text", "text"}},
			{"request", []any{"message", "metadata", "event_type"}},
			{"approve", []any{"actions", 0, "action_id"}},
			{"decide", []any{"actions", 0, "block_id"}},
			{"req-1", []any{"actions", 0, "value"}},
			{"danger", []any{"actions", 0, "style"}},
			{"button", []any{"actions", 0, "type"}},
			{"Approve", []any{"actions", 0, "text", "text"}},
		} {
			if got := dig(p, c.path...); got != c.want {
				t.Errorf("%v: got %v, want %v", c.path, got, c.want)
			}
		}
		for _, path := range [][]any{
			{"trigger_id"}, {"response_url"}, {"actions", 0, "action_ts"}, {"message", "blocks", 0, "block_id"},
		} {
			if got, _ := dig(p, path...).(string); got == "" {
				t.Errorf("%v is empty", path)
			}
		}
		if _, ok := dig(p, "state", "values").(map[string]any); !ok {
			t.Errorf("state: got %v", dig(p, "state"))
		}
		raw, _ := json.Marshal(p)
		var callback slackgo.InteractionCallback
		if err := json.Unmarshal(raw, &callback); err != nil {
			t.Fatal(err)
		}
		if len(callback.ActionCallback.BlockActions) != 1 || callback.Message.Timestamp != ts ||
			callback.Container.MessageTs != ts {
			t.Errorf("slack-go reads %+v", callback)
		}
	})
}

func TestAnElementThatCameWithoutAnIDHasOne(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		ts := r.card(incident)
		s, _ := r.dial()
		s.acking(nil)
		var blocks []struct {
			Elements []struct {
				ActionID string `json:"action_id"`
			} `json:"elements"`
		}
		if err := json.Unmarshal(r.Messages(incident)[0].Blocks, &blocks); err != nil {
			t.Fatal(err)
		}
		deny := blocks[1].Elements[1].ActionID
		if deny == "" {
			t.Fatal("no action_id was given")
		}
		if d, err := r.Click(soon(t), "U0BOB", slack.Click{ChannelID: incident, MessageTS: ts, ActionID: deny}); err != nil ||
			!d.Acked {
			t.Errorf("got %+v, %v", d, err)
		}
	})
}

func TestAClickOnWhatIsNotThereIsAnErrorUnlessItIsForged(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		ts := r.card(incident)
		hidden := r.card(secret)
		whisper := r.must("chat.postEphemeral", "channel", incident, "user", "U0ALICE", "text", "x",
			"blocks", `[{"type":"actions","elements":[{"type":"button","action_id":"a","text":{"type":"plain_text",`+
				`"text":"A"}}]}]`)["message_ts"].(string)
		s, _ := r.dial()
		seen := s.acking(nil)
		for _, c := range []slack.Click{
			{ChannelID: incident, MessageTS: ts, BlockID: "decide", ActionID: "none"},
			{ChannelID: incident, MessageTS: ts, BlockID: "none", ActionID: "approve"},
			{ChannelID: incident, MessageTS: "946684800.999999", ActionID: "approve"},
			{ChannelID: other, MessageTS: ts, ActionID: "approve"},
			{ChannelID: incident, MessageTS: whisper, ActionID: "a"},
			{ViewID: "V0", ActionID: "approve"},
		} {
			if d, err := r.Click(soon(t), "U0BOB", c); err == nil {
				t.Errorf("%+v: got %+v", c, d)
			}
		}
		if d, err := r.Click(soon(t), "U0ALICE", slack.Click{
			ChannelID: secret, MessageTS: hidden, ActionID: "approve",
		}); err == nil {
			t.Errorf("a click into a private channel: got %+v", d)
		}
		if d, err := r.Click(soon(t), "U0NOBODY", slack.Click{
			ChannelID: incident, MessageTS: ts, ActionID: "approve",
		}); err == nil {
			t.Errorf("a click by nobody: got %+v", d)
		}
		if len(seen) != 0 {
			t.Error("a refused click was sent")
		}

		d, err := r.Click(soon(t), "U0ALICE", slack.Click{
			ChannelID: incident, MessageTS: ts, BlockID: "decide", ActionID: "approve",
			Value: "req-2", AsChannelID: other, AsMessageTS: "946684800.777777", Ephemeral: true,
		})
		if err != nil || !d.Acked {
			t.Fatalf("got %+v, %v", d, err)
		}
		p := (<-seen)["payload"]
		if dig(p, "container", "channel_id") != other || dig(p, "channel", "id") != other ||
			dig(p, "channel", "name") != "other" ||
			dig(p, "container", "message_ts") != "946684800.777777" || dig(p, "actions", 0, "value") != "req-2" ||
			dig(p, "container", "is_ephemeral") != true || dig(p, "message") != nil {
			t.Errorf("got %v", p)
		}
		if _, err := r.Click(soon(t), "U0ALICE", slack.Click{
			ChannelID: incident, MessageTS: ts, BlockID: "b", ActionID: "made-up", Value: "v",
		}); err != nil {
			t.Fatal(err)
		}
		if p := (<-seen)["payload"]; dig(p, "actions", 0, "action_id") != "made-up" || dig(p, "actions", 0, "value") != "v" ||
			dig(p, "message", "ts") != ts {
			t.Errorf("got %v", p)
		}
	})
}

func TestAClickOnAnEphemeralMessageDoesNotEchoIt(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		ts := r.must("chat.postEphemeral", "channel", incident, "user", "U0ALICE", "text", "x",
			"blocks", `[{"type":"actions","elements":[{"type":"button","action_id":"a","text":{"type":"plain_text",`+
				`"text":"A"}}]}]`)["message_ts"].(string)
		s, _ := r.dial()
		seen := s.acking(nil)
		if _, err := r.Click(soon(t), "U0ALICE", slack.Click{ChannelID: incident, MessageTS: ts, ActionID: "a"}); err != nil {
			t.Fatal(err)
		}
		if p := (<-seen)["payload"]; dig(p, "container", "is_ephemeral") != true || dig(p, "message") != nil {
			t.Errorf("got %v", p)
		}
	})
}

func TestAVisitorsClickNamesTheirOwnWorkspace(t *testing.T) {
	inBubble(t, slack.Config{EnterpriseID: "E0CORP"}, func(t *testing.T, r *rig) {
		r.PutUser(slack.User{ID: "U0VISITOR", Name: "vera", TeamID: "T0OTHER"})
		ts := r.card(incident)
		reply := r.must("chat.postMessage", "channel", incident, "thread_ts", ts, "text", "x",
			"blocks",
			`[{"type":"section","text":{"type":"plain_text","text":"pick"},"accessory":{"type":"static_select",
				"action_id":"pick",
			"options":[{"text":{"type":"plain_text","text":"One"},"value":"1"},{"text":{"type":"plain_text","text":"Two"},
			"value":"2"}]}}]`)["ts"].(string)
		s, _ := r.dial()
		seen := s.acking(nil)
		click := slack.Click{ChannelID: incident, MessageTS: reply, ActionID: "pick", SelectedOption: "2"}
		if _, err := r.Click(soon(t), "U0VISITOR", click); err != nil {
			t.Fatal(err)
		}
		p := (<-seen)["payload"]
		if dig(p, "user", "team_id") != "T0OTHER" || dig(p, "team", "id") != "T0SANDBOX" ||
			dig(p, "enterprise", "id") != "E0CORP" ||
			dig(p, "container", "thread_ts") != ts || dig(p, "message", "parent_user_id") != "U0BOT" ||
			dig(p, "actions", 0, "selected_option", "text", "text") != "Two" {
			t.Errorf("got %v", p)
		}
		block, _ := dig(p, "actions", 0, "block_id").(string)
		if dig(p, "state", "values", block, "pick", "selected_option", "value") != "2" {
			t.Errorf("state: got %v", dig(p, "state"))
		}
		click.SelectedOption = "3"
		if d, err := r.Click(soon(t), "U0VISITOR", click); err == nil {
			t.Errorf("an option that is not there: got %+v", d)
		}
	})
}

package slack_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/sandbox/slack"
)

func anOption(text, value string) string {
	return fmt.Sprintf(`{"text":{"type":"plain_text","text":%q},"value":%q}`, text, value)
}

func TestAnswersToASuggestionAreHeldToSlacksLimits(t *testing.T) {
	many := strings.Repeat(anOption("x", "x")+",", 101)
	for name, c := range map[string]struct{ answer, want string }{
		"options": {`{"options":[` + anOption("One", "1") + `]}`, ""},
		"none":    {`{"options":[]}`, ""},
		"groups": {
			`{"option_groups":[{"label":{"type":"plain_text","text":"prod"},"options":[` + anOption("One", "1") + `]}]}`, "",
		},
		"nothing":  {``, "must provide an object"},
		"no list":  {`{}`, "must have options or option_groups, and not both"},
		"both":     {`{"options":[],"option_groups":[]}`, "must have options or option_groups, and not both"},
		"too many": {`{"options":[` + strings.TrimSuffix(many, ",") + `]}`, "no more than 100 items allowed"},
		"an empty group": {
			`{"option_groups":[{"label":{"type":"plain_text","text":"prod"},"options":[]}]}`, "no less than 1 items required",
		},
		"a group's name": {
			`{"option_groups":[{"label":{"type":"plain_text","text":"` + strings.Repeat("x", 76) + `"},"options":[` +
				anOption("One", "1") + `]}]}`, "must be less than 76 characters",
		},
		"a long text": {
			`{"options":[` + anOption(strings.Repeat("x", 76), "1") + `]}`, "must be less than 76 characters",
		},
		"a long value": {
			`{"options":[` + anOption("One", strings.Repeat("x", 151)) + `]}`, "must be less than 151 characters",
		},
		"marked up":         {`{"options":[{"text":{"type":"mrkdwn","text":"*x*"},"value":"1"}]}`, "must be plain_text"},
		"one value twice":   {`{"options":[` + anOption("One", "1") + `,` + anOption("Two", "1") + `]}`, "must be unique"},
		"an unknown member": {`{"options":[],"text":"x"}`, "invalid additional property: text"},
	} {
		problems := slack.CheckOptions(json.RawMessage(c.answer))
		if c.want == "" && len(problems) > 0 || c.want != "" &&
			(len(problems) == 0 || !strings.Contains(fmt.Sprint(problems), c.want)) {
			t.Errorf("%s: %v, want %q", name, problems, c.want)
		}
	}
}

func TestWhatWasOfferedIsWhatCanBeChosen(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		answers := []string{`{"options":[` + anOption("prod / DeployRole", "r1") + `]}`, `null`, `{"options":[],"x":1}`}
		seen := s.answering(func(frame map[string]any) any {
			if dig(frame, "payload", "type") != "block_suggestion" {
				return nil
			}
			next := answers[0]
			answers = answers[1:]
			return json.RawMessage(next)
		})
		ts := r.must("chat.postMessage", "channel", incident, "text", "x", "blocks",
			`[{"type":"actions","block_id":"b","elements":[{"type":"external_select","action_id":"role",`+
				`"min_query_length":1}]}]`)["ts"].(string)
		ask := slack.Suggestion{ChannelID: incident, MessageTS: ts, ActionID: "role", Value: "D"}
		if d, err := r.Suggest(soon(t), "U0ALICE", ask); err != nil || d.Error != "" {
			t.Fatalf("got %+v, %v", d, err)
		}
		<-seen
		click := slack.Click{ChannelID: incident, MessageTS: ts, ActionID: "role", SelectedOption: "r1"}
		if d, err := r.Click(soon(t), "U0ALICE", click); err != nil || !d.Acked {
			t.Fatalf("got %+v, %v", d, err)
		}
		p := (<-seen)["payload"]
		if dig(p, "actions", 0, "selected_option", "text", "text") != "prod / DeployRole" ||
			dig(p, "state", "values", "b", "role", "selected_option", "value") != "r1" {
			t.Errorf("got %v", p)
		}
		click.SelectedOption = "r2"
		if d, err := r.Click(soon(t), "U0ALICE", click); err == nil {
			t.Errorf("what was not offered was chosen: %+v", d)
		}
		for range 2 {
			d, err := r.Suggest(soon(t), "U0BOB", ask)
			if err != nil || d.Error != "invalid_suggestion_response" || len(d.Problems) == 0 {
				t.Errorf("got %+v, %v", d, err)
			}
			<-seen
		}
		ask.Value = ""
		if _, err := r.Suggest(soon(t), "U0BOB", ask); err == nil {
			t.Error("less than min_query_length was asked for")
		}
	})
}

func TestAChoiceInAMenuOfAReplyTellsTheOptionAndTheThread(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		seen := s.acking(nil)
		root := r.card(incident)
		menu :=
			`[{"type":"section","block_id":"ask","text":{"type":"mrkdwn","text":"Three sessions"},
				"accessory":{"type":"static_select","action_id":"session",
			"placeholder":{"type":"plain_text","text":"What did this session do?"},"options":[` + anOption("deploy-1840", "s1") +
				`,` + anOption("github-18160", "s2") + `]}}]`
		ts := r.must("chat.postMessage", "channel", incident, "thread_ts", root, "text", "x", "blocks", menu)["ts"].(string)
		if d, err := r.Click(soon(t), "U0BOB", slack.Click{
			ChannelID: incident, MessageTS: ts, BlockID: "ask", ActionID: "session", SelectedOption: "s2",
		}); err != nil || !d.Acked {
			t.Fatalf("got %+v, %v", d, err)
		}
		p := (<-seen)["payload"]
		for _, c := range []struct {
			want any
			path []any
		}{
			{"block_actions", []any{"type"}},
			{"static_select", []any{"actions", 0, "type"}},
			{"s2", []any{"actions", 0, "selected_option", "value"}},
			{"github-18160", []any{"actions", 0, "selected_option", "text", "text"}},
			{"What did this session do?", []any{"actions", 0, "placeholder", "text"}},
			{nil, []any{"actions", 0, "value"}},
			{root, []any{"container", "thread_ts"}},
			{"s2", []any{"state", "values", "ask", "session", "selected_option", "value"}},
		} {
			if got := dig(p, c.path...); got != c.want {
				t.Errorf("%v: got %v, want %v", c.path, got, c.want)
			}
		}
		if _, err := r.Click(soon(t), "U0BOB", slack.Click{
			ChannelID: incident, MessageTS: ts, ActionID: "session", SelectedOption: "s3",
		}); err == nil {
			t.Error("an option that is not there was chosen")
		}
	})
}

package slack_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/sandbox/slack"
)

// respond posts to a response_url and returns the status and the body.
func (r *rig) respond(address, body string) (int, string) {
	r.t.Helper()
	resp, err := r.http.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// commandURL sends a command as Alice and returns its response_url.
func (r *rig) commandURL() string {
	r.t.Helper()
	s, _ := r.dial()
	seen := s.acking(nil)
	if _, err := r.Command(soon(r.t), "U0ALICE", incident, "/revoke-sessions", "x"); err != nil {
		r.t.Fatal(err)
	}
	address, _ := dig(<-seen, "payload", "response_url").(string)
	return address
}

func TestAResponseURLAnswersThePersonOrTheChannelFiveTimes(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		address := r.commandURL()
		for i, body := range []string{
			`{"text":"one"}`,
			`{"text":"two","response_type":"ephemeral","replace_original":false}`,
			`{"text":"three","response_type":"in_channel"}`,
			`{"text":"four","blocks":[{"type":"divider"}]}`,
			`{"text":"five","replace_original":true}`,
		} {
			if status, text := r.respond(address, body); status != http.StatusOK || text != "ok" {
				t.Errorf("use %d: got %d %s", i+1, status, text)
			}
		}
		if status, text := r.respond(address, `{"text":"six"}`); status != http.StatusNotFound || text != "used_url" {
			t.Errorf("got %d %s", status, text)
		}
		got := r.Messages(incident)
		if len(got) != 5 || !got[0].Ephemeral || got[0].VisibleTo != "U0ALICE" || got[2].Ephemeral || got[3].Blocks == nil {
			t.Errorf("got %+v", got)
		}
		if calls := r.Calls("response_url"); len(calls) != 6 || calls[0].Args["text"] != "one" ||
			calls[5].Status != http.StatusNotFound {
			t.Errorf("got %+v", calls)
		}
	})
}

func TestAResponseURLExpiresAfterThirtyMinutes(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		address := r.commandURL()
		time.Sleep(30 * time.Minute)
		if status, text := r.respond(address, `{"text":"just in time"}`); status != http.StatusOK {
			t.Errorf("got %d %s", status, text)
		}
		time.Sleep(time.Second)
		if status, text := r.respond(address, `{"text":"late"}`); status != http.StatusNotFound || text != "expired_url" {
			t.Errorf("got %d %s", status, text)
		}
		if status, text := r.respond("http://slack.test/commands/response/guessed",
			`{"text":"x"}`); status != http.StatusNotFound {
			t.Errorf("got %d %s", status, text)
		}
	})
}

func TestTheResponseURLOfAClickReplacesAndDeletesTheMessage(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		seen := s.acking(nil)
		ts := r.must("chat.postEphemeral", "channel", incident, "user", "U0ALICE", "text", "Sure?",
			"blocks", `[{"type":"actions","elements":[{"type":"button","action_id":"a","text":{"type":"plain_text",`+
				`"text":"A"}}]}]`)["message_ts"].(string)
		if _, err := r.Click(soon(t), "U0ALICE", slack.Click{ChannelID: incident, MessageTS: ts, ActionID: "a"}); err != nil {
			t.Fatal(err)
		}
		address := dig(<-seen, "payload", "response_url").(string)
		_, _, err := r.api.PostMessageContext(t.Context(), incident, slackgo.MsgOptionReplaceOriginal(address),
			slackgo.MsgOptionText("Done", false))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Messages(incident); len(got) != 1 || got[0].Text != "Done" || got[0].Blocks != nil || got[0].TS != ts {
			t.Errorf("got %+v", got)
		}
		if _, _, err := r.api.PostMessageContext(t.Context(), incident,
			slackgo.MsgOptionDeleteOriginal(address)); err != nil {
			t.Fatal(err)
		}
		if got := r.Messages(incident); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
		if status, text := r.respond(address, `{"delete_original":true}`); status != http.StatusNotFound {
			t.Errorf("got %d %s", status, text)
		}
	})
}

func TestAResponseThatCannotBeShownIsRefusedAndCostsNoUse(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		address := r.commandURL()
		for body, want := range map[string]string{
			`{}`:                                   "no_text",
			`text`:                                 "invalid_payload",
			`{"text":1}`:                           "invalid_payload",
			`{"text":"x","color":"r"}`:             "invalid_payload",
			`{"text":"x","attachments":[]}`:        "invalid_payload",
			`{"text":"x","response_type":"shout"}`: "invalid_payload",
			`{"text":"x","blocks":[{"type":"video"}]}`:                          "invalid_blocks",
			`{"text":"x","metadata":{"event_type":"a","event_payload":{}}}`:     "invalid_payload",
			`{"text":"` + strings.Repeat("x", 40_001) + `"}`:                    "msg_too_long",
			`{"text":"x","response_type":"ephemeral","replace_original":"yes"}`: "invalid_payload",
		} {
			if status, text := r.respond(address, body); status != http.StatusBadRequest || text != want {
				t.Errorf("%.60s: got %d %s, want %s", body, status, text, want)
			}
		}
		if status, _ := r.respond(address, `{"text":"x"}`); status != http.StatusOK || len(r.Messages(incident)) != 1 {
			t.Errorf("got %d and %+v", status, r.Messages(incident))
		}
	})
}

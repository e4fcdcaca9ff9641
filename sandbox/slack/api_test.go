package slack_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestTheRealClientIsToldWhoItIsAndWhichScopesItHas(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		who, err := r.api.AuthTestContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if who.TeamID != "T0SANDBOX" || who.UserID != "U0BOT" || who.BotID != "B0BOT" || who.EnterpriseID != "" {
			t.Errorf("got %+v", who)
		}
		if got := who.Header.Get("X-OAuth-Scopes"); got != strings.Join(slack.DefaultScopes(), ",") {
			t.Errorf("X-OAuth-Scopes: %s", got)
		}
	})
}

func TestTheRealClientIsToldOfWhichAppTheBotIs(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		bot, err := r.api.GetBotInfoContext(t.Context(), slackgo.GetBotInfoParameters{Bot: "B0BOT"})
		if err != nil || bot.AppID != "A0SANDBOX" || bot.UserID != "U0BOT" {
			t.Errorf("got %+v, %v", bot, err)
		}
		r.refused("bot_not_found", "bots.info", "bot", "B0OTHER")
	})
}

func TestScopesAreThoseOfTheLastInstallation(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.SetScopes("chat:write")
		if _, resp := r.post(botToken, "auth.test"); resp.Header.Get("X-OAuth-Scopes") != "chat:write" {
			t.Errorf("X-OAuth-Scopes: %s", resp.Header.Get("X-OAuth-Scopes"))
		}
		if body := r.refused("missing_scope", "users.info", "user", "U0BOB"); body["needed"] != "users:read" ||
			body["provided"] != "chat:write" {
			t.Errorf("got %v", body)
		}
	})
}

func TestTheWrongTokenIsRefusedAsSlackRefusesIt(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		for _, c := range []struct{ token, method, want string }{
			{"", "auth.test", "not_authed"},
			{"xoxb-other", "auth.test", "invalid_auth"},
			{appToken, "auth.test", "not_allowed_token_type"},
			{botToken, "apps.connections.open", "not_allowed_token_type"},
			{"xapp-other", "apps.connections.open", "invalid_auth"},
			{"", "apps.connections.open", "not_authed"},
		} {
			body, resp := r.post(c.token, c.method)
			if resp.StatusCode != http.StatusOK || body["ok"] != false || body["error"] != c.want {
				t.Errorf("%s with %q: got %v, want %s", c.method, c.token, body, c.want)
			}
		}
		body, _ := r.post(botToken, "auth.test", "token", "xoxb-other")
		if body["error"] != "invalid_auth" {
			t.Errorf("two different tokens: got %v", body)
		}
	})
}

func TestAnUnknownMethodIsRefused(t *testing.T) {
	inBubble(t, slack.Config{}, func(_ *testing.T, r *rig) {
		r.refused("unknown_method", "chat.postMesage")
		r.refused("unknown_method", "admin.users.list")
	})
}

func TestArgumentsThatAreUnknownMissingOrOfTheWrongKindAreNamed(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		for want, pairs := range map[string][]string{
			"[ERROR] unknown or unsupported argument: colour":        {"channel", incident, "text", "x", "colour", "red"},
			"[ERROR] unknown or unsupported argument: attachments":   {"channel", incident, "attachments", "[]"},
			"[ERROR] missing required field: channel":                {"text", "x"},
			"[ERROR] must be a boolean [json-pointer:/link_names]":   {"channel", incident, "text", "x", "link_names", "yes"},
			"[ERROR] must be a JSON array [json-pointer:/blocks]":    {"channel", incident, "blocks", `{"type":"divider"}`},
			"[ERROR] must be a JSON object [json-pointer:/metadata]": {"channel", incident, "text", "x", "metadata", "x"},
			"[ERROR] text is given more than once":                   {"channel", incident, "text", "x", "text", "y"},
		} {
			body := r.refused("invalid_arguments", "chat.postMessage", pairs...)
			messages, _ := dig(body, "response_metadata", "messages").([]any)
			if !slices.Contains(messages, any(want)) {
				t.Errorf("%v: got %v, want %q", pairs, messages, want)
			}
		}
		if len(r.Messages(incident)) != 0 {
			t.Error("a refused message was posted")
		}
	})
}

func TestAJSONBodyIsTakenButNotWithATokenInside(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		send := func(body string) map[string]any {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://slack.test/api/chat.postMessage",
				strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json; charset=utf-8")
			req.Header.Set("Authorization", "Bearer "+botToken)
			answer, _ := r.do(req)
			return answer
		}
		if got := send(
			`{"channel":"C0INCIDENT","text":"hi","blocks":[{"type":"divider"}],"thread_ts":null}`); got["ok"] != true {
			t.Errorf("JSON: got %v", got)
		}
		if got := send(`{"channel":"C0INCIDENT","text":"hi","token":"xoxb-sandbox"}`); got["error"] != "invalid_arguments" {
			t.Errorf("token in JSON: got %v", got)
		}
		if got := send(`["channel"]`); got["error"] != "invalid_json" {
			t.Errorf("array: got %v", got)
		}
	})
}

func TestAMissingScopeSaysWhatWasNeeded(t *testing.T) {
	inBubble(t, slack.Config{Scopes: []string{"chat:write", "channels:read"}}, func(t *testing.T, r *rig) {
		_, err := r.api.GetUserInfoContext(t.Context(), "U0ALICE")
		refusal, ok := errors.AsType[slackgo.SlackErrorResponse](err)
		if !ok || refusal.Err != "missing_scope" || refusal.Needed != "users:read" ||
			refusal.Provided != "chat:write,channels:read" {
			t.Errorf("users.info: got %#v", err)
		}
		r.must("conversations.info", "channel", incident)
		if body := r.refused("missing_scope", "conversations.info", "channel", secret); body["needed"] != "groups:read" {
			t.Errorf("private channel: needed %v", body["needed"])
		}
		if _, err := r.Command(t.Context(), "U0ALICE", incident, "/revoke-sessions", ""); err == nil {
			t.Error("an app without the commands scope got a command")
		}
	})
}

func TestCallsAreRememberedWithoutTheirToken(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		if _, _, err := r.api.PostMessageContext(t.Context(), incident, slackgo.MsgOptionText("hello", false)); err != nil {
			t.Fatal(err)
		}
		r.must("auth.test")
		calls := r.Calls("chat.postMessage")
		if len(calls) != 1 || len(r.Calls("")) != 2 {
			t.Fatalf("got %d and %d calls", len(calls), len(r.Calls("")))
		}
		c := calls[0]
		if c.Args["text"] != "hello" || c.Args["channel"] != incident || c.Status != 200 ||
			!strings.Contains(string(c.Response), `"ok":true`) {
			t.Errorf("got %+v", c)
		}
		if _, ok := c.Args["token"]; ok {
			t.Error("the token was kept")
		}
	})
}

func TestOtherPathsAreNotFound(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		resp, err := r.http.Get("http://slack.test/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("got %s", resp.Status)
		}
	})
}

package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	slackgo "github.com/slack-go/slack"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/sandbox/pipe"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	appToken = "xapp-1-A0SANDBOX-1-sandbox"
	botToken = "xoxb-sandbox"
	incident = "C0INCIDENT"
	other    = "C0OTHER"
	secret   = "C0SECRET"
)

// rig is a workspace on fake time, and clients of it.
type rig struct {
	*slack.Server
	t      *testing.T
	listen *pipe.Listener
	http   *http.Client
	api    *slackgo.Client
}

// inBubble runs a test in a bubble with a workspace of three people and three channels.
func inBubble(t *testing.T, cfg slack.Config, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := slack.New(cfg)
		listen := pipe.Listen()
		server := &http.Server{Handler: s}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listen) }()
		client := listen.Client()
		t.Cleanup(func() {
			client.CloseIdleConnections()
			_ = server.Close()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
		s.PutUser(slack.User{ID: "U0ALICE", Name: "alice", RealName: "Alice Archer", TZ: "Europe/Berlin"})
		s.PutUser(slack.User{ID: "U0BOB", Name: "bob"})
		s.PutUser(slack.User{ID: "U0GUEST", Name: "gwen", Guest: true})
		s.PutChannel(slack.Channel{
			ID: incident, Name: "incident", BotMember: true, Members: []string{"U0ALICE", "U0BOB", "U0GUEST"},
		})
		s.PutChannel(slack.Channel{ID: other, Name: "other", Members: []string{"U0ALICE"}})
		s.PutChannel(slack.Channel{ID: secret, Name: "secret", Private: true, BotMember: true, Members: []string{"U0BOB"}})
		test(t, &rig{
			Server: s, t: t, listen: listen, http: client,
			api: slackgo.New(botToken, slackgo.OptionAPIURL("http://slack.test/api/"),
				slackgo.OptionHTTPClient(client), slackgo.OptionAppLevelToken(appToken)),
		})
	})
}

// post calls a method with a form and returns the answer.
func (r *rig) post(token, method string, pairs ...string) (map[string]any, *http.Response) {
	r.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://slack.test/api/"+method,
		strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return r.do(req)
}

func (r *rig) do(req *http.Request) (map[string]any, *http.Response) {
	r.t.Helper()
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		r.t.Fatalf("%s: %v", req.URL.Path, err)
	}
	return body, resp
}

// must calls a method with the bot token and fails the test if it is refused.
func (r *rig) must(method string, pairs ...string) map[string]any {
	r.t.Helper()
	body, _ := r.post(botToken, method, pairs...)
	if body["ok"] != true {
		r.t.Fatalf("%s %v: %v", method, pairs, body)
	}
	return body
}

// refused calls a method with the bot token and fails the test unless it is refused with the error.
func (r *rig) refused(want, method string, pairs ...string) map[string]any {
	r.t.Helper()
	body, resp := r.post(botToken, method, pairs...)
	if body["ok"] != false || body["error"] != want || resp.StatusCode != http.StatusOK {
		r.t.Errorf("%s %v: got %d %v, want the error %s", method, pairs, resp.StatusCode, body, want)
	}
	return body
}

// socket is a Socket Mode connection of the test's own.
type socket struct {
	t  *testing.T
	ws *websocket.Conn
}

// dial opens a connection and takes its first frame.
func (r *rig) dial() (*socket, map[string]any) {
	r.t.Helper()
	body, _ := r.post(appToken, "apps.connections.open")
	address, _ := body["url"].(string)
	return r.dialURL(address)
}

func (r *rig) dialURL(address string) (*socket, map[string]any) {
	r.t.Helper()
	ws, resp, err := websocket.Dial(r.t.Context(), address, &websocket.DialOptions{
		HTTPClient: r.http, HTTPHeader: http.Header{"Origin": {"https://api.slack.com"}},
	})
	if err != nil {
		r.t.Fatalf("dial %s: %v", address, err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		r.t.Fatalf("dial %s: %s", address, resp.Status)
	}
	s := &socket{t: r.t, ws: ws}
	r.t.Cleanup(func() { _ = ws.CloseNow() })
	return s, s.read()
}

func (s *socket) read() map[string]any {
	s.t.Helper()
	frame, err := s.next()
	if err != nil {
		s.t.Fatal(err)
	}
	return frame
}

func (s *socket) next() (map[string]any, error) {
	_, raw, err := s.ws.Read(s.t.Context())
	if err != nil {
		return nil, err
	}
	var frame map[string]any
	return frame, json.Unmarshal(raw, &frame)
}

func (s *socket) write(v any) {
	s.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.ws.Write(s.t.Context(), websocket.MessageText, raw); err != nil {
		s.t.Error(err)
	}
}

// acking answers every envelope with a payload until the connection ends, and returns what came.
func (s *socket) acking(payload any) <-chan map[string]any {
	return s.answering(func(map[string]any) any { return payload })
}

// answering answers every envelope with the payload that answer returns for it.
func (s *socket) answering(answer func(frame map[string]any) any) <-chan map[string]any {
	seen := make(chan map[string]any, 100)
	go func() {
		defer close(seen)
		for {
			frame, err := s.next()
			if err != nil {
				return
			}
			ack := map[string]any{"envelope_id": frame["envelope_id"]}
			if payload := answer(frame); payload != nil {
				ack["payload"] = payload
			}
			s.write(ack)
			seen <- frame
		}
	}()
	return seen
}

// card posts a message with two buttons, in which only one has an id, and returns its ts.
func (r *rig) card(channel string) string {
	r.t.Helper()
	body := r.must("chat.postMessage", "channel", channel, "text", "Revoke prod/DeployRole?", "blocks", `[
		{"type":"section","text":{"type":"mrkdwn","text":"*Revoke* <prod>"}},
		{"type":"actions","block_id":"decide","elements":[
			{"type":"button","action_id":"approve","value":"req-1","style":"danger","text":{"type":"plain_text",
			"text":"Approve"}},
			{"type":"button","text":{"type":"plain_text","text":"Deny"}}]}]`,
		"metadata", `{"event_type":"request","event_payload":{"id":"req-1"}}`)
	ts, _ := body["ts"].(string)
	return ts
}

// soon bounds a wait for something that has to happen at once, in fake time.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// dig walks through nested objects and arrays.
func dig(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			array, _ := v.([]any)
			if step >= len(array) {
				return nil
			}
			v = array[step]
		}
	}
	return v
}

package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/pipe"
	"github.com/revokebot/revokebot/sandbox/slack"
	"github.com/revokebot/revokebot/sandbox/web"
)

// bench is a page on its stand-ins, without a bot.
type bench struct {
	t      *testing.T
	slack  *slack.Server
	aws    *aws.Server
	world  actors.World
	page   *web.Server
	client *http.Client // reaches the page by any host name
	api    *http.Client // reaches the Slack stand-in
}

func newBench(t *testing.T, change ...func(*bench, *web.Config)) *bench {
	t.Helper()
	b := &bench{
		t: t, slack: slack.New(slack.Config{
			Scopes: append(slack.DefaultScopes(), "files:write"), Events: []string{"app_home_opened"},
		}), aws: aws.New(aws.Config{}),
	}
	if err := actors.SeedSlack(b.slack); err != nil {
		t.Fatal(err)
	}
	world, err := actors.SeedAWS(b.aws)
	if err != nil {
		t.Fatal(err)
	}
	b.world = world
	cfg := web.Config{
		Slack: b.slack, AWS: b.aws, Account: world.Prod, RoleName: actors.DeployRole, Channel: actors.Incident,
		People: []web.Person{
			{UserID: actors.Rosa, Role: web.Responder, Blurb: "on call"},
			{UserID: actors.Bob, Role: web.Approver, Blurb: "security"},
			{UserID: actors.Gina, Role: web.Guest, Blurb: `a "guest" <b>`},
		},
		Suggest: []string{
			"/revoke-sessions prod/DeployRole x",
		}, Facts: map[string]string{"AWS stand-in": "http://127.0.0.1:1"},
	}
	for _, f := range change {
		f(b, &cfg)
	}
	b.page = web.New(cfg)
	b.client = b.serve(b.page)
	b.api = b.serve(b.slack)
	t.Cleanup(func() {
		_ = b.page.Close()
		_ = b.page.Close()
		_ = b.slack.Close()
		_ = b.aws.Close()
	})
	return b
}

func (b *bench) serve(h http.Handler) *http.Client {
	l := pipe.Listen()
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	client := l.Client()
	b.t.Cleanup(func() {
		client.CloseIdleConnections()
		_ = s.Close()
		_ = l.Close()
	})
	return client
}

type answer struct {
	OK    bool
	Error string
	TS    string
	Ack   json.RawMessage
	Said  string
}

func (b *bench) act(name, body string) (status int, a answer) {
	b.t.Helper()
	resp, err := b.client.Post("http://page/act/"+name, "application/json", strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, a
}

// bot connects to the Slack stand-in and acknowledges every envelope with the payload that reply
// returns.
func (b *bench) bot(ctx context.Context, reply func(envelope string) string) (stop func()) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://slack/api/apps.connections.open", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer xapp-1-A0SANDBOX-1-sandbox")
	resp, err := b.api.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	var opened struct{ URL string }
	err = json.NewDecoder(resp.Body).Decode(&opened)
	_ = resp.Body.Close()
	if err != nil || opened.URL == "" {
		b.t.Fatalf("apps.connections.open: %v %+v", err, opened)
	}
	ws, _, err := websocket.Dial(ctx, opened.URL, &websocket.DialOptions{HTTPClient: b.api})
	if err != nil {
		b.t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			_, frame, err := ws.Read(ctx)
			if err != nil {
				return
			}
			var e struct {
				ID string `json:"envelope_id"`
			}
			if json.Unmarshal(frame, &e) != nil || e.ID == "" {
				continue
			}
			ack := fmt.Sprintf(`{"envelope_id":%q,"payload":%s}`, e.ID, reply(string(frame)))
			if ws.Write(ctx, websocket.MessageText, []byte(ack)) != nil {
				return
			}
		}
	}()
	return func() {
		_ = ws.CloseNow()
		<-done
	}
}

// call uses the Web API with the bot's token.
func (b *bench) call(method, body string) {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://slack/api/"+method, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer xoxb-sandbox")
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := b.api.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	if !strings.Contains(string(raw), `"ok":true`) {
		b.t.Fatalf("%s: %s", method, raw)
	}
}

const card = `{"channel":"C0INCIDENT","text":"card","blocks":[{"type":"section","text":{"type":"mrkdwn",
	"text":"Revoke?"}},
	{"type":"actions","block_id":"decide","elements":[{"type":"button","action_id":"approve","value":"r1",
	"text":{"type":"plain_text","text":"Approve"}}]}]}`

type state struct {
	Messages    map[string][]slack.Message
	Homes       map[string]slack.View
	Connections []slack.ConnectionInfo
	Next        map[string]struct {
		Number    int
		Do, Value string
	}
	Settings struct {
		Propagation float64
		Region      float64 `json:"propagation_region"`
		TrailDelay  float64 `json:"trail_delay"`
		Clock       float64
		Trouble     string

		SlackTrouble string `json:"slack_trouble"`
		Setup        string
		GuardRail    bool `json:"guard_rail"`
		Fight        bool
		Standing     bool
	}
	Terminals map[actors.Actor]struct{ actors.Status }
}

func (b *bench) state() (s state) {
	b.t.Helper()
	resp, err := b.client.Get("http://page/state.json")
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		b.t.Fatal(err)
	}
	return s
}

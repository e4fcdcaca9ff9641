package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, slack: slack.New(slack.Config{Scopes: append(slack.DefaultScopes(), "files:write")}), aws: aws.New(aws.Config{})}
	if err := actors.SeedSlack(b.slack); err != nil {
		t.Fatal(err)
	}
	world, err := actors.SeedAWS(b.aws)
	if err != nil {
		t.Fatal(err)
	}
	b.world = world
	b.page = web.New(web.Config{
		Slack: b.slack, AWS: b.aws, Account: world.Prod, RoleName: actors.DeployRole, Channel: actors.Incident,
		People: []web.Person{
			{UserID: actors.Rosa, Role: web.Responder, Blurb: "on call"},
			{UserID: actors.Bob, Role: web.Approver, Blurb: "security"},
			{UserID: actors.Gina, Role: web.Guest, Blurb: `a "guest" <b>`},
		},
		Suggest: []string{"/revoke-sessions prod/DeployRole x"}, Facts: map[string]string{"AWS stand-in": "http://127.0.0.1:1"},
	})
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

// bot connects to the Slack stand-in and acknowledges every envelope with the payload that reply returns.
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

// stream reads events as a browser does.
type stream struct {
	t    *testing.T
	body io.Closer
	next *bufio.Reader
}

type event struct {
	Name string
	Data struct {
		Items  []struct{ Key, Thread, HTML string }
		Gone   []string
		Tabs   []struct{ ID, Name string }
		Modal  *struct{ ID, HTML string }
		Next   *struct{ Number int }
		Online *int
		Lines  []struct{ Command string }
	}
}

func (b *bench) open(ctx context.Context, as, channel string) *stream {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://page/events?as="+as+"&channel="+channel, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("stream: %s", resp.Status)
	}
	return &stream{b.t, resp.Body, bufio.NewReader(resp.Body)}
}

// read returns the next event; err is set when the stream ended.
func (s *stream) read() (e event, err error) {
	for {
		line, err := s.next.ReadString('\n')
		if err != nil {
			return e, err
		}
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			e.Name = strings.TrimSpace(name)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			return e, json.Unmarshal([]byte(data), &e.Data)
		}
	}
}

func (s *stream) expect(name string) event {
	s.t.Helper()
	e, err := s.read()
	if err != nil || e.Name != name {
		s.t.Fatalf("event %q, %v; want %s", e.Name, err, name)
	}
	return e
}

func TestAStreamBeginsWithEverythingAndTellsWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open(t.Context(), actors.Rosa, actors.Incident)
		sync := s.expect("sync").Data
		if len(sync.Items) != 1 || len(sync.Tabs) != 2 || sync.Next == nil || *sync.Online != 0 {
			t.Fatalf("sync %+v", sync)
		}

		_, posted := b.act("post", `{"user":"U0BOB","channel":"C0INCIDENT","text":"on it, *now* <script>"}`)
		patch := s.expect("patch").Data
		if len(patch.Items) != 1 || !strings.Contains(patch.Items[0].HTML, "on it, <b>now</b> &lt;script&gt;") {
			t.Errorf("patch %+v", patch.Items)
		}
		if patch.Online != nil || patch.Next != nil {
			t.Errorf("what did not change was told: %+v", patch)
		}

		b.act("post", `{"user":"U0ROSA","channel":"C0INCIDENT","thread":"`+posted.TS+`","text":"thanks"}`)
		patch = s.expect("patch").Data
		if len(patch.Items) != 2 || !strings.Contains(patch.Items[0].HTML, "1 reply") || patch.Items[1].Thread != posted.TS {
			t.Errorf("a reply changes its root too: %+v", patch.Items)
		}

		b.slack.DeleteMessage(actors.Incident, patch.Items[1].Key)
		patch = s.expect("patch").Data
		if len(patch.Gone) != 1 || len(patch.Items) != 1 || strings.Contains(patch.Items[0].HTML, "1 reply") {
			t.Errorf("after the reply was deleted: %+v", patch)
		}

		again := b.open(t.Context(), actors.Rosa, actors.Incident).expect("sync").Data
		if len(again.Items) != 2 {
			t.Errorf("a browser that connects again is told %+v", again.Items)
		}
	})
}

func TestOnlyTheirPersonSeesEphemeralMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		rosa, bob := b.open(t.Context(), actors.Rosa, actors.Incident), b.open(t.Context(), actors.Bob, actors.Incident)
		rosa.expect("sync")
		bob.expect("sync")
		stop := b.bot(t.Context(), func(string) string { return `{"text":"only for Rosa"}` })
		defer stop()
		synctest.Wait()
		if status, a := b.act("command", `{"user":"U0ROSA","channel":"C0INCIDENT","text":"/revoke-sessions help"}`); status != 200 || !a.OK {
			t.Fatalf("command: %d %+v", status, a)
		}
		var html string
		for html == "" {
			for _, i := range rosa.expect("patch").Data.Items {
				html += i.HTML
			}
		}
		if !strings.Contains(html, "only for Rosa") || !strings.Contains(html, "Only visible to you") {
			t.Errorf("Rosa sees %s", html)
		}
		b.act("post", `{"user":"U0BOB","channel":"C0INCIDENT","text":"the end"}`)
		for {
			for _, i := range bob.expect("patch").Data.Items {
				if strings.Contains(i.HTML, "only for Rosa") {
					t.Error("Bob sees Rosa's message")
				}
				if strings.Contains(i.HTML, "the end") {
					return
				}
			}
		}
	})
}

func TestCloseEndsTheStreamsAndRefusesNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open(t.Context(), actors.Rosa, actors.Incident)
		s.expect("sync")
		_ = b.page.Close()
		if e, err := s.read(); err == nil {
			t.Errorf("after Close came %+v", e)
		}
		resp, err := b.client.Get("http://page/events?as=U0ROSA&channel=C0INCIDENT")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a new stream: %s", resp.Status)
		}
	})
}

func TestABrowserThatLeavesLeavesNothingBehind(t *testing.T) {
	// The bubble ends only when every goroutine in it did.
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		ctx, cancel := context.WithCancel(t.Context())
		b.open(ctx, actors.Rosa, actors.Incident).expect("sync")
		cancel()
		synctest.Wait()
	})
}

func TestAQuietStreamSaysThatItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open(t.Context(), actors.Rosa, actors.Incident)
		s.expect("sync")
		before := time.Now()
		for {
			line, err := s.next.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, ":") {
				break
			}
		}
		if quiet := time.Since(before); quiet > 20*time.Second {
			t.Errorf("nothing for %v", quiet)
		}
	})
}

const card = `{"channel":"C0INCIDENT","text":"card","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"Revoke?"}},
	{"type":"actions","block_id":"decide","elements":[{"type":"button","action_id":"approve","value":"r1","text":{"type":"plain_text","text":"Approve"}}]}]}`

func TestAClickReachesTheBotAndCanBeDeliveredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var got []string
		stop := b.bot(t.Context(), func(envelope string) string {
			got = append(got, envelope)
			return "{}"
		})
		b.call("chat.postMessage", card)
		messages := b.slack.Messages(actors.Incident)
		ts := messages[len(messages)-1].TS
		if status, a := b.act("control", `{"name":"redeliver"}`); status != 400 || !strings.Contains(a.Error, "clicked") {
			t.Errorf("redeliver before a click: %d %+v", status, a)
		}
		click := `{"user":"U0BOB","channel":"C0INCIDENT","ts":"` + ts + `","block_id":"decide","action_id":"approve"}`
		if status, a := b.act("click", click); status != 200 || !a.OK {
			t.Fatalf("click: %d %+v", status, a)
		}
		if status, a := b.act("control", `{"name":"redeliver"}`); status != 200 || !a.OK {
			t.Errorf("redeliver: %d %+v", status, a)
		}
		if status, a := b.act("click", strings.Replace(click, "approve", "nothing", 1)); status != 400 || a.OK {
			t.Errorf("a button that is not there: %d %+v", status, a)
		}
		stop()
		if len(got) != 2 || got[0] != got[1] || !strings.Contains(got[0], `"block_actions"`) || !strings.Contains(got[0], actors.Bob) {
			t.Errorf("the bot got %d envelopes", len(got))
		}
	})
}

func TestAnOpenCardAsksForASecondPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		stop := b.bot(t.Context(), func(string) string { return "{}" })
		defer stop()
		synctest.Wait()
		b.act("command", `{"user":"U0ROSA","channel":"C0INCIDENT","text":"/revoke-sessions prod/DeployRole x"}`)
		b.call("chat.postMessage", card)
		for user, want := range map[string]string{actors.Rosa: "become", actors.Bob: "show", actors.Gina: "become"} {
			if got := b.state().Next[user]; got.Number != 2 || got.Do != want {
				t.Errorf("%s: %+v", user, got)
			}
		}
	})
}

type state struct {
	Messages    map[string][]slack.Message
	Connections []slack.ConnectionInfo
	Next        map[string]struct {
		Number int
		Do     string
	}
	Settings struct{ Propagation float64 }
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

func TestStateHasTheMessagesAsTheyAre(t *testing.T) {
	b := newBench(t)
	b.call("chat.postMessage", card)
	s := b.state()
	messages := s.Messages[actors.Incident]
	if len(messages) != 2 || !strings.Contains(string(messages[1].Blocks), `"approve"`) || len(s.Next) != 3 {
		t.Errorf("%+v", s)
	}
}

func TestControlsChangeTheWorld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		if status, a := b.act("control", `{"name":"propagation","value":"30"}`); status != 200 || !a.OK || b.state().Settings.Propagation != 30 {
			t.Errorf("propagation: %d %+v", status, a)
		}
		for _, body := range []string{
			`{"name":"propagation","value":"-1"}`, `{"name":"propagation","value":"soon"}`, `{"name":"trail_delay","value":"99999"}`,
			`{"name":"trail_delay","value":"NaN"}`, `{"name":"explode"}`, `{"name":"leak"}`, `{"name":"lift"}`,
		} {
			if status, a := b.act("control", body); status != 400 || a.Error == "" {
				t.Errorf("%s: %d %+v", body, status, a)
			}
		}
		if err := b.world.Prod.PutRolePolicy(actors.DeployRole, "AWSRevokeOlderSessions", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`); err != nil {
			t.Fatal(err)
		}
		if status, a := b.act("control", `{"name":"lift"}`); status != 200 || !a.OK {
			t.Errorf("lift: %d %+v", status, a)
		}
		if _, there := b.world.Prod.RolePolicy(actors.DeployRole, "AWSRevokeOlderSessions"); there {
			t.Error("the deny is still on the role")
		}
		stop := b.bot(t.Context(), func(string) string { return "{}" })
		defer stop()
		synctest.Wait()
		if n := len(b.state().Connections); n != 1 {
			t.Fatalf("%d connections", n)
		}
		b.act("control", `{"name":"drop"}`)
		synctest.Wait()
		if n := len(b.state().Connections); n != 0 {
			t.Errorf("%d connections after the drop", n)
		}
	})
}

func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"command", `{"user":"U0ROSA","channel":"C0INCIDENT","text":"/revoke-sessions x"}`, 200, "dispatch_failed"},
		{"command", `{"user":"U0ROSA","channel":"C0INCIDENT","thread":"1.2","text":"/revoke-sessions x"}`, 200, "threads"},
		{"command", `{"user":"U0NOBODY","channel":"C0INCIDENT","text":"/revoke-sessions x"}`, 400, "U0NOBODY"},
		{"command", `{"user":"U0GINA","channel":"C0GENERAL","text":"/revoke-sessions x"}`, 400, "not in channel"},
		{"post", `{"user":"U0ROSA","channel":"C0INCIDENT","text":""}`, 400, "no text"},
		{"post", `{"user":"U0ROSA","unknown":1}`, 400, "unknown"},
		{"post", `nonsense`, 400, "invalid"},
		{"submit", `{"user":"U0ROSA","view":"V0NONE"}`, 400, "V0NONE"},
		{"close", `{"user":"U0ROSA","view":"V0NONE"}`, 400, "V0NONE"},
		{"post", `{"text":"` + strings.Repeat("x", 300_000) + `"}`, 400, "too large"},
	} {
		status, a := b.act(c.name, c.body)
		if status != c.status || a.OK || !strings.Contains(a.Error, c.says) {
			t.Errorf("%s %.60s: %d %+v", c.name, c.body, status, a)
		}
	}
	for _, query := range []string{"", "?as=U0NOBODY", "?as=U0NILS"} {
		resp, err := b.client.Get("http://page/events" + query)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("events%s: %s", query, resp.Status)
		}
	}
}

func TestOtherSitesCannotAct(t *testing.T) {
	b := newBench(t)
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/act/post", strings.NewReader(`{"user":"U0ROSA","channel":"C0INCIDENT","text":"hi"}`))
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		b.page.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %s is answered with %d", header, value, w.Code)
		}
	}
	if n := len(b.slack.Messages(actors.Incident)); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestThePageHasNothingInline(t *testing.T) {
	b := newBench(t)
	resp, err := b.client.Get("http://page/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	html := string(raw)
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	for _, bad := range []string{`<script>`, `<style`, `\sstyle=`, `\son\w+=`, `javascript:`, `https?://[^1]`} {
		if found := regexp.MustCompile(bad).FindString(html); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
	if !strings.Contains(html, `a &#34;guest&#34; &lt;b&gt;`) {
		t.Error("the blurb is not escaped, or not there")
	}
	// Everything that the page and its scripts name is there.
	files := regexp.MustCompile(`"/static/([^"]+)"`).FindAllStringSubmatch(html, -1)
	if len(files) < 5 {
		t.Fatalf("only %d files", len(files))
	}
	seen := map[string]bool{}
	for len(files) > 0 {
		name := files[0][1]
		files = files[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		resp, err := b.client.Get("http://page/static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", name, resp.Status)
		}
		files = append(files, regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(string(raw), -1)...)
		for _, id := range regexp.MustCompile(`(?:\$|getElementById)\("([^"]+)"\)`).FindAllStringSubmatch(string(raw), -1) {
			// The page of this test has no terminals.
			if id[1] != "dock" && !strings.Contains(html, `id="`+id[1]+`"`) {
				t.Errorf("%s looks for #%s, which the page does not have", name, id[1])
			}
		}
	}
	if !seen["dialogs.js"] || !seen["terminals.js"] {
		t.Errorf("scripts %v", seen)
	}
}

func TestAFileIsAPictureOrADownload(t *testing.T) {
	b := newBench(t)
	get := func(id string) *http.Response {
		resp, err := b.client.Get("http://page/files/" + id)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	for content, want := range map[string][2]string{
		"\x89PNG\r\n\x1a\nrest":                                           {"image/png", ""},
		"<html><script>alert(1)</script>":                                 {"application/octet-stream", "attachment"},
		"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>": {"application/octet-stream", "attachment"},
	} {
		resp := get(b.upload(content))
		if got := [2]string{resp.Header.Get("Content-Type"), resp.Header.Get("Content-Disposition")}; got != want {
			t.Errorf("%q is served as %q", content, got)
		}
	}
	if resp := get("F0NONE"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a file that is not there: %s", resp.Status)
	}
}

// upload sends a file as the bot does and returns its id.
func (b *bench) upload(content string) string {
	b.t.Helper()
	form := fmt.Sprintf("filename=x&length=%d", len(content))
	req, err := http.NewRequest(http.MethodPost, "http://slack/api/files.getUploadURLExternal", strings.NewReader(form))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer xoxb-sandbox")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := b.api.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var a struct {
		UploadURL string `json:"upload_url"`
		FileID    string `json:"file_id"`
		Error     string
	}
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || a.FileID == "" {
		b.t.Fatalf("files.getUploadURLExternal: %v %+v", err, a)
	}
	sent, err := b.api.Post(a.UploadURL, "application/octet-stream", strings.NewReader(content))
	if err != nil {
		b.t.Fatal(err)
	}
	_ = sent.Body.Close()
	return a.FileID
}

func TestHealth(t *testing.T) {
	b := newBench(t)
	resp, err := b.client.Get("http://page/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}

package web_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
)

const command = `{"user":"U0ROSA","channel":"C0INCIDENT","text":"/revoke-sessions x"}`

func TestEachFaultOfTheNextEnvelopeDoesWhatItsButtonSays(t *testing.T) {
	for name, c := range map[string]struct {
		envelopes int    // that the bot gets
		shown     string // to the sender
	}{
		"lose":       {0, "dispatch_failed"},
		"twice":      {2, ""},
		"lose_ack":   {1, "dispatch_failed"},
		"drop_acked": {1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				got := make(chan string, 10)
				reply := func(envelope string) string { got <- envelope; return "{}" }
				for range 2 {
					defer b.bot(t.Context(), reply)()
				}
				synctest.Wait()
				if said := b.turns(name, ""); !strings.HasPrefix(said, "The ") {
					t.Errorf("it says %q", said)
				}
				if status, a := b.act("command", command); status != 200 || a.Error != c.shown {
					t.Errorf("the sender sees %d %+v", status, a)
				}
				synctest.Wait()
				if len(got) != c.envelopes {
					t.Errorf("the bot got %d envelopes", len(got))
				}
				// It was for one envelope only.
				if status, a := b.act("command", command); status != 200 || !a.OK {
					t.Errorf("the next one: %d %+v", status, a)
				}
			})
		})
	}
}

func TestATroubleOfSlacksWebAPILastsUntilTheNextIsChosen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		answers := func(method string) (status int, text string, took time.Duration) {
			t.Helper()
			began := time.Now()
			req, err := http.NewRequest(http.MethodPost, "http://slack/api/"+method,
				strings.NewReader(`{"channel":"C0INCIDENT","text":"x"}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer xoxb-sandbox")
			req.Header.Set("Content-Type", "application/json; charset=utf-8")
			resp, err := b.api.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			raw, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, string(raw), time.Since(began)
		}
		for _, c := range []struct {
			trouble, method, text string
			status                int
			slow                  bool
		}{
			{"throttle", "chat.postMessage", "ratelimited", 429, false},
			{"throttle_200", "chat.postMessage", "ratelimited", 200, false},
			{"throttle_200", "chat.postMessage", "ratelimited", 200, false},
			{"slow", "chat.postMessage", `"ok":true`, 200, true},
			{"away", "auth.test", "", 503, false},
			{"", "chat.postMessage", `"ok":true`, 200, false},
		} {
			b.turns("slack_trouble", c.trouble)
			if b.state().Settings.SlackTrouble != c.trouble {
				t.Errorf("the settings say %q", b.state().Settings.SlackTrouble)
			}
			for range 2 {
				if status, text, took := answers(c.method); status != c.status || !strings.Contains(text, c.text) ||
					took > time.Second != c.slow {
					t.Errorf("%q: %s answers %d %s after %v", c.trouble, c.method, status, text, took)
				}
			}
		}
		if status, a := b.act("control", `{"name":"slack_trouble","value":"rain"}`); status != 400 || a.Error == "" {
			t.Errorf("rain: %d %+v", status, a)
		}
	})
}

func TestTheLastCardIsDeletedAndWhatIsToldBesideAThreadIsNoCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		if status, a := b.act("control", `{"name":"delete_card"}`); status != 400 || !strings.Contains(a.Error, "no card") {
			t.Errorf("before there is one: %d %+v", status, a)
		}
		b.call("chat.postMessage", card)
		b.call("chat.postMessage", strings.Replace(card, `"text":"card"`,
			`"text":"About","metadata":{"event_type":"x","event_payload":{"request":"R","event":"7"}}`, 1))
		b.turns("delete_card", "")
		left := 0
		for _, m := range b.slack.Messages(actors.Incident) {
			if m.Text == "card" {
				t.Error("the card is there")
			}
			if m.Text == "About" {
				left++
			}
		}
		if left != 1 {
			t.Error("the line beside the thread is gone")
		}
	})
}

func TestEveryButtonOfSlacksControlsIsOneThatTheServerKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.bot(t.Context(), func(string) string { return "{}" })()
		synctest.Wait()
		b.call("chat.postMessage", card)
		messages := b.slack.Messages(actors.Incident)
		b.act("click", `{"user":"U0BOB","channel":"C0INCIDENT","ts":"`+messages[len(messages)-1].TS+`","block_id":"decide",`+
			`"action_id":"approve"}`)
		resp, err := b.client.Get("http://page/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_, html, _ := strings.Cut(string(raw), "<h3>Slack</h3>")
		names := 0
		for _, part := range strings.Split(html, `<button type="button" class="btn" data-control="`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			names++
			if status, a := b.act("control", `{"name":"`+name+`"}`); status != 200 {
				t.Errorf("%s: %d %+v", name, status, a)
			}
		}
		if names != 8 {
			t.Errorf("%d buttons", names)
		}
	})
}

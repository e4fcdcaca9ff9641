package web_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revokebot/revokebot/sandbox/actors"
)

func TestAClickReachesTheBotAndCanBeDeliveredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var got []string
		stop := b.bot(t.Context(), func(envelope string) string {
			got = append(got, envelope)
			return "{}"
		})
		synctest.Wait() // for the bot's hello
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
		if len(got) != 2 || got[0] != got[1] || !strings.Contains(got[0], `"block_actions"`) ||
			!strings.Contains(got[0], actors.Bob) {
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

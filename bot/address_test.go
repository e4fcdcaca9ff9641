package bot

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
)

func TestNoTokenFollowsARedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		synctest.Test(t, func(t *testing.T) {
			var away atomic.Int64
			client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Host != "localhost" {
					away.Add(1)
					return
				}
				http.Redirect(w, r, "http://evil.example"+r.URL.Path, status)
			}))
			c := newClient(t, client)
			if e := slackKind(t, c.identify(t.Context())); e.Kind != deliver.SlackUnsure {
				t.Errorf("%d: auth.test: %v", status, e)
			}
			if _, err := c.openSocket(t.Context()); err == nil {
				t.Errorf("%d: apps.connections.open was answered", status)
			}
			if err := c.api.UploadToURL(t.Context(), slack.UploadToURLParameters{
				UploadURL: "http://localhost/upload", Reader: strings.NewReader("x"), Filename: "x",
			}); err == nil {
				t.Errorf("%d: an upload was taken", status)
			}
			if err := c.Whisper(t.Context(), handlers.Listener{
				User: rosa, Channel: incident, ResponseURL: "http://localhost/commands/1",
			}, &messages.Message{Text: "x"}); err == nil {
				t.Errorf("%d: a whisper was taken", status)
			}
			if n := away.Load(); n != 0 {
				t.Errorf("%d: %d requests followed the redirect", status, n)
			}
		})
	}
}

func TestNoTicketFollowsARedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Int64
		mux := http.NewServeMux()
		mux.HandleFunc("/api/auth.test", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"ok":true,"team_id":"T1","user_id":"U1"}`))
		})
		mux.HandleFunc("/api/apps.connections.open", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"ok":true,"url":"ws://localhost/link/?ticket=TICKET"}`))
		})
		mux.HandleFunc("/link/", func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "localhost" {
				away.Add(1)
				return
			}
			http.Redirect(w, r, "http://evil.example"+r.URL.String(), http.StatusTemporaryRedirect)
		})
		b := &Bot{
			cfg: Config{HTTPClient: serve(t, mux), Connections: 1}, log: slog.New(slog.DiscardHandler), status: newStatus(),
		}
		b.slack = newClient(t, b.cfg.HTTPClient)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := b.connect(ctx, ctx, newIntake(nil, nil, b.log), func() {}); err != nil {
			t.Error(err)
		}
		if n := away.Load(); n != 0 {
			t.Errorf("%d tickets followed the redirect", n)
		}
	})
}

func TestNoClickComesByAnAddressThatIsNotSlacksOrUnencrypted(t *testing.T) {
	for api, addresses := range map[string]map[string]bool{
		"https://slack.com/api/": {
			"wss://wss-primary.slack.com/link/?ticket=1": true, "wss://SLACK.com/link": true,
			"wss://wss.slack-gov.com/link": true, "wss://slack.com:8443/link": true,
			"ws://wss-primary.slack.com/link/?ticket=1": false, "wss://evil.example/link": false,
			"wss://evilslack.com/link": false, "wss://slack.com.evil.example/link": false,
			"wss://slack.com@evil.example/link": false, "wss://x@slack.com/": false, "https://slack.com/link": false,
			"ws://127.0.0.1/link": false, "": false, "%zz": false, "wss:///link": false, "wss://.slack.com": true,
		},
		"https://slack-proxy.corp.example/api/": {
			"wss://slack-proxy.corp.example/link": true, "wss://wss-primary.slack.com/link": true,
			"ws://slack-proxy.corp.example/link": false, "wss://corp.example/link": false,
		},
		"http://127.0.0.1:4001/api/": {
			"ws://127.0.0.1:4001/link": true, "ws://127.0.0.1:4002/link": true, "wss://127.0.0.1/link": true,
			"ws://127.0.0.2:4001/link": false, "ws://0.0.0.0/link": false,
		},
		"http://slack-mock:8080/api/": {"ws://slack-mock:8080/link": false, "wss://slack-mock/link": true},
		"http://[::1]:4001/api/":      {"ws://[::1]:4001/link": true, "ws://[fe80::1]:4001/link": false},
	} {
		c, err := newSlackClient(Config{SlackAPI: api})
		if err != nil {
			t.Fatal(err)
		}
		for address, want := range addresses {
			err := c.checkSocket(address)
			if (err == nil) != want {
				t.Errorf("%s, by %s: %v", address, api, err)
			}
			if err != nil && strings.Contains(err.Error(), "ticket") {
				t.Errorf("the error repeats the address: %v", err)
			}
		}
	}
}

func TestAResponseURLOnAnotherPortIsNeverCalled(t *testing.T) {
	for api, addresses := range map[string]map[string]bool{
		"https://slack.com/api/": {
			"https://hooks.slack.com:443/commands/1": true, "https://hooks.slack.com:8443/commands/1": false,
			"https://hooks.slack.com:80/1": false, "https://x@hooks.slack.com/1": false, "https://slack.com/1": true,
			"https://slack.com:444/1": false, "http://slack.com/1": false,
		},
		"http://127.0.0.1:4001/api/": {
			"http://127.0.0.1:4001/1": true, "http://127.0.0.1:4002/1": false, "http://127.0.0.1/1": false,
			"http://x:y@127.0.0.1:4001/1": false,
		},
		"http://localhost/api": {"http://localhost:80/1": true, "http://localhost:8080/1": false},
	} {
		c, err := newSlackClient(Config{SlackAPI: api})
		if err != nil {
			t.Fatal(err)
		}
		for address, want := range addresses {
			if c.trusts(address) != want {
				t.Errorf("%s, by %s: trusted %t", address, api, !want)
			}
		}
	}
}

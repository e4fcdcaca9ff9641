package slack_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestUnderDropsAndRefreshesEveryCommandIsAcknowledgedOrFails(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		ctx, stop := context.WithCancel(t.Context())
		var people, trouble sync.WaitGroup
		for range 3 { // clients that connect again whenever they are cut
			trouble.Go(func() {
				for ctx.Err() == nil {
					s, _ := r.dial()
					for range s.acking(map[string]any{"text": "ok"}) {
					}
					time.Sleep(10 * time.Millisecond)
				}
			})
		}
		trouble.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				time.Sleep(250 * time.Millisecond)
				if n%2 == 0 {
					r.DropConnections()
				} else {
					r.Disconnect("refresh_requested")
				}
			}
		})
		var mu sync.Mutex
		acked, failed := 0, 0
		for i := range 200 {
			people.Go(func() {
				time.Sleep(time.Duration(i) * 20 * time.Millisecond)
				d, err := r.Command(ctx, "U0ALICE", incident, "/revoke-sessions", "x")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil || d.Acked == (d.Error != ""):
					t.Errorf("got %+v, %v", d, err)
				case d.Acked:
					acked++
				default:
					failed++
				}
			})
		}
		people.Wait()
		stop()
		r.DropConnections()
		done := make(chan struct{})
		go func() { trouble.Wait(); close(done) }()
		for {
			select {
			case <-done:
			case <-time.After(time.Second): // a client that was just connecting
				r.DropConnections()
				continue
			}
			break
		}
		if acked+failed != 200 || acked < 150 {
			t.Errorf("%d acknowledged, %d failed", acked, failed)
		}
		if seen := len(r.Messages(incident)); seen != acked {
			t.Errorf("%d answers were shown for %d acknowledgements", seen, acked)
		}
	})
}

func TestBehindTLSTheURLsThatAreGivenOutAreOfTheSameScheme(t *testing.T) {
	s := slack.New(slack.Config{})
	defer s.Close()
	request := httptest.NewRequest(http.MethodPost, "/api/apps.connections.open", nil)
	request.Host, request.TLS = "slack.test", &tls.ConnectionState{}
	request.Header.Set("Authorization", "Bearer "+appToken)
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, request)
	if body := recorder.Body.String(); !strings.Contains(body, `"url":"wss://slack.test/link/?ticket=`) {
		t.Errorf("got %s", body)
	}
}

package slack_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestAConnectionStartsWithHello(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		_, hello := r.dial()
		if hello["type"] != "hello" || hello["num_connections"] != 1.0 ||
			dig(hello, "connection_info", "app_id") != "A0SANDBOX" ||
			dig(hello, "debug_info", "approximate_connection_time") != 3600.0 {
			t.Errorf("got %v", hello)
		}
		_, second := r.dial()
		if second["num_connections"] != 2.0 {
			t.Errorf("got %v", second)
		}
		synctest.Wait()
		open := r.Connections()
		if len(open) != 2 || !open[0].Hello || open[0].ID == open[1].ID || !open[0].Since.Equal(time.Now()) {
			t.Errorf("got %+v", open)
		}
	})
}

func TestATicketIsGoodOnceAndNotForLong(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		refused := func(address string) {
			t.Helper()
			ws, resp, err := websocket.Dial(t.Context(), address, &websocket.DialOptions{HTTPClient: r.http})
			if err == nil {
				_ = ws.CloseNow()
				t.Fatalf("%s was accepted", address)
			}
			if resp == nil || resp.StatusCode != http.StatusForbidden {
				t.Errorf("got %v, %v", resp, err)
			}
		}
		body, _ := r.post(appToken, "apps.connections.open")
		address := body["url"].(string)
		if !strings.HasPrefix(address, "ws://slack.test/link/?ticket=") || !strings.HasSuffix(address, "&app_id=A0SANDBOX") {
			t.Errorf("got %s", address)
		}
		r.dialURL(address)
		refused(address)
		refused("ws://slack.test/link/?ticket=made-up")
		body, _ = r.post(appToken, "apps.connections.open")
		time.Sleep(31 * time.Second)
		refused(body["url"].(string))
	})
}

func TestTheEleventhConnectionIsSentAway(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		for range 10 {
			r.dial()
		}
		s, frame := r.dial()
		if frame["type"] != "disconnect" || frame["reason"] != "too_many_websockets" {
			t.Errorf("got %v", frame)
		}
		if _, err := s.next(); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("got %v, want a normal close", err)
		}
		if len(r.Connections()) != 10 {
			t.Errorf("%d connections", len(r.Connections()))
		}
	})
}

func TestAWarnedConnectionStillWorksForTenSeconds(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		seen := s.acking(nil)
		warned := time.Now()
		r.Disconnect("warning")
		if frame := <-seen; frame["type"] != "disconnect" || frame["reason"] != "warning" {
			t.Errorf("got %v", frame)
		}
		time.Sleep(9 * time.Second)
		if d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x"); err != nil || !d.Acked {
			t.Errorf("got %+v, %v", d, err)
		}
		<-seen
		if _, open := <-seen; open || time.Since(warned) != 10*time.Second {
			t.Errorf("open %v after %v", open, time.Since(warned))
		}
	})
}

func TestOtherDisconnectsCloseAtOnce(t *testing.T) {
	for _, reason := range []string{"refresh_requested", "link_disabled"} {
		inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
			s, _ := r.dial()
			before := time.Now()
			frames := make(chan map[string]any, 1)
			ended := make(chan error, 1)
			go func() {
				frame, _ := s.next()
				frames <- frame
				_, err := s.next()
				ended <- err
			}()
			r.Disconnect(reason)
			if frame := <-frames; frame["reason"] != reason {
				t.Errorf("got %v", frame)
			}
			if err := <-ended; websocket.CloseStatus(err) != websocket.StatusNormalClosure || time.Since(before) != 0 {
				t.Errorf("%s: %v after %v", reason, err, time.Since(before))
			}
			synctest.Wait()
			if d, _ := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x"); d.Error != "dispatch_failed" {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestADroppedConnectionEndsWithoutACloseFrame(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		r.DropConnections()
		if _, err := s.next(); websocket.CloseStatus(err) != -1 || !errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if len(r.Connections()) != 0 {
			t.Errorf("got %+v", r.Connections())
		}
	})
}

func TestSlackPingsUntilToldNotTo(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		body, _ := r.post(appToken, "apps.connections.open")
		pings := make(chan time.Time, 100)
		ws, _, err := websocket.Dial(t.Context(), body["url"].(string), &websocket.DialOptions{
			HTTPClient: r.http,
			OnPingReceived: func(context.Context, []byte) bool {
				pings <- time.Now()
				return true
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer ws.CloseNow()
		start := time.Now()
		go func() {
			for {
				if _, _, err := ws.Read(context.Background()); err != nil {
					return
				}
			}
		}()
		if first := <-pings; first.Sub(start) != 10*time.Second {
			t.Errorf("first ping after %v", first.Sub(start))
		}
		r.SetPings(false)
		time.Sleep(time.Minute + time.Second)
		if len(pings) != 0 {
			t.Errorf("%d pings while they are off", len(pings))
		}
		r.SetPings(true)
		time.Sleep(time.Minute)
		if len(pings) != 6 {
			t.Errorf("%d pings in a minute", len(pings))
		}
	})
}

func TestAPeerThatDoesNotPongIsCut(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		body, _ := r.post(appToken, "apps.connections.open")
		ws, _, err := websocket.Dial(t.Context(), body["url"].(string), &websocket.DialOptions{
			HTTPClient:     r.http,
			OnPingReceived: func(context.Context, []byte) bool { return false },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer ws.CloseNow()
		start := time.Now()
		for err == nil {
			_, _, err = ws.Read(t.Context())
		}
		if since := time.Since(start); since != 40*time.Second {
			t.Errorf("cut after %v: %v", since, err)
		}
	})
}

func TestDebugReconnectsShortensTheConnection(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		body, _ := r.post(appToken, "apps.connections.open")
		start := time.Now()
		s, _ := r.dialURL(body["url"].(string) + "&debug_reconnects=true")
		if frame := s.read(); frame["reason"] != "refresh_requested" || time.Since(start) != 360*time.Second {
			t.Errorf("got %v after %v", frame, time.Since(start))
		}
	})
}

func TestCloseEndsEverythingAndMayBeCalledTwice(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		go func() { _, _ = s.next() }()
		waiting := make(chan error)
		go func() {
			_, err := r.Command(context.Background(), "U0ALICE", incident, "/revoke-sessions", "x")
			waiting <- err
		}()
		synctest.Wait()
		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Error(err)
		}
		if err := <-waiting; !errors.Is(err, slack.ErrClosed) {
			t.Errorf("the waiting command: %v", err)
		}
		if _, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x"); !errors.Is(err, slack.ErrClosed) {
			t.Errorf("a new command: %v", err)
		}
		resp, err := r.http.Get("http://slack.test/api/auth.test")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a call: %s", resp.Status)
		}
	})
}

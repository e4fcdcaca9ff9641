package pipe_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/sandbox/pipe"
)

func TestAServerOverAPipeRunsOnFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pipe.Listen()
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(15 * time.Minute)
			_, _ = io.WriteString(w, "late")
		})}
		go func() { _ = server.Serve(l) }()
		defer server.Close()
		client := l.Client()
		defer client.CloseIdleConnections()

		before := time.Now()
		resp, err := client.Get("http://anything.example/")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "late" || time.Since(before) != 15*time.Minute {
			t.Errorf("got %q after %v", body, time.Since(before))
		}
	})
}

func TestAClosedListenerRefuses(t *testing.T) {
	l := pipe.Listen()
	_ = l.Close()
	_ = l.Close()
	if _, err := l.Dial(t.Context(), "", ""); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Dial: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
}

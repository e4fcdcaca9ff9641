package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/sandbox/pipe"
)

func TestNobodyHoldsATurnToReadTheMetricsByNotReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, ended := time.Now(), time.Time{}
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(bytes.Repeat([]byte("metric 1\n"), 100_000))
			ended = time.Now()
		})
		listener := pipe.Listen()
		server := healthServer(h, slog.New(slog.DiscardHandler))
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(listener) })
		defer serving.Wait()
		defer server.Close()
		conn, err := listener.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if ended.IsZero() || ended.Sub(began) > 15*time.Second {
			t.Errorf("somebody who does not read holds it, or did so for %v", ended.Sub(began))
		}
	})
}

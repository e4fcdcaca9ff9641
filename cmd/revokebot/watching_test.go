package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/revokebot/revokebot/cmd/internal/cmdtest"
)

// receiver takes traces as a collector does, OTLP over HTTP.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got bytes.Buffer
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if req.Method == http.MethodPost && req.URL.Path == "/v1/traces" {
			_, _ = io.Copy(&r.got, req.Body)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// all is what has arrived.
func (r *receiver) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got.String()
}

// wantSpans looks for the names of spans, and for what they must not hold.
func (r *receiver) wantSpans(t *testing.T, names, secrets []string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		if !bytes.Contains(r.got.Bytes(), []byte(name)) {
			t.Errorf("no span %q arrived", name)
		}
	}
	for _, secret := range secrets {
		if bytes.Contains(r.got.Bytes(), []byte(secret)) {
			t.Errorf("the traces hold %q", secret)
		}
	}
}

// wantMetrics looks for lines on the page of the metrics.
func (w *world) wantMetrics(readyz string, lines ...string) {
	w.t.Helper()
	page := w.get(strings.TrimSuffix(readyz, "/readyz") + "/metrics")
	for _, line := range lines {
		if !strings.Contains("\n"+page, "\n"+line) {
			w.t.Errorf("/metrics has no line %q in\n%s", line, page)
		}
	}
}

func TestAWrongVariableOfOpenTelemetryEndsTheStartWithASentence(t *testing.T) {
	env := &cmdtest.Env{Variables: map[string]string{
		"SLACK_APP_TOKEN": "xapp-1-A0-1-x", "SLACK_BOT_TOKEN": "xoxb-x", "REDIS_URL": "redis://127.0.0.1:1/0",
		"REVOKEBOT_CONFIG":            cmdtest.WriteFile(t, "revokebot.yaml", longConfig),
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
	}}
	status := inProcess(t.Context(), env, "run")
	cmdtest.WantSentence(t, status, env.Stderr.String(), []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
		[]string{"xapp-1"})
}

package traces

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/sandbox/pipe"
)

// receiver is a collector that takes OTLP over HTTP, and answers as it is told to.
type receiver struct {
	mu       sync.Mutex
	requests []*http.Request
	got      []*tracepb.TracesData
	answers  []int // of the next requests; then 200
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	data, err := io.ReadAll(req.Body)
	var sent tracepb.TracesData
	if err == nil {
		err = proto.Unmarshal(data, &sent)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, req)
	if len(r.answers) > 0 {
		status := r.answers[0]
		r.answers = r.answers[1:]
		w.WriteHeader(status)
		return
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.got = append(r.got, &sent)
}

// receive runs a test with a receiver, in a bubble. set are variables, besides the address.
func receive(
	t *testing.T, set map[string]string, answers []int, test func(tr *Traces, r *receiver, log *bytes.Buffer),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answers: answers}
		listener := pipe.Listen()
		server := &http.Server{Handler: r}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(listener) })
		client := listener.Client()
		defer func() {
			client.CloseIdleConnections()
			_ = server.Close()
			serving.Wait()
		}()
		var log bytes.Buffer
		tr, err := New(t.Context(), Config{
			Lookup: func(name string) (string, bool) {
				if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
					return "http://collector.example:4318/", true
				}
				value, ok := set[name]
				return value, ok
			},
			Version: "v9", Logger: slog.New(slog.NewTextHandler(&log, nil)), HTTPClient: client,
		})
		if err != nil {
			t.Fatal(err)
		}
		test(tr, r, &log)
	})
}

func drawOne(t *testing.T, tr *Traces) {
	t.Helper()
	_, ended := tr.Item(t.Context(), approvals.Item{Kind: approvals.KindDeliver, Request: strings.Repeat("A", 26)})
	ended(bot.ItemDone)
}

func TestACollectorGetsWhatTheVariablesSay(t *testing.T) {
	receive(t, map[string]string{
		"OTEL_SERVICE_NAME": "revokebot-prod", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=a%20b,team=security",
		"OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%3Db, x-other=2",
	}, nil, func(tr *Traces, r *receiver, _ *bytes.Buffer) {
		drawOne(t, tr)
		if err := tr.Close(); err != nil {
			t.Fatal(err)
		}
		if len(r.got) != 1 {
			t.Fatalf("%d requests arrived", len(r.got))
		}
		req := r.requests[0]
		if req.URL.Path != "/v1/traces" || req.Method != http.MethodPost || req.Header.Get("X-Key") != "a=b" ||
			req.Header.Get("X-Other") != "2" ||
			req.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("the request is %s %s with %v", req.Method, req.URL, req.Header)
		}
		spans := r.got[0].GetResourceSpans()[0]
		of := map[string]string{}
		for _, a := range spans.GetResource().GetAttributes() {
			of[a.GetKey()] = a.GetValue().GetStringValue()
		}
		if of["service.name"] != "revokebot-prod" || of["service.version"] != "v9" || of["deployment.environment"] != "a b" ||
			of["team"] != "security" {
			t.Errorf("the resource is %v", of)
		}
		span := spans.GetScopeSpans()[0].GetSpans()[0]
		id := traceOf(strings.Repeat("A", 26))
		if span.GetName() != "item deliver" || !bytes.Equal(span.GetTraceId(), id[:]) {
			t.Errorf("the span is %v", span)
		}
	})
}

func TestACollectorThatIsAwayIsToldOfOnceAndAskedAgain(t *testing.T) {
	receive(t, nil, []int{503, 502}, func(tr *Traces, r *receiver, log *bytes.Buffer) {
		drawOne(t, tr)
		time.Sleep(15 * time.Second)
		r.mu.Lock()
		if len(r.got) != 1 || len(r.requests) != 3 || log.Len() != 0 {
			t.Errorf("%d of %d requests were taken, and it is said: %s", len(r.got), len(r.requests), log)
		}
		r.answers = []int{403, 403}
		r.mu.Unlock()
		for range 3 {
			drawOne(t, tr)
			time.Sleep(15 * time.Second)
		}
		if err := tr.Close(); err != nil {
			t.Fatal(err)
		}
		if len(r.requests) != 6 {
			t.Errorf("%d requests: what is refused for good is not tried again", len(r.requests))
		}
		said := log.String()
		if strings.Count(said, "do not reach their collector") != 1 || strings.Count(said, "again") != 1 ||
			!strings.Contains(said, "403") {
			t.Errorf("it is said: %s", said)
		}
	})
}

func TestWithoutTheVariablesNothingIsStarted(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"nothing":         {},
		"disabled":        {"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
		"none":            {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
		"a name alone":    {"OTEL_SERVICE_NAME": "revokebot"},
		"another's":       {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector:4318"},
		"an empty value":  {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
		"disabled, wrong": {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense"},
	} {
		s, err := readSettings(func(name string) (string, bool) { value, ok := set[name]; return value, ok })
		if s != nil || err != nil {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

func TestTheEndpointIsMadeAsOpenTelemetrySays(t *testing.T) {
	for want, set := range map[string]map[string]string{
		"http://localhost:4318/v1/traces": {"OTEL_TRACES_EXPORTER": "otlp"},
		"http://c:4318/v1/traces":         {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"},
		"https://c/base/v1/traces":        {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c/base/"},
		"https://c/own": {
			"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/own", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other",
		},
	} {
		s, err := readSettings(func(name string) (string, bool) { value, ok := set[name]; return value, ok })
		if err != nil || s.endpoint.String() != want {
			t.Errorf("%v: %v, %v", set, s, err)
		}
	}
}

func TestAWrongVariableIsNamedAndItsValueIsNot(t *testing.T) {
	const secret = "s3cret"
	for variable, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT":        secret,
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "ftp://" + secret,
		"OTEL_EXPORTER_OTLP_PROTOCOL":        "grpc",
		"OTEL_EXPORTER_OTLP_HEADERS":         secret,
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS":  "k=%" + secret,
		"OTEL_EXPORTER_OTLP_TIMEOUT":         secret,
		"OTEL_TRACES_EXPORTER":               "zipkin",
		"OTEL_TRACES_SAMPLER":                "jaeger_remote",
		"OTEL_RESOURCE_ATTRIBUTES":           secret,
	} {
		_, err := New(t.Context(), Config{Lookup: func(name string) (string, bool) {
			switch name {
			case variable:
				return value, true
			case "OTEL_EXPORTER_OTLP_ENDPOINT":
				return "http://collector:4318", true
			}
			return "", false
		}})
		if err == nil || !strings.Contains(err.Error(), variable) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", variable, err)
		}
	}
	const timeout = "OTEL_EXPORTER_OTLP_TIMEOUT"
	for _, value := range []string{"-1", "0", "9223372036854775807", "99999999999999999999", "1.5", "x"} {
		_, err := readSettings(func(name string) (string, bool) {
			return map[string]string{"OTEL_TRACES_EXPORTER": "otlp", timeout: value}[name], true
		})
		if err == nil || !strings.Contains(err.Error(), timeout) || strings.Contains(err.Error(), value+" ") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

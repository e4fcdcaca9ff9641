package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/handlers/record"
)

// eventSchema is docs/event.schema.json.
func eventSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../docs/event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// wantEvent holds a line against the schema.
func wantEvent(t *testing.T, schema *jsonschema.Schema, line string) {
	t.Helper()
	event, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
	if err == nil {
		err = schema.Validate(event)
	}
	if err != nil {
		t.Errorf("%v in\n%s", err, line)
	}
}

func TestTheSchemaOfEventsKnowsEveryTypeAndEveryVerdict(t *testing.T) {
	source, err := os.ReadFile("../../approvals/event.go")
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, m := range regexp.MustCompile(`EventType = "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		types = append(types, m[1])
	}
	text, err := os.ReadFile("../../docs/event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct{ Type struct{ Enum []string } }
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	listed := schema.Properties.Type.Enum
	if len(types) < 30 || !slices.Equal(slices.Sorted(slices.Values(types)), slices.Sorted(slices.Values(listed))) {
		t.Errorf("the program has %q, the schema %q", types, listed)
	}
	line := func(kind, detail string) string {
		return `{"n":1,"prev":"` + audit.Start().Hash + `","at":"2026-11-22T03:04:15.000Z","request":"R1","seq":1,"type":"` +
			kind + `","detail":` + detail + `}`
	}
	compiled := eventSchema(t)
	for _, word := range []record.Word{
		record.WordContained, record.WordNotContained, record.WordUnknown, record.WordSuperseded,
	} {
		wantEvent(t, compiled, line("verdict", `{"word":"`+string(word)+`","why":["a sentence"]}`))
	}
	for _, wrong := range []string{
		line("verdict", `{"word":"fine"}`), line("no such type", `{}`), line("requested", `{"purpose":"do it"}`),
		`{"n":0,` + line("held", `{}`)[7:], line("held", `{},"more":1`), line("held", `{},"sig":"unnamed key"`),
	} {
		event, err := jsonschema.UnmarshalJSON(strings.NewReader(wrong))
		if err != nil || compiled.Validate(event) == nil {
			t.Errorf("the schema accepts %s, %v", wrong, err)
		}
	}
}

// eventReceiver is a server that takes the events of a webhook.
type eventReceiver struct {
	*httptest.Server
	mu    sync.Mutex
	lines []string
}

// newEventReceiver refuses every twentieth request.
func newEventReceiver(t *testing.T) *eventReceiver {
	t.Helper()
	r, n := &eventReceiver{}, 0
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if n++; n%20 == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		signed := audit.Sign(webhookSecret, q.Header.Get(audit.HeaderTimestamp), string(body))
		if err != nil || q.Header.Get(audit.HeaderSignature) != signed {
			t.Errorf("%v: %v", q.Header, err)
		}
		if line := string(body); len(r.lines) == 0 || line != r.lines[len(r.lines)-1] {
			r.lines = append(r.lines, line)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// events is what came so far.
func (r *eventReceiver) events() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// wantBeginOf fails the test unless the events are those with which the audit log in Redis begins,
// and each is as the schema says.
func (r *eventReceiver) wantBeginOf(t *testing.T, redis string) {
	t.Helper()
	_, exported, _ := says(t, map[string]string{"REDIS_URL": redis}, "", "audit", "export")
	schema, got := eventSchema(t), r.events()
	for line := range strings.Lines(exported) {
		wantEvent(t, schema, line)
	}
	if n := strings.Count(exported, "\n"); len(got) < 10 || len(got) > n ||
		!strings.HasPrefix(exported, strings.Join(got, "\n")+"\n") {
		t.Errorf("the receiver has %d events, and not the first ones of %d", len(got), n)
	}
}

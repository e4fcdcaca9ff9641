package traces_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/bot/traces"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// variables is an environment.
func variables(set map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := set[name]
		return value, ok
	}
}

// drawn is a bench whose replicas draw into one place, each with a tracer of its own.
func drawn(t *testing.T, o bench.Options) (*bench.Bench, *tracetest.InMemoryExporter) {
	t.Helper()
	into := tracetest.NewInMemoryExporter()
	var one *traces.Traces
	o.Cloud = func(c *aws.Config) {
		var err error
		one, err = traces.New(t.Context(), traces.Config{
			Lookup: variables(map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}), Exporter: into,
		})
		if err != nil || one == nil {
			t.Fatalf("no traces: %v", err)
		}
		this := one
		c.Watch = func(ctx context.Context, service, operation string) func(aws.Ended) {
			ended := this.AWSCall(ctx, service, operation)
			return func(e aws.Ended) { ended(string(e.Outcome), e.Outcome != aws.OutcomeOK, e.Attempts) }
		}
	}
	o.Bot = func(c *bot.Config) { c.Watch = append(c.Watch, one) }
	return bench.New(t, o), into
}

func attribute(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// of are the spans of a request's trace.
func of(t *testing.T, spans tracetest.SpanStubs, request string) tracetest.SpanStubs {
	t.Helper()
	for _, s := range spans {
		if attribute(s, "revokebot.request") == request {
			id := s.SpanContext.TraceID()
			return slices.DeleteFunc(slices.Clone(spans), func(s tracetest.SpanStub) bool {
				return s.SpanContext.TraceID() != id
			})
		}
	}
	t.Fatalf("no span of request %s", request)
	return nil
}

func count(spans tracetest.SpanStubs, name string) (n int) {
	for _, s := range spans {
		if s.Name == name {
			n++
		}
	}
	return n
}

func TestARequestIsOneTraceFromItsEnvelopeToItsLastMessageWhoeverWorksOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, into := drawn(t, bench.Options{
			Replicas: 2, FollowUps: []time.Duration{5 * time.Minute}, Guard: []time.Duration{time.Minute},
		})
		card := b.Ask()
		card.Approve(actors.Rosa)
		b.Whispered(actors.Rosa, "You can't approve your own request")
		// Whoever had it so far goes; another one takes the approval, and all that comes later.
		b.Stop(0)
		later := b.Start()
		b.Stop(1)
		b.Settle() // Slack sees that the connections of the other one are gone
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		time.Sleep(6 * time.Minute)
		card.CaughtUp()
		b.Stop(later)

		all := into.GetSpans()
		spans := of(t, all, card.ID)
		for name, least := range map[string]int{
			"envelope slash_commands": 1, "envelope interactive": 2, "item command": 1, "item click": 2, "item deliver": 3,
			"item evidence": 2,
			"item guard":    1, "item expire": 0,
			"slack users.info":       3,
			"slack chat.postMessage": 4, "slack chat.update": 1, "aws iam:GetRole": 1, "aws iam:PutRolePolicy": 1,
			"aws sts:AssumeRole":          1,
			"aws cloudtrail:LookupEvents": 2, "slack response_url": 1,
		} {
			if n := count(spans, name); n < least {
				t.Errorf("%d spans %q, want %d or more", n, name, least)
			}
		}
		replicas := map[string]bool{}
		for _, s := range spans {
			id, _ := s.Resource.Set().Value("service.instance.id")
			replicas[id.AsString()] = true
		}
		if len(replicas) < 2 {
			t.Errorf("drawn by %d replicas", len(replicas))
		}
		wantOneTree(t, spans, "envelope slash_commands")
		// To the last message: no call to Slack that tells something of it is elsewhere.
		calls := map[string]int{}
		for _, c := range b.Slack.Calls("") {
			if strings.HasPrefix(c.Method, "chat.") {
				calls["slack "+c.Method]++
			}
		}
		for name, n := range calls {
			if got := count(spans, name); got != n {
				t.Errorf("%d of %d calls are in the trace: %s", got, n, name)
			}
		}
		wantNoForeignText(t, all, card.ID)
	})
}

// wantOneTree holds a trace against what one is: one root, everything else below it, and what was
// clicked below its click.
func wantOneTree(t *testing.T, spans tracetest.SpanStubs, root string) {
	t.Helper()
	known := map[trace.SpanID]tracetest.SpanStub{}
	for _, s := range spans {
		if _, twice := known[s.SpanContext.SpanID()]; twice {
			t.Errorf("two spans have the id of %q", s.Name)
		}
		known[s.SpanContext.SpanID()] = s
	}
	roots := 0
	for _, s := range spans {
		switch above, ok := known[s.Parent.SpanID()]; {
		case !s.Parent.IsValid():
			roots++
			if s.Name != root {
				t.Errorf("the root is %q", s.Name)
			}
		case !ok:
			t.Errorf("nothing is above %q", s.Name)
		case s.Name == "item click" && above.Name != "envelope interactive":
			t.Errorf("a click hangs below %q", above.Name)
		case (s.Name == "aws iam:PutRolePolicy" || s.Name == "aws iam:DeleteRolePolicy") && above.Name != "item click":
			t.Errorf("the write hangs below %q", above.Name)
		}
	}
	if roots != 1 {
		t.Errorf("%d roots", roots)
	}
}

// Whatever opens a request, and under the seals of a real deployment: one trace, and no message
// that is in none.
func TestADrillAndAnUndoThatAButtonAskedForAreOneTraceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, into := drawn(t, bench.Options{})
		drill := b.AskFor(actors.Rosa, "drill prod/"+actors.DeployRole+" first Monday")
		drill.Approve(actors.Bob)
		drill.Becomes(approvals.StateRehearsed)
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		card.CaughtUp()
		for _, m := range b.Slack.Messages(actors.Incident) {
			if strings.Contains(string(m.Blocks), `"`+messages.ActionUndo+`"`) {
				if _, err := b.Slack.Click(t.Context(), actors.Rosa, slack.Click{
					ChannelID: actors.Incident, MessageTS: m.TS, ActionID: messages.ActionUndo,
				}); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		b.Until("a form opens", func() bool { return len(b.Slack.Views(actors.Rosa)) == 1 })
		if _, err := b.Slack.Submit(t.Context(), actors.Rosa, b.Slack.Views(actors.Rosa)[0].ID, map[string]map[string]any{
			messages.FieldWords: {"text": "revive old sessions"}, messages.FieldReason: {"text": "a test"},
		}); err != nil {
			t.Fatal(err)
		}
		b.Until("there is a card of the undo", func() bool { return len(b.Cards()) == 3 })
		undo := b.Cards()[2]
		undo.Approve(actors.Bob)
		undo.Becomes(approvals.StateApplied)
		card.CaughtUp()
		undo.CaughtUp()
		drill.CaughtUp()
		b.Stop(0)

		all := into.GetSpans()
		told := map[string]int{}
		for _, one := range []struct {
			card     bench.Card
			root     string
			contains []string
		}{
			{drill, "envelope slash_commands", []string{"item click", "item evidence", "item deliver", "aws sts:AssumeRole"}},
			{card, "envelope slash_commands", []string{"aws iam:PutRolePolicy", "item undone"}},
			{undo, "envelope interactive", []string{"item click", "aws iam:DeleteRolePolicy", "item deliver"}},
		} {
			spans := of(t, all, one.card.ID)
			wantOneTree(t, spans, one.root)
			for _, name := range one.contains {
				if count(spans, name) == 0 {
					t.Errorf("the trace that begins with %q has no %q", one.root, name)
				}
			}
			for _, s := range spans {
				if strings.HasPrefix(s.Name, "slack chat.") {
					told[s.Name]++
				}
			}
		}
		for _, c := range b.Slack.Calls("") {
			if name := "slack " + c.Method; strings.HasPrefix(c.Method, "chat.") {
				told[name]--
			}
		}
		for name, n := range told {
			if n != 0 {
				t.Errorf("%d calls %q are in no trace", -n, name)
			}
		}
	})
}

// wantNoForeignText looks for what no span may hold.
func wantNoForeignText(t *testing.T, spans tracetest.SpanStubs, request string) {
	t.Helper()
	for _, s := range spans {
		texts := []string{s.Name, s.Status.Description}
		for _, a := range s.Attributes {
			texts = append(texts, string(a.Key)+"="+a.Value.String())
		}
		for _, e := range s.Events {
			texts = append(texts, e.Name)
			for _, a := range e.Attributes {
				texts = append(texts, string(a.Key)+"="+a.Value.String())
			}
		}
		for _, text := range texts {
			for _, foreign := range []string{
				actors.DeployRole, "gist", actors.Rosa, actors.Bob, actors.Incident, actors.ProdID, "http", "xoxb", "envelope E",
			} {
				if strings.Contains(strings.ReplaceAll(text, request, ""), foreign) {
					t.Errorf("the span %q holds %q in %q", s.Name, foreign, text)
				}
			}
		}
	}
}

func TestWhatAButtonOpensIsATraceOfItsOwnThatLeadsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, into := drawn(t, bench.Options{ExpireAfter: time.Minute})
		card := b.Ask()
		time.Sleep(time.Minute)
		card.Becomes(approvals.StateExpired)
		for _, m := range b.Slack.Messages(actors.Incident) {
			if strings.Contains(string(m.Blocks), messages.ActionAgain) {
				_, err := b.Slack.Click(t.Context(), actors.Rosa, slack.Click{
					ChannelID: actors.Incident, MessageTS: m.TS, ActionID: messages.ActionAgain,
				})
				if err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		b.Until("there is another card", func() bool { return len(b.Cards()) == 2 })
		again := b.Cards()[1]
		again.CaughtUp()
		b.Stop(0)
		spans := into.GetSpans()
		first, second := of(t, spans, card.ID), of(t, spans, again.ID)
		if first[0].SpanContext.TraceID() == second[0].SpanContext.TraceID() {
			t.Fatal("two requests are one trace")
		}
		linked := false
		for _, s := range second {
			for _, l := range s.Links {
				linked = linked || s.Name == "envelope interactive" && !s.Parent.IsValid() &&
					l.SpanContext.TraceID() == first[0].SpanContext.TraceID()
			}
		}
		if !linked {
			t.Error("the second trace does not begin with the click, or does not lead to the first")
		}
	})
}

func TestAFailureIsMarkedAndWhatNobodyAskedForIsNotDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, into := drawn(t, bench.Options{})
		time.Sleep(10 * time.Minute) // connections, timers, sessions
		if spans := into.GetSpans(); len(spans) != 0 {
			t.Errorf("%d spans of a bot that nobody asks anything, the first %q", len(spans), spans[0].Name)
		}
		b.RedisAway(true)
		// it is refused
		_, _ = b.Slack.Command(t.Context(), actors.Rosa, actors.Incident, messages.Command, "prod/"+actors.DeployRole)
		b.Until("it is drawn", func() bool { return count(into.GetSpans(), "envelope slash_commands") == 1 })
		b.RedisAway(false)
		for _, s := range into.GetSpans() {
			if s.Name == "envelope slash_commands" &&
				(s.Status.Code != codes.Error || attribute(s, "revokebot.outcome") != "not_recorded") {
				t.Errorf("an envelope that was not recorded ended with %v", s.Attributes)
			}
		}
	})
}

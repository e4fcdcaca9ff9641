package bot

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// witness is a Watch that remembers what it was told.
type witness struct {
	mu   sync.Mutex
	said []string
	ages []time.Duration
}

type witnessed struct{}

func (w *witness) say(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
}

// count says how often something ended so, since it was asked last.
func (w *witness) count(outcomes ...string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, said := range w.said {
		if slices.Contains(outcomes, said[strings.LastIndex(said, " ")+1:]) {
			n++
		}
	}
	return n
}

// heard returns what was said since it was asked last.
func (w *witness) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

func (w *witness) Envelope(ctx context.Context, e Envelope) (context.Context, func(EnvelopeOutcome)) {
	return context.WithValue(ctx, witnessed{}, e.Item.Kind), func(o EnvelopeOutcome) {
		w.say(e.Kind + " " + e.Item.Kind + " " + string(o))
	}
}

func (w *witness) Acknowledged(_ context.Context, _ string, age time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ages = append(w.ages, age)
}

func (w *witness) Item(ctx context.Context, item approvals.Item) (context.Context, func(ItemOutcome)) {
	return ctx, func(o ItemOutcome) { w.say("item " + item.Kind + " " + string(o)) }
}

func (w *witness) SlackCall(_ context.Context, method string) func(CallOutcome) {
	return func(o CallOutcome) { w.say(method + " " + string(o)) }
}

func (w *witness) HeldBack(_ context.Context, method string) { w.say("held back " + method) }

func TestEveryRequestToSlackIsToldByItsMethodAndWhatBecameOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{AppToken: appToken, BotToken: botToken})
		var w witness
		c, err := newSlackClient(Config{
			AppToken: appToken, BotToken: botToken, SlackAPI: "http://localhost/api", HTTPClient: client, Watch: []Watch{&w},
		})
		if err != nil {
			t.Fatal(err)
		}
		card, err := c.Post(t.Context(), incident, "", deliver.Mark{Request: "R1"}, &messages.Message{Text: "the card"})
		if err != nil {
			t.Fatal(err)
		}
		want := func(what string, want ...string) {
			t.Helper()
			if got := w.heard(); !slices.Equal(got, want) {
				t.Errorf("%s: it is told %q, want %q", what, got, want)
			}
		}
		want("a message", "chat.postMessage ok")
		if err := c.Upload(t.Context(), incident, card, "", []deliver.Upload{list}); err != nil {
			t.Fatal(err)
		}
		want("a file", "files.getUploadURLExternal ok", "upload ok", "files.completeUploadExternal ok")
		for outcome, fault := range map[CallOutcome]slack.Fault{
			CallRateLimited: {RetryAfter: time.Second}, CallServerError: {Error: "x", HTTPStatus: 503},
			CallNoAnswer: {DropBefore: true},
			"token":      {Error: "invalid_auth"}, "no_person": {Error: "user_not_found"},
			CallRefused: {Error: "a_code_yet_to_be_made"}, "unsure": {Error: "internal_error"},
		} {
			fault.Method, fault.Times = "users.info", 1
			server.Inject(fault)
			_, _ = c.api.GetUserInfoContext(t.Context(), rosa)
			want(string(outcome), "users.info "+string(outcome))
		}
		server.Inject(slack.Fault{Method: "users.info", Times: 1, RetryAfter: time.Second, In200: true})
		_, _ = c.api.GetUserInfoContext(t.Context(), rosa)
		want("a limit in an answer with status 200", "users.info ratelimited")

		// A response URL is a credential, and leads to the same host here.
		_ = c.Whisper(t.Context(), handlers.Listener{
			User: rosa, Channel: incident, ResponseURL: "http://localhost/api/commands/secret",
		}, &messages.Message{Text: "x"})
		_ = c.Whisper(t.Context(), handlers.Listener{User: rosa, Channel: incident}, &messages.Message{Text: "x"})
		want("private replies", "response_url refused", "chat.postEphemeral ok")

		for range postBurst + 2 {
			_, err = c.Post(t.Context(), incident, card, deliver.Mark{Request: "R1", Seq: 1}, &messages.Message{Text: "x"})
		}
		if got := w.heard(); err == nil || !slices.Contains(got, "held back chat.postMessage") {
			t.Errorf("more messages than Slack takes: %q, %v", got, err)
		}
	})
}

func TestEveryEnvelopeIsToldWithWhatBecameOfItAndItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w witness
		answer := func() (bool, error) { return true, nil }
		l := newLine(t, 1, func(ctx context.Context, _ approvals.Item, _ ...string) (bool, error) {
			if kind := ctx.Value(witnessed{}); kind != handlers.KindCommand {
				t.Errorf("the store is asked in a context of %v", kind)
			}
			time.Sleep(100 * time.Millisecond)
			return answer()
		})
		l.intake.watch = watches{&w}
		for outcome, now := range map[string]func() (bool, error){
			"accepted": answer, "seen": func() (bool, error) { return false, nil },
			"busy":         func() (bool, error) { return false, approvals.ErrFull },
			"not_recorded": func() (bool, error) { return false, approvals.ErrNotRecorded },
		} {
			answer = now
			l.command()
			synctest.Wait()
			if got := w.heard(); !slices.Equal(got, []string{"slash_commands command " + outcome}) {
				t.Errorf("%s: it is told %q", outcome, got)
			}
		}
		for _, age := range w.ages {
			if age < 100*time.Millisecond || age > time.Second {
				t.Errorf("acknowledged after %v", age)
			}
		}
		if len(w.ages) != 4 {
			t.Errorf("%d acknowledgements", len(w.ages))
		}
		l.intake.take(t.Context(), frame{Type: "text from outside", EnvelopeID: "E1"},
			func(context.Context, string, any) error { return nil })
		l.intake.take(t.Context(), frame{Type: frameSlash, EnvelopeID: "E2", Payload: []byte(`"x"`)},
			func(context.Context, string, any) error { return nil })
		if got := w.heard(); !slices.Equal(got, []string{"other  unknown", "slash_commands  unreadable"}) {
			t.Errorf("what nobody can read: it is told %q", got)
		}
	})
}

// Several watch, and the last one's spans end first.
func TestSeveralMayWatch(t *testing.T) {
	var both witness
	w := watches{&both, &both}
	ctx, ended := w.item(t.Context(), approvals.Item{Kind: "x"})
	ended(ItemDone)
	_, closed := w.envelope(ctx, Envelope{Kind: frameSlash})
	closed(EnvelopeAccepted)
	if got := both.heard(); len(got) != 4 || got[0] != "item x done" || got[3] != "slash_commands  accepted" {
		t.Errorf("it is told %q", got)
	}
	var nobody watches
	_, ended = nobody.item(ctx, approvals.Item{})
	ended(ItemDone)
	nobody.slackCall(ctx, "x")(CallOK)
}

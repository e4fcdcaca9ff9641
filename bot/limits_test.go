package bot

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestHoweverSlackSaysTooMuchItIsKnownHowLongToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limited, done = `{"ok":false,"error":"ratelimited"}`, `{"ok":true,"ts":"1.1"}`
		for _, test := range []struct {
			status       int
			header, body string
			want         time.Duration // 0: it is not a limit
		}{
			{429, "7", limited, 7 * time.Second},
			{429, "", "", askedDefault},
			{429, "soon", "<html>", askedDefault},
			{429, "-1", "", askedDefault},
			{429, "0", "", time.Second},
			{429, "99999999999999999999", "", askedMost},
			{200, "7", limited, 7 * time.Second},
			{200, "", limited, askedDefault},
			{200, "", `{"error":"rate_limited","ok":false}`, askedDefault},
			{200, "7", done, 0}, // it happened, whatever the header says
			{200, "", `{"ok":true,"error":"ratelimited"}`, 0},
			{200, "", `{"ok":false,"error":"fatal_error"}`, 0},
			{200, "", `{"ok":true,"text":"` + strings.Repeat("ratelimited ", 1000) + `"}`, 0},
			{200, "7", `[]`, 0},
			{503, "7", limited, 0},
		} {
			next := roundTrip(func(r *http.Request) (*http.Response, error) {
				resp := &http.Response{
					StatusCode: test.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(test.body)), Request: r,
				}
				if test.header != "" {
					resp.Header.Set("Retry-After", test.header)
				}
				return resp, nil
			})
			resp, err := watched{next: next, method: MethodResponse}.RoundTrip(&http.Request{})
			if err != nil {
				t.Fatal(err)
			}
			status, wait := test.status, test.header
			if test.want > 0 {
				status, wait = 429, fmt.Sprint(int(test.want/time.Second))
			}
			if resp.StatusCode != status || resp.Header.Get("Retry-After") != wait {
				t.Errorf("%d %q %.40s: got %d, Retry-After %q", test.status, test.header, test.body, resp.StatusCode,
					resp.Header.Get("Retry-After"))
			}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != test.body {
				t.Errorf("%d %q: the body is %.40q after the look, %v", test.status, test.header, body, err)
			}
		}
	})
}

func TestAnAnswerThatBreaksOffStaysBroken(t *testing.T) {
	broken := errors.New("reset")
	next := roundTrip(func(r *http.Request) (*http.Response, error) {
		body := io.MultiReader(strings.NewReader(`{"ok":`), failing{broken})
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(body), Request: r}, nil
	})
	resp, err := watched{next: next, method: MethodResponse}.RoundTrip(&http.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != `{"ok":` || !errors.Is(err, broken) {
		t.Errorf("got %q, %v", body, err)
	}
}

// A limit that one message meets is not run into by the others.
func TestWhatSlackAsksToWaitHoldsForEveryEdit(t *testing.T) {
	for name, in200 := range map[string]bool{"a 429": false, "a 200": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, over := newSlack(t, slack.Config{})
				server.Inject(slack.Fault{Method: "chat.update", RetryAfter: 30 * time.Second, In200: in200, Times: 1})
				client := newClient(t, over)
				var posted []string
				for i := range 5 {
					ts, err := client.Post(t.Context(), incident, "", deliver.Mark{Request: fmt.Sprint("R", i)},
						&messages.Message{Text: "x"})
					if err != nil {
						t.Fatal(err)
					}
					posted = append(posted, ts)
				}
				edit := func(ts string) deliver.SlackError {
					err := client.Update(t.Context(), incident, ts, &messages.Message{Text: "y"})
					if err == nil {
						return deliver.SlackError{}
					}
					return slackKind(t, err)
				}
				for _, ts := range posted {
					if e := edit(ts); e.Kind != deliver.SlackPassing || e.RetryAfter != 30*time.Second {
						t.Errorf("got %+v", e)
					}
				}
				if n := len(server.Calls("chat.update")); n != 1 {
					t.Errorf("%d calls", n)
				}
				time.Sleep(30 * time.Second)
				for _, ts := range posted {
					if e := edit(ts); e != (deliver.SlackError{}) {
						t.Errorf("after the wait: %+v", e)
					}
				}
			})
		})
	}
}

func TestEditsStayBelowFiftyAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, over := newSlack(t, slack.Config{})
		client := newClient(t, over)
		ts, err := client.Post(t.Context(), incident, "", deliver.Mark{Request: "R1"}, &messages.Message{Text: "x"})
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			_ = client.Update(t.Context(), incident, ts, &messages.Message{Text: time.Now().String()})
		}
		if n := len(server.Calls("chat.update")); n < 40 || n > 50 {
			t.Errorf("%d edits in a minute", n)
		}
	})
}

package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func slackKind(t *testing.T, err error) deliver.SlackError {
	t.Helper()
	e, ok := errors.AsType[*deliver.SlackError](err)
	if !ok {
		t.Fatalf("%v is not an error of Slack", err)
	}
	return *e
}

func TestEveryErrorCodeOfSlackIsOfItsKind(t *testing.T) {
	codes := map[deliver.SlackErrorKind]string{
		deliver.SlackUnknown: "a_code_yet_to_be_made",
		deliver.SlackPassing: "service_unavailable team_added_to_org request_timeout message_limit_exceeded " +
			"external_channel_migrating",
		deliver.SlackUnsure: "internal_error fatal_error file_update_failed",
		deliver.SlackChannel: "channel_not_found not_in_channel is_archived restricted_action " +
			"restricted_action_read_only_channel " +
			"restricted_action_thread_only_channel restricted_action_non_threadable_channel restricted_action_thread_locked " +
			"ekm_access_denied team_access_not_granted",
		deliver.SlackContent: "invalid_blocks invalid_blocks_format msg_blocks_too_long msg_too_long no_text " +
			"too_many_attachments invalid_attachments " +
			"only_one_table_allowed invalid_arguments metadata_too_large invalid_metadata_format block_mismatch",
		deliver.SlackNoTarget: "message_not_found thread_not_found cant_update_message edit_window_closed is_inactive " +
			"cannot_reply_to_message",
		deliver.SlackNoPerson: "user_disabled user_not_found user_not_visible cannot_dm_bot messages_tab_disabled",
		deliver.SlackToken: "invalid_auth not_authed account_inactive token_revoked token_expired missing_scope " +
			"not_allowed_token_type no_permission " +
			"org_login_required app_access_restricted access_denied two_factor_setup_required user_removed_from_team " +
			"team_disabled " +
			"forbidden_team accesslimited enterprise_is_restricted",
		deliver.SlackNoFiles: "file_uploads_disabled file_uploads_except_images_disabled file_type_not_allowed " +
			"file_upload_size_restricted " +
			"storage_limit_reached alt_txt_too_large missing_argument posting_to_channel_denied",
	}
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{})
		tried := 0
		for kind, list := range codes {
			for _, code := range strings.Fields(list) {
				server.Inject(slack.Fault{Method: "chat.update", Error: code, Times: 1})
				c := newClient(t, client) // one that was not told to wait yet
				err := c.Update(t.Context(), incident, "1.1", &messages.Message{Text: "x"})
				if e := slackKind(t, err); e.Kind != kind || e.Code != code || err.Error() != "chat.update: "+code {
					t.Errorf("%s is of kind %q, want %q: %v", code, e.Kind, kind, err)
				}
				tried++
			}
		}
		if tried != len(kinds)+1 {
			t.Errorf("%d codes were tried, %d are known", tried, len(kinds))
		}
	})
}

func TestWhatIsNotAnErrorCodeIsSortedByWhetherItMayHaveHappened(t *testing.T) {
	answer := func(status int, header, body string) *http.Client {
		return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			resp := &http.Response{
				StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
			}
			if header != "" {
				resp.Header.Set("Retry-After", header)
			}
			return resp, nil
		})}
	}
	tests := map[string]struct {
		client *http.Client
		fault  slack.Fault // when there is no client
		want   deliver.SlackError
	}{
		"429": {
			fault: slack.Fault{
				RetryAfter: 7 * time.Second,
			}, want: deliver.SlackError{Kind: deliver.SlackPassing, Code: "ratelimited", RetryAfter: 7 * time.Second},
		},
		"429 without a time": {
			client: answer(429, "", ""), want: deliver.SlackError{
				Kind: deliver.SlackPassing, Code: "ratelimited", RetryAfter: askedDefault,
			},
		},
		"a 200 that says ratelimited": {
			fault: slack.Fault{
				RetryAfter: 7 * time.Second, In200: true,
			}, want: deliver.SlackError{Kind: deliver.SlackPassing, Code: "ratelimited", RetryAfter: 7 * time.Second},
		},
		"500": {
			fault: slack.Fault{HTTPStatus: 500}, want: deliver.SlackError{Kind: deliver.SlackUnsure, Code: "500"},
		},
		"503": {
			fault: slack.Fault{HTTPStatus: 503}, want: deliver.SlackError{Kind: deliver.SlackUnsure, Code: "503"},
		},
		"a page of a proxy": {client: answer(200, "", "<html>"), want: deliver.SlackError{Kind: deliver.SlackUnsure}},
		"an empty answer":   {client: answer(200, "", "{}"), want: deliver.SlackError{Kind: deliver.SlackUnsure}},
		"not ok without a reason": {
			client: answer(200, "", `{"ok":false}`), want: deliver.SlackError{Kind: deliver.SlackUnsure},
		},
		"ok, and nothing else": {
			client: answer(200, "", `{"ok":true}`), want: deliver.SlackError{Kind: deliver.SlackUnsure},
		},
		"cut before": {fault: slack.Fault{DropBefore: true}, want: deliver.SlackError{Kind: deliver.SlackUnsure}},
		"cut after":  {fault: slack.Fault{DropAfter: true}, want: deliver.SlackError{Kind: deliver.SlackUnsure}},
		"no answer":  {fault: slack.Fault{Delay: time.Hour}, want: deliver.SlackError{Kind: deliver.SlackUnsure}},
		"connection refused": {
			client: &http.Client{Transport: &http.Transport{DialContext: refuse}},
			want:   deliver.SlackError{Kind: deliver.SlackPassing},
		},
		"no such host": {
			client: &http.Client{Transport: &http.Transport{DialContext: unknownHost}},
			want:   deliver.SlackError{Kind: deliver.SlackPassing},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := test.client
				if client == nil {
					server, over := newSlack(t, slack.Config{})
					client = over
					test.fault.Method = "chat.postMessage"
					server.Inject(test.fault)
				}
				started := time.Now()
				_, err := newClient(t, client).Post(t.Context(), incident, "", deliver.Mark{Request: "R1"},
					&messages.Message{Text: "x"})
				got := slackKind(t, err)
				got.Err = nil
				test.want.Method = "chat.postMessage"
				if got != test.want {
					t.Errorf("got %+v (%v), want %+v", got, err, test.want)
				}
				if strings.Contains(err.Error(), "xoxb-") {
					t.Errorf("the error holds the token: %v", err)
				}
				if took := time.Since(started); took > callTimeout {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAPersonIsWhatSlackSaysNow(t *testing.T) {
	for name, test := range map[string]struct {
		user string // of users.info
		want approvals.Standing
	}{
		"a member":               {`{"id":"U1","team_id":"T0"}`, approvals.FullMember},
		"a guest":                {`{"id":"U1","team_id":"T0","is_restricted":true}`, approvals.Guest},
		"a single-channel guest": {`{"id":"U1","team_id":"T0","is_ultra_restricted":true}`, approvals.Guest},
		"deactivated":            {`{"id":"U1","team_id":"T0","deleted":true}`, approvals.Deactivated},
		"a bot":                  {`{"id":"U1","team_id":"T0","is_bot":true}`, approvals.Bot},
		"an app":                 {`{"id":"U1","team_id":"T0","is_app_user":true}`, approvals.Bot},
		"a workflow":             {`{"id":"U1","team_id":"T0","is_workflow_bot":true}`, approvals.Bot},
		"a connector":            {`{"id":"U1","team_id":"T0","is_connector_bot":true}`, approvals.Bot},
		"a stranger":             {`{"id":"U1","team_id":"T9","is_stranger":true}`, approvals.Outsider},
		"of a shared channel":    {`{"id":"U1","team_id":"T9"}`, approvals.Outsider},
		"of another organisation": {
			`{"id":"U1","team_id":"T9","enterprise_user":{"enterprise_id":"E9"}}`, approvals.Outsider,
		},
		"of the same organisation": {
			`{"id":"U1","team_id":"T9","enterprise_user":{"enterprise_id":"E0"}}`, approvals.FullMember,
		},
		"somebody else":                   {`{"id":"U2","team_id":"T0"}`, approvals.StandingUnknown},
		"without a workspace":             {`{"id":"U1"}`, approvals.StandingUnknown},
		"nobody, in an answer of nothing": {`null`, approvals.StandingUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, serve(t, answers(map[string]string{
					"auth.test":  `{"ok":true,"team_id":"T0","enterprise_id":"E0","url":"https://acme.slack.com/"}`,
					"users.info": `{"ok":true,"user":` + test.user + `}`,
				})))
				p, err := c.Person(t.Context(), "U1") // finds out first where it is at home
				if err != nil {
					t.Fatal(err)
				}
				if got := p.Standing(c.Home()); got != test.want {
					t.Errorf("%+v is a %s, want %s", p, got, test.want)
				}
			})
		})
	}
}

// answers serves fixed bodies of the Web API.
func answers(bodies map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, bodies[strings.TrimPrefix(r.URL.Path, "/api/")])
	})
}

func TestSlackbotIsABotAndAnUnknownPersonIsNobodyAndAFailedLookUpIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{})
		server.PutUser(slack.User{ID: slackbot, Name: "slackbot"})
		c := newClient(t, client)
		if p, err := c.Person(t.Context(), slackbot); err != nil || p.Standing(c.Home()) != approvals.Bot {
			t.Errorf("Slackbot is %+v, %v", p, err)
		}
		if p, err := c.Person(t.Context(), "U0NOBODY"); err != nil || p != (approvals.Person{}) {
			t.Errorf("an unknown person is %+v, %v", p, err)
		}
		server.Inject(slack.Fault{Method: "users.info", HTTPStatus: 500, Times: 1})
		if p, err := c.Person(t.Context(), rosa); err == nil || p != (approvals.Person{}) {
			t.Errorf("a failed look-up is %+v, %v", p, err)
		}
		server.PutGroup(slack.Group{ID: "S1", Members: []string{rosa}})
		server.PutGroup(slack.Group{ID: "S2"})
		server.PutGroup(slack.Group{ID: "S3", Members: []string{rosa}, Disabled: true})
		if m, err := c.GroupMembers(t.Context(), "S1"); err != nil || !slices.Equal(m, []string{rosa}) {
			t.Errorf("a group: %v, %v", m, err)
		}
		if m, err := c.GroupMembers(t.Context(), "S2"); err != nil || len(m) != 0 {
			t.Errorf("an empty group: %v, %v", m, err)
		}
		for _, group := range []string{"S3", "S9"} {
			if m, err := c.GroupMembers(t.Context(), group); err == nil {
				t.Errorf("group %s: %v", group, m)
			}
		}
	})
}

func TestAMembershipThatWasNotAnsweredIsNotAnEmptyGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(
			t, serve(t, answers(map[string]string{"usergroups.users.list": `{"ok":true}`, "auth.test": `{"ok":true}`})))
		if m, err := c.GroupMembers(t.Context(), "S1"); err == nil {
			t.Errorf("members %v", m)
		}
		if err := c.identify(t.Context()); err == nil || c.identified() {
			t.Error("the bot is at home in a workspace without a name")
		}
	})
}

func TestAMessageIsFoundByItsMarkOverSeveralPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{})
		c := newClient(t, client)
		start := time.Now()
		chatter := func(thread string, n int) {
			t.Helper()
			for i := range n {
				if _, err := server.Post(rosa, incident, thread, fmt.Sprint("chatter ", i)); err != nil {
					t.Fatal(err)
				}
			}
		}
		post := func(thread string, mark deliver.Mark) string {
			t.Helper()
			time.Sleep(2 * time.Second)
			ts, err := c.Post(t.Context(), incident, thread, mark, &messages.Message{Text: "told"})
			if err != nil {
				t.Fatal(err)
			}
			return ts
		}
		card := post("", deliver.Mark{Request: "R1"})
		other := post("", deliver.Mark{Request: "R2"})
		chatter("", 450)
		chatter(card, 450)
		fifth := post(card, deliver.Mark{Request: "R1", Seq: 5})
		chatter(card, 50)
		for _, test := range []struct {
			thread string
			mark   deliver.Mark
			want   string
		}{
			{"", deliver.Mark{Request: "R1"}, card},
			{"", deliver.Mark{Request: "R2"}, other},
			{"", deliver.Mark{Request: "R3"}, ""},
			{"", deliver.Mark{Request: "R1", Seq: 5}, ""},
			{card, deliver.Mark{Request: "R1", Seq: 5}, fifth},
			{card, deliver.Mark{Request: "R1", Seq: 6}, ""},
			{card, deliver.Mark{Request: "R2", Seq: 5}, ""},
		} {
			if ts, err := c.Find(t.Context(), incident, test.thread, test.mark, start); err != nil || ts != test.want {
				t.Errorf("%+v in %q: found %q, %v, want %q", test.mark, test.thread, ts, err, test.want)
			}
		}
		if n := len(server.Calls("conversations.replies")); n < 6 {
			t.Errorf("%d calls for pages of a thread", n)
		}
		for _, method := range []string{"conversations.replies", "conversations.history"} {
			server.Inject(slack.Fault{Method: method, Error: "missing_scope"})
		}
		for _, thread := range []string{"", card} {
			if _, err := c.Find(t.Context(), incident, thread, deliver.Mark{Request: "R1"}, start); slackKind(t,
				err).Kind != deliver.SlackToken {
				t.Errorf("without the scope: %v", err)
			}
		}
	})
}

func TestAWhisperGoesByTheResponseURLWhileItIsGoodAndElseByTheWebAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var body handlers.Command
		l := newLine(t, 1, func(_ context.Context, item approvals.Item, _ ...string) (bool, error) {
			return true, json.Unmarshal(item.Body, &body)
		})
		l.command()
		to := handlers.Listener{User: rosa, Channel: incident, ResponseURL: body.ResponseURL}
		whispers := func() (n int) {
			for _, m := range l.Messages(incident) {
				if m.VisibleTo == rosa {
					n++
				}
			}
			return n
		}
		say := func(wantByURL bool) {
			t.Helper()
			before, posts := whispers(), len(l.Calls("chat.postEphemeral"))
			if err := l.client.Whisper(t.Context(), to, &messages.Message{Text: "only you"}); err != nil {
				t.Fatal(err)
			}
			if byURL := len(l.Calls("chat.postEphemeral")) == posts; byURL != wantByURL || whispers() != before+1 {
				t.Errorf("by the response URL: %v, %d messages", byURL, whispers()-before)
			}
		}
		say(true)
		l.Inject(slack.Fault{Method: "response_url", HTTPStatus: 500, Times: 1})
		say(false)
		say(true)
		time.Sleep(31 * time.Minute)
		say(false) // it has expired
		l.Inject(slack.Fault{Method: "chat.postEphemeral", Error: "user_not_in_channel"})
		err := l.client.Whisper(t.Context(), to, &messages.Message{Text: "only you"})
		if e := slackKind(t, err); e.Code != "user_not_in_channel" || strings.Contains(err.Error(), "/commands/") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAResponseURLOfAnotherHostIsNeverCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client := newSlack(t, slack.Config{})
		var mu sync.Mutex
		called := map[string]bool{}
		c := newClient(t, &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			called[r.URL.Scheme+"://"+r.URL.Host] = true
			mu.Unlock()
			return client.Transport.RoundTrip(r)
		})})
		for _, address := range []string{
			"https://evil.example/commands/1", "https://hooks.slack.com.evil.example/1",
			"https://hooks.slack.com@evil.example/1",
			"http://hooks.slack.com/1", "https://localhost/1", "//evil.example/1", "ftp://localhost/1",
			"http://localhost.evil/1",
			"http://localhost@evil.example/1", "http://evil.example#localhost", "localhost", "http:localhost",
			"%zz", "javascript:alert(1)", "http://localhost:8080/1", "http://localhost:443/1", "https://hooks.slack.com:8443/1",
		} {
			if err := c.Whisper(t.Context(), handlers.Listener{User: rosa, Channel: incident, ResponseURL: address},
				&messages.Message{Text: "x"}); err != nil {
				t.Errorf("%s: %v", address, err)
			}
		}
		if want := map[string]bool{"http://localhost": true}; !cmp.Equal(called, want) {
			t.Errorf("called %v", called)
		}
		for address, want := range map[string]bool{
			"https://hooks.slack.com/commands/1": true, "https://hooks.slack-gov.com/actions/1": true,
			"http://localhost/commands/1": true,
		} {
			if c.trusts(address) != want {
				t.Errorf("%s is not trusted", address)
			}
		}
	})
}

func TestALinkIsInTheWorkspaceAndEmptyWhileThatIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client := newSlack(t, slack.Config{Domain: "acme"})
		c := newClient(t, client)
		if link := c.Link(incident, "1.1"); link != "" {
			t.Errorf("before anything is known: %q", link)
		}
		if home := c.Home(); home != (approvals.Place{}) {
			t.Errorf("home is %+v", home)
		}
		if err := c.identify(t.Context()); err != nil {
			t.Fatal(err)
		}
		if link := c.Link(incident, "1700000000.000100"); link != "https://acme.slack.com/archives/C0INCIDENT/"+
			"p1700000000000100" {
			t.Errorf("link %q", link)
		}
		if link := c.Link(incident, ""); link != "" {
			t.Errorf("of no message: %q", link)
		}
	})
}

func TestTheAddressOfTheWebAPIIsTakenWithAndWithoutItsLastSlashAndNothingElseIs(t *testing.T) {
	for address, want := range map[string]string{
		"": "https://slack.com/api/", "https://slack-gov.com/api": "https://slack-gov.com/api/",
		"http://127.0.0.1:8081/api/": "http://127.0.0.1:8081/api/",
		"slack.com/api":              "", "ftp://slack.com/api": "", "https://": "", "%zz": "", "https:///api": "",
	} {
		c, err := newSlackClient(Config{SlackAPI: address})
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is taken for %s", address, c.base)
		case want != "" && (err != nil || c.base.String() != want):
			t.Errorf("%q: %v, want %s", address, err, want)
		}
	}
}

package bot

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/timeline"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// withCard posts a card, the root of a thread.
func withCard(t *testing.T, cfg slack.Config) (*slack.Server, *slackClient, string) {
	t.Helper()
	server, client := newSlack(t, cfg)
	c := newClient(t, client)
	card, err := c.Post(t.Context(), incident, "", deliver.Mark{Request: "R1"}, &messages.Message{Text: "the card"})
	if err != nil {
		t.Fatal(err)
	}
	return server, c, card
}

var list = deliver.Upload{Name: "sessions-R1-7.csv", Title: "All sessions", Content: []byte("a,b\n1,2\n")}

func TestAFileIsInTheThreadAndIsFoundByItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		server, c, card := withCard(t, slack.Config{})
		picture := deliver.Upload{
			Name: "picture-R1-7.png", Title: "The sessions over time", AltText: strings.Repeat("ü", timeline.MaxAltText),
			Content: []byte("PNG"),
		}
		for _, f := range []deliver.Upload{list, picture} {
			if found, err := c.FindFile(t.Context(), incident, card, f.Name, start); err != nil || found {
				t.Errorf("%s before it was uploaded: %v, %v", f.Name, found, err)
			}
			if err := c.Upload(t.Context(), incident, card, "two words", []deliver.Upload{f}); err != nil {
				t.Fatal(err)
			}
			if found, err := c.FindFile(t.Context(), incident, card, f.Name, start); err != nil || !found {
				t.Errorf("%s: %v, %v", f.Name, found, err)
			}
		}
		got := server.Messages(incident)
		if len(got) != 3 || got[1].ThreadTS != card || len(got[1].Files) != 1 || len(got[2].Files) != 1 {
			t.Fatalf("messages %+v", got)
		}
		content, _ := server.FileContent(got[1].Files[0].ID)
		if f := got[1].Files[0]; f.Name != list.Name || f.Title != list.Title || string(content) != string(list.Content) {
			t.Errorf("%+v: %q", f, content)
		}
		if f := got[2].Files[0]; f.AltText != picture.AltText || f.MimeType != "image/png" {
			t.Errorf("%+v", f)
		}
	})
}

// Who can write in the channel cannot keep a file away by uploading one of its name: only the bot's
// own counts. The stand-in's people upload no files, so the answer is made here.
func TestAFileOfSomebodyElseIsNotTheBots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := func(user, name string) string {
			return `{"ok":true,"messages":[{"type":"message","ts":"1.1","user":"` + user + `","files":[{"id":"F1","name":"` +
				name + `"}]}]}`
		}
		for body, want := range map[string]bool{
			answer("U0BOT", "sessions-R1-7.csv"): true, answer("U0MALLORY", "sessions-R1-7.csv"): false,
			answer("U0BOT", "sessions-R1-8.csv"): false,
		} {
			c := newClient(t, serve(t, answers(map[string]string{
				"auth.test": `{"ok":true,"team_id":"T0","user_id":"U0BOT"}`, "conversations.replies": body,
			})))
			if found, err := c.FindFile(t.Context(), incident, "1.1", "sessions-R1-7.csv", time.Now()); err != nil ||
				found != want {
				t.Errorf("%s: %v, %v", body, found, err)
			}
		}
	})
}

func TestAnUploadThatFailedIsSortedByWhetherTheFileMayBeInTheThread(t *testing.T) {
	get, upload, share := "files.getUploadURLExternal", "upload", "files.completeUploadExternal"
	tests := map[string]struct {
		fault slack.Fault
		want  deliver.SlackErrorKind
		code  string
		there bool
	}{
		"no scope": {
			slack.Fault{Method: get, Error: "missing_scope"}, deliver.SlackNoFiles, "missing_scope", false,
		},
		"no files in this workspace": {
			slack.Fault{Method: get, Error: "file_uploads_disabled"}, deliver.SlackNoFiles, "file_uploads_disabled", false,
		},
		"a refusal nobody has heard of": {
			slack.Fault{Method: get, Error: "full_moon"}, deliver.SlackNoFiles, "full_moon", false,
		},
		"too fast": {
			slack.Fault{Method: get, RetryAfter: 3 * time.Second}, deliver.SlackPassing, "ratelimited", false,
		},
		"a wrong token": {
			slack.Fault{Method: get, Error: "token_revoked"}, deliver.SlackToken, "token_revoked", false,
		},
		"no answer to the first call":   {slack.Fault{Method: get, DropAfter: true}, deliver.SlackPassing, "", false},
		"trouble before the bytes":      {slack.Fault{Method: get, HTTPStatus: 503}, deliver.SlackPassing, "503", false},
		"the bytes did not arrive":      {slack.Fault{Method: upload, DropBefore: true}, deliver.SlackPassing, "", false},
		"the bytes arrived, unanswered": {slack.Fault{Method: upload, DropAfter: true}, deliver.SlackPassing, "", false},
		"the bytes are refused": {
			slack.Fault{Method: upload, HTTPStatus: 500}, deliver.SlackPassing, "500", false,
		},
		"the file is not there any more": {
			slack.Fault{Method: share, Error: "file_not_found"}, deliver.SlackPassing, "file_not_found", false,
		},
		"it may not be shared here": {
			slack.Fault{Method: share, Error: "posting_to_channel_denied"},
			deliver.SlackNoFiles,
			"posting_to_channel_denied", false,
		},
		"the thread is gone": {
			slack.Fault{Method: share, Error: "thread_not_found"}, deliver.SlackNoTarget, "thread_not_found", false,
		},
		"the channel is gone": {
			slack.Fault{Method: share, Error: "is_archived"}, deliver.SlackChannel, "is_archived", false,
		},
		"it is not shared, unanswered":    {slack.Fault{Method: share, DropBefore: true}, deliver.SlackUnsure, "", false},
		"it is shared, unanswered":        {slack.Fault{Method: share, DropAfter: true}, deliver.SlackUnsure, "", true},
		"it is shared, says a bad answer": {slack.Fault{Method: share, HTTPStatus: 502}, deliver.SlackUnsure, "502", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, c, card := withCard(t, slack.Config{})
				test.fault.Times = 1
				server.Inject(test.fault)
				err := c.Upload(t.Context(), incident, card, "", []deliver.Upload{list})
				if e := slackKind(t, err); e.Kind != test.want || e.Code != test.code {
					t.Errorf("kind %q, code %q, want %q and %q: %v", e.Kind, e.Code, test.want, test.code, err)
				}
				if strings.Contains(err.Error(), "/upload/") || strings.Contains(err.Error(), "xoxb-") {
					t.Errorf("the error holds a credential: %v", err)
				}
				if found, err := c.FindFile(t.Context(), incident, card, list.Name, time.Now()); err != nil || found != test.there {
					t.Errorf("it is there: %v, %v", found, err)
				}
				if test.there {
					return
				}
				if err := c.Upload(t.Context(), incident, card, "", []deliver.Upload{list}); err != nil {
					t.Errorf("the next try: %v", err)
				}
			})
		})
	}
}

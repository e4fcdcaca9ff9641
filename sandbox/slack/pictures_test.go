package slack_test

import (
	"fmt"
	"mime/multipart"
	"strconv"
	"strings"
	"testing"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/sandbox/slack"
)

const onePixel = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

func (r *rig) uploads(name, content, alt string) string {
	r.t.Helper()
	f, err := r.api.UploadFileContext(r.t.Context(), slackgo.UploadFileParameters{
		Filename: name, Content: content, FileSize: len(content), AltTxt: alt,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return f.ID
}

// sends uploads the bytes of a file and shares it with nobody yet.
func (r *rig) sends(name, content string) string {
	r.t.Helper()
	announced := r.must("files.getUploadURLExternal", "filename", name, "length", strconv.Itoa(len(content)))
	resp, err := r.http.Post(announced["upload_url"].(string), "application/octet-stream", strings.NewReader(content))
	if err != nil {
		r.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return announced["file_id"].(string)
}

func TestAPictureIsShownOnlyFromAFileThatIsOne(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		picture, text := r.uploads("timeline.png", onePixel, "Sessions over time"), r.uploads("events.csv", "a,b\n", "")
		blocks := func(file string) string {
			return `[{"type":"image","block_id":"p","alt_text":"Sessions over time","slack_file":` + file + `}]`
		}
		ts := r.must("chat.postMessage", "channel", incident, "text", "x",
			"blocks", blocks(`{"id":"`+picture+`"}`))["ts"].(string)
		r.must("chat.update", "channel", incident, "ts", ts, "text", "y", "blocks", blocks(`{"id":"`+picture+`"}`))
		for name, file := range map[string]string{
			"an unknown file": `{"id":"F0NONE"}`, "a text": `{"id":"` + text + `"}`,
			"an address": `{"url":"https://files.example/x.png"}`,
			"neither":    `{}`, "both": `{"id":"` + picture + `","url":"https://files.example/x.png"}`,
		} {
			for method, args := range map[string][]string{
				"chat.postMessage":   {"channel", incident},
				"chat.update":        {"channel", incident, "ts", ts},
				"chat.postEphemeral": {"channel", incident, "user", "U0BOB"},
			} {
				body := r.refused("invalid_blocks", method, append(args, "text", "x", "blocks", blocks(file))...)
				if !strings.Contains(fmt.Sprint(body), "/blocks/0/slack_file") {
					t.Errorf("%s, %s: %v", method, name, body)
				}
			}
			r.refused("invalid_arguments", "views.publish", "user_id", "U0BOB", "view",
				`{"type":"home","blocks":`+blocks(file)+`}`)
		}
	})
}

func TestFilesHaveSlacksLimitsAndAreSharedOnce(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.refused("alt_txt_too_large", "files.getUploadURLExternal", "filename", "x.png", "length", "1",
			"alt_txt", strings.Repeat("é", 1001))
		r.must("files.getUploadURLExternal", "filename", "x.png", "length", "1", "alt_txt", strings.Repeat("é", 1000))
		r.refused("snippet_too_large", "files.getUploadURLExternal", "filename", "x.md", "length", "1048577", "snippet_type",
			"markdown")
		r.must("files.getUploadURLExternal", "filename", "x.md", "length", "1048577")

		root := r.card(incident)
		a, b := r.sends("report.md", "# Incident\n"), r.sends("events.csv", "a,b\n")
		twice := `[{"id":"` + a + `"},{"id":"` + a + `"}]`
		r.refused("file_not_found", "files.completeUploadExternal", "files", twice, "channel_id", incident)
		both := `[{"id":"` + a + `","title":"Report"},{"id":"` + b + `"}]`
		r.must("files.completeUploadExternal", "files", both, "channel_id", incident, "thread_ts", root, "initial_comment",
			"Two files")
		r.refused("file_not_found", "files.completeUploadExternal", "files", both, "channel_id", incident)
		all := r.Messages(incident)
		m := all[len(all)-1]
		if m.ThreadTS != root || m.Text != "Two files" || len(m.Files) != 2 || m.Files[0].Title != "Report" ||
			m.Files[1].Title != "events.csv" {
			t.Errorf("got %+v", m)
		}
		if f, content, ok := r.File(a); !ok || f.Name != "report.md" || f.Title != "Report" ||
			string(content) != "# Incident\n" {
			t.Errorf("got %+v %q %t", f, content, ok)
		}
		replies, _, _, err := r.api.GetConversationRepliesContext(t.Context(),
			&slackgo.GetConversationRepliesParameters{ChannelID: incident, Timestamp: root})
		if err != nil || len(replies) != 2 || len(replies[1].Files) != 2 || replies[1].Files[0].Filetype != "md" ||
			replies[1].Files[1].Mode != "hosted" {
			t.Errorf("got %+v, %v", replies, err)
		}
	})
}

func TestAnUploadIsOnePartWhateverItsName(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		for name, c := range map[string]struct {
			parts  []string
			status int
		}{
			"named file": {[]string{"file"}, 200}, "named body": {[]string{"body"}, 200},
			"two parts": {[]string{"file", "more"}, 400}, "none": {nil, 400},
		} {
			address := r.must("files.getUploadURLExternal", "filename", "x.txt", "length", "3")["upload_url"].(string)
			var body strings.Builder
			form := multipart.NewWriter(&body)
			for _, part := range c.parts {
				w, err := form.CreateFormFile(part, "x.txt")
				if err != nil {
					t.Fatal(err)
				}
				_, _ = w.Write([]byte("abc"))
			}
			_ = form.Close()
			resp, err := r.http.Post(address, form.FormDataContentType(), strings.NewReader(body.String()))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != c.status {
				t.Errorf("%s: %s", name, resp.Status)
			}
		}
	})
}

func TestACallMayNameItsWorkspaceAndNoOther(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.must("chat.postMessage", "channel", incident, "text", "x", "team_id", "T0SANDBOX")
		r.refused("team_not_found", "chat.postMessage", "channel", incident, "text", "x", "team_id", "T0OTHER")
	})
}

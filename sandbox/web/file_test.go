package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/sandbox/actors"
)

// get returns the answer to a GET of the page, and its body.
func (b *bench) get(path string) (*http.Response, string) {
	b.t.Helper()
	resp, err := b.client.Get("http://page" + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(raw)
}

const png = "\x89PNG\r\n\x1a\nrest"

func TestAFileRunsNothingWhateverIsInIt(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct{ file, content, kind, disposition string }{
		"a picture":           {"timeline.png", png, "image/png", "inline; filename=timeline.png"},
		"a picture, misnamed": {"x.html", png, "image/png", "inline; filename=x.html"},
		"a table": {
			"events.csv", "a,b\n<script>alert(1)</script>,2\n", "text/plain; charset=utf-8", "inline; filename=events.csv",
		},
		"lines of JSON": {
			"events.jsonl", `{"a":"<script>"}`, "text/plain; charset=utf-8", "inline; filename=events.jsonl",
		},
		"a report": {"report.md", "# x", "text/plain; charset=utf-8", "inline; filename=report.md"},
		"a page": {
			"x.html", "<html><script>alert(1)</script>", "application/octet-stream", "attachment; filename=x.html",
		},
		"a drawing": {
			"x.svg", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "application/octet-stream",
			"attachment; filename=x.svg",
		},
		"a table that is none":  {"x.csv", "a\xff\x00", "application/octet-stream", "attachment; filename=x.csv"},
		"a name that is a path": {"../../x\r\nSet-Cookie: a=b", "abc", "application/octet-stream", "attachment"},
	} {
		resp, body := b.get("/files/" + b.upload(c.file, c.content))
		h := resp.Header
		if h.Get("Content-Type") != c.kind || !strings.HasPrefix(h.Get("Content-Disposition"), c.disposition) ||
			body != c.content {
			t.Errorf("%s: %q %q %q", name, h.Get("Content-Type"), h.Get("Content-Disposition"), body)
		}
		if h.Get("Content-Security-Policy") != "default-src 'none'; sandbox; frame-ancestors 'none'" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", name, h)
		}
	}
	if resp, _ := b.get("/files/" + b.upload("events.csv", "a,b\n") + "?download"); resp.Header.Get(
		"Content-Disposition") != "attachment; filename=events.csv" {
		t.Errorf("a download: %v", resp.Header)
	}
	for _, path := range []string{"/files/F0NONE", "/files/F0NONE/view"} {
		if resp, _ := b.get(path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestATextHasAPageThatShowsItAsWhatItIs(t *testing.T) {
	b := newBench(t)
	long := "n\n" + strings.Repeat("1\n", 2500)
	for name, c := range map[string]struct{ file, content, want string }{
		"a table": {
			"events.csv", "Time,Who\n10:01,\"<b>a, b\"\n",
			`<thead><tr><th scope="col">Time</th><th scope="col">Who</th></tr></thead><tbody><tr><td><div>10:01</div></` +
				`td><td><div>&lt;b&gt;a, b</div></td></tr></tbody>`,
		},
		"no table":     {"events.csv", `a "quote",x` + "\n\"", "<pre>a &#34;quote&#34;,x"},
		"a long table": {"events.csv", long, "The download has all of it"},
		"Markdown": {
			"report.md", "# Incident\n\n| Time | Call |\n|---|---|\n| 10:01 | `ListRoles` |\n\n<script>alert(1)</script>",
			`<div class="bk-heading bk-heading-1">Incident</div>`,
		},
		"Markdown's table": {"report.md", "| a |\n|---|\n", `<tr><th scope="col">a</th></tr>`},
		"foreign Markdown": {"report.md", "<script>alert(1)</script> [x](javascript:alert(1))", "&lt;script&gt;"},
		"lines of JSON":    {"events.jsonl", `{"a":"<script>"}`, `<pre>{&#34;a&#34;:&#34;&lt;script&gt;&#34;}</pre>`},
	} {
		resp, body := b.get("/files/" + b.upload(c.file, c.content) + "/view")
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, c.want) || strings.Contains(body, "<script>alert") ||
			strings.Contains(body, `href="javascript`) {
			t.Errorf("%s: %s\n%s", name, resp.Status, body)
		}
		if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") {
			t.Errorf("%s: %s", name, policy)
		}
	}
	resp, body := b.get("/files/" + b.upload("timeline.png", png) + "/view")
	if resp.Request.URL.Path == "" || body != png {
		t.Errorf("a picture is shown as itself: %s %q", resp.Request.URL, body)
	}
}

func TestFilesOfAThreadAreTilesAndPictures(t *testing.T) {
	b := newBench(t)
	b.call("chat.postMessage", card)
	all := b.slack.Messages(actors.Incident)
	root := all[len(all)-1].TS
	picture, table, other := b.upload("timeline.png", png), b.upload("events.csv", strings.Repeat("x", 1500)),
		b.upload("dump.bin", "\x00")
	b.call("files.completeUploadExternal",
		fmt.Sprintf(`{"channel_id":"C0INCIDENT","thread_ts":%q,"files":[{"id":%q,"title":"Timeline"},{"id":%q,"title":"All `+
			`<events>"},{"id":%q}]}`, root, picture, table, other))
	b.call("chat.postMessage", fmt.Sprintf(`{"channel":"C0INCIDENT","thread_ts":%q,"text":"x","blocks":[{"type":"image",`+
		`"alt_text":"Sessions","slack_file":{"id":%q}}]}`, root, picture))
	ctx := t.Context()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://page/events?as=U0ROSA&channel=C0INCIDENT", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var first strings.Builder
	for buffer := make([]byte, 1); !strings.HasSuffix(first.String(), "\n\n"); {
		if _, err := resp.Body.Read(buffer); err != nil {
			t.Fatal(err)
		}
		first.Write(buffer)
	}
	_, data, _ := strings.Cut(first.String(), "data: ")
	var sync struct{ Items []struct{ HTML string } }
	if err := json.Unmarshal([]byte(data), &sync); err != nil || len(sync.Items) != 4 {
		t.Fatalf("%v: %s", err, first.String())
	}
	files, block := sync.Items[2].HTML, sync.Items[3].HTML
	for _, want := range []string{
		`<img class="file-picture" src="/files/` + picture + `" alt="timeline.png"`, "PNG · 12\u00a0bytes",
		`href="/files/` + table + `/view"`, `href="/files/` + table + `?download"`, "All &lt;events&gt;",
		"events.csv · CSV · 1.5\u00a0kB", "BIN · 1\u00a0byte",
	} {
		if !strings.Contains(files, want) {
			t.Errorf("no %s in\n%s", want, files)
		}
	}
	if strings.Contains(files, other+"/view") {
		t.Error("what cannot be read can be opened")
	}
	if !strings.Contains(block, `<img src="/files/`+picture+`" alt="Sessions"`) {
		t.Errorf("the block is\n%s", block)
	}
}

// upload sends a file as the bot does and returns its id.
func (b *bench) upload(name, content string) string {
	b.t.Helper()
	form := fmt.Sprintf("filename=%s&length=%d", url.QueryEscape(name), len(content))
	req, err := http.NewRequest(http.MethodPost, "http://slack/api/files.getUploadURLExternal", strings.NewReader(form))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer xoxb-sandbox")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := b.api.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var a struct {
		UploadURL string `json:"upload_url"`
		FileID    string `json:"file_id"`
		Error     string
	}
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || a.FileID == "" {
		b.t.Fatalf("files.getUploadURLExternal: %v %+v", err, a)
	}
	sent, err := b.api.Post(a.UploadURL, "application/octet-stream", strings.NewReader(content))
	if err != nil {
		b.t.Fatal(err)
	}
	_ = sent.Body.Close()
	return a.FileID
}

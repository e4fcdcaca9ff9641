package web_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/sandbox/actors"
)

func TestStateHasTheMessagesAsTheyAre(t *testing.T) {
	b := newBench(t)
	b.call("chat.postMessage", card)
	s := b.state()
	messages := s.Messages[actors.Incident]
	if len(messages) != 2 || !strings.Contains(string(messages[1].Blocks), `"approve"`) || len(s.Next) != 3 {
		t.Errorf("%+v", s)
	}
}

func TestOtherSitesCannotAct(t *testing.T) {
	b := newBench(t)
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/act/post",
			strings.NewReader(`{"user":"U0ROSA","channel":"C0INCIDENT","text":"hi"}`))
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		b.page.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %s is answered with %d", header, value, w.Code)
		}
	}
	if n := len(b.slack.Messages(actors.Incident)); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestNoNameOfAnotherMachineDrivesThePageOverLoopback(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		at, host string
		want     int
	}{
		{"127.0.0.1", "evil.example:8080", http.StatusMisdirectedRequest},
		{"127.0.0.1", "", http.StatusMisdirectedRequest},
		{"127.0.0.1", "127.0.0.1.nip.io", http.StatusMisdirectedRequest},
		{"::1", "localhost.evil.example", http.StatusMisdirectedRequest},
		{"::1", "192.168.1.7:8080", http.StatusMisdirectedRequest},
		{"127.0.0.1", "127.0.0.1:8080", http.StatusOK},
		{"127.0.0.1", "localhost:8080", http.StatusOK},
		{"::1", "[::1]:8080", http.StatusOK},
		{"192.168.1.7", "sandbox.corp.example", http.StatusOK},
	} {
		for method, path := range map[string]string{"GET": "/state.json", "POST": "/act/post"} {
			r := httptest.NewRequest(method, path, strings.NewReader(`{"user":"U0ROSA","channel":"C0INCIDENT","text":"x"}`))
			r.Host = c.host
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey,
				&net.TCPAddr{IP: net.ParseIP(c.at), Port: 8080}))
			w := httptest.NewRecorder()
			b.page.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("%s %s of %q at %s: %d", method, path, c.host, c.at, w.Code)
			}
		}
	}
}

func TestThePageHasNothingInline(t *testing.T) {
	b := newBench(t)
	resp, err := b.client.Get("http://page/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	html := string(raw)
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	for _, bad := range []string{`<script>`, `<style`, `\sstyle=`, `\son\w+=`, `javascript:`, `https?://[^1]`} {
		if found := regexp.MustCompile(bad).FindString(html); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
	if !strings.Contains(html, `a &#34;guest&#34; &lt;b&gt;`) {
		t.Error("the blurb is not escaped, or not there")
	}
	// Everything that the page and its scripts name is there.
	files := regexp.MustCompile(`"/static/([^"]+)"`).FindAllStringSubmatch(html, -1)
	if len(files) < 5 {
		t.Fatalf("only %d files", len(files))
	}
	seen := map[string]bool{}
	for len(files) > 0 {
		name := files[0][1]
		files = files[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		resp, err := b.client.Get("http://page/static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", name, resp.Status)
		}
		files = append(files, regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(string(raw), -1)...)
		for _, id := range regexp.MustCompile(`(?:\$|getElementById)\("([^"]+)"\)`).FindAllStringSubmatch(string(raw), -1) {
			// The page of this test has no terminals.
			if id[1] != "dock" && !strings.Contains(html, `id="`+id[1]+`"`) {
				t.Errorf("%s looks for #%s, which the page does not have", name, id[1])
			}
		}
	}
	if !seen["dialogs.js"] || !seen["terminals.js"] {
		t.Errorf("scripts %v", seen)
	}
}

func TestHealth(t *testing.T) {
	b := newBench(t)
	resp, err := b.client.Get("http://page/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}

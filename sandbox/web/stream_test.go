package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
)

// stream reads events as a browser does.
type stream struct {
	t    *testing.T
	body io.Closer
	next *bufio.Reader
}

type event struct {
	Name string
	Data struct {
		Items  []struct{ Key, Thread, HTML string }
		Gone   []string
		Tabs   []struct{ ID, Name string }
		Modal  *struct{ ID, HTML string }
		Home   *struct{ ID, HTML string }
		Next   *struct{ Number int }
		Online *int
		Lines  []struct{ Command string }
	}
}

func (b *bench) open(ctx context.Context, as, channel string) *stream {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://page/events?as="+as+"&channel="+channel, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("stream: %s", resp.Status)
	}
	return &stream{b.t, resp.Body, bufio.NewReader(resp.Body)}
}

// read returns the next event; err is set when the stream ended.
func (s *stream) read() (e event, err error) {
	for {
		line, err := s.next.ReadString('\n')
		if err != nil {
			return e, err
		}
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			e.Name = strings.TrimSpace(name)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			return e, json.Unmarshal([]byte(data), &e.Data)
		}
	}
}

func (s *stream) expect(name string) event {
	s.t.Helper()
	e, err := s.read()
	if err != nil || e.Name != name {
		s.t.Fatalf("event %q, %v; want %s", e.Name, err, name)
	}
	return e
}

func TestAStreamBeginsWithEverythingAndTellsWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open(t.Context(), actors.Rosa, actors.Incident)
		sync := s.expect("sync").Data
		if len(sync.Items) != 1 || len(sync.Tabs) != 2 || sync.Next == nil || *sync.Online != 0 {
			t.Fatalf("sync %+v", sync)
		}

		_, posted := b.act("post", `{"user":"U0BOB","channel":"C0INCIDENT","text":"on it, *now* <script>"}`)
		patch := s.expect("patch").Data
		if len(patch.Items) != 1 || !strings.Contains(patch.Items[0].HTML, "on it, <b>now</b> &lt;script&gt;") {
			t.Errorf("patch %+v", patch.Items)
		}
		if patch.Online != nil || patch.Next != nil {
			t.Errorf("what did not change was told: %+v", patch)
		}

		b.act("post", `{"user":"U0ROSA","channel":"C0INCIDENT","thread":"`+posted.TS+`","text":"thanks"}`)
		patch = s.expect("patch").Data
		if len(patch.Items) != 2 || !strings.Contains(patch.Items[0].HTML, "1 reply") || patch.Items[1].Thread != posted.TS {
			t.Errorf("a reply changes its root too: %+v", patch.Items)
		}

		b.slack.DeleteMessage(actors.Incident, patch.Items[1].Key)
		patch = s.expect("patch").Data
		if len(patch.Gone) != 1 || len(patch.Items) != 1 || strings.Contains(patch.Items[0].HTML, "1 reply") {
			t.Errorf("after the reply was deleted: %+v", patch)
		}

		again := b.open(t.Context(), actors.Rosa, actors.Incident).expect("sync").Data
		if len(again.Items) != 2 {
			t.Errorf("a browser that connects again is told %+v", again.Items)
		}
	})
}

func TestOnlyTheirPersonSeesEphemeralMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		rosa, bob := b.open(t.Context(), actors.Rosa, actors.Incident), b.open(t.Context(), actors.Bob, actors.Incident)
		rosa.expect("sync")
		bob.expect("sync")
		stop := b.bot(t.Context(), func(string) string { return `{"text":"only for Rosa"}` })
		defer stop()
		synctest.Wait()
		if status, a := b.act("command",
			`{"user":"U0ROSA","channel":"C0INCIDENT","text":"/revoke-sessions help"}`); status != 200 || !a.OK {
			t.Fatalf("command: %d %+v", status, a)
		}
		var html string
		for html == "" {
			for _, i := range rosa.expect("patch").Data.Items {
				html += i.HTML
			}
		}
		if !strings.Contains(html, "only for Rosa") || !strings.Contains(html, "Only visible to you") {
			t.Errorf("Rosa sees %s", html)
		}
		b.act("post", `{"user":"U0BOB","channel":"C0INCIDENT","text":"the end"}`)
		for {
			for _, i := range bob.expect("patch").Data.Items {
				if strings.Contains(i.HTML, "only for Rosa") {
					t.Error("Bob sees Rosa's message")
				}
				if strings.Contains(i.HTML, "the end") {
					return
				}
			}
		}
	})
}

func TestCloseEndsTheStreamsAndRefusesNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open(t.Context(), actors.Rosa, actors.Incident)
		s.expect("sync")
		_ = b.page.Close()
		if e, err := s.read(); err == nil {
			t.Errorf("after Close came %+v", e)
		}
		resp, err := b.client.Get("http://page/events?as=U0ROSA&channel=C0INCIDENT")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a new stream: %s", resp.Status)
		}
	})
}

func TestABrowserThatLeavesLeavesNothingBehind(t *testing.T) {
	// The bubble ends only when every goroutine in it did.
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		ctx, cancel := context.WithCancel(t.Context())
		b.open(ctx, actors.Rosa, actors.Incident).expect("sync")
		cancel()
		synctest.Wait()
	})
}

func TestAQuietStreamSaysThatItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open(t.Context(), actors.Rosa, actors.Incident)
		s.expect("sync")
		before := time.Now()
		for {
			line, err := s.next.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, ":") {
				break
			}
		}
		if quiet := time.Since(before); quiet > 20*time.Second {
			t.Errorf("nothing for %v", quiet)
		}
	})
}

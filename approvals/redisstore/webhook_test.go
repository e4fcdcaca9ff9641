package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals/audit"
)

const hookSecret, hookAddress = "a secret of the receiver", "https://soc.example.com/with-a-token"

// receiver is what a webhook posts to. Its answer to each request is chosen by answer, 204 if that
// is nil; 0 loses the request on the way, -1 the answer.
type receiver struct {
	*testing.T
	mu     sync.Mutex
	answer func(line string) int
	lines  []string // accepted, with those whose answer was lost
	tries  []time.Time
	posted map[audit.Posted]int
}

// RoundTrip implements http.RoundTripper.
func (r *receiver) RoundTrip(q *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries = append(r.tries, time.Now())
	body, err := io.ReadAll(q.Body)
	line, at := string(body), q.Header.Get(audit.HeaderTimestamp)
	if err != nil || q.Method != http.MethodPost || q.URL.String() != hookAddress ||
		q.Header.Get("Content-Type") != "application/json" || at != fmt.Sprint(time.Now().Unix()) ||
		q.Header.Get(audit.HeaderSignature) != audit.Sign(hookSecret, at, line) ||
		!strings.HasPrefix(line, `{"n":`+q.Header.Get(audit.HeaderLine)+",") {
		r.Errorf("%s %s %v: %s, %v", q.Method, q.URL, q.Header, line, err)
	}
	status := http.StatusNoContent
	if r.answer != nil {
		status = r.answer(line)
	}
	if status == 0 {
		return nil, errors.New("no route to host")
	}
	if status < 300 {
		r.lines = append(r.lines, line)
	}
	if status < 0 {
		return nil, io.ErrUnexpectedEOF
	}
	w := httptest.NewRecorder()
	w.Header().Set("Location", "https://elsewhere.example.com/")
	w.WriteHeader(status)
	return w.Result(), nil
}

// worker chains and posts for a replica of its own, until its context ends.
func (r *receiver) worker(ctx context.Context, c *chronicle) {
	audit.New(audit.Config{Store: c.Store, Key: c.key, Hook: &audit.Webhook{
		Outbox: c.Store, URL: hookAddress, Secret: hookSecret, HTTP: &http.Client{Transport: r},
		Logger: slog.New(slog.NewTextHandler(&c.log, nil)), Watch: func(p audit.Posted) { r.posted[p]++ },
	}}).Run(ctx)
}

// run runs a worker until the returned function is called.
func (r *receiver) run(c *chronicle) (stop func()) {
	ctx, cancel := context.WithCancel(r.Context())
	var all sync.WaitGroup
	all.Go(func() { r.worker(ctx, c) })
	return func() {
		cancel()
		all.Wait()
	}
}

// want fails the test unless the lines came in their order, each again only after itself.
func (r *receiver) want(chain string) {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := slices.Compact(slices.Clone(r.lines))
	if strings.Join(got, "\n")+"\n" != chain {
		r.Errorf("%d lines came, %d are in the chain", len(got), strings.Count(chain, "\n"))
	}
}

func newReceiver(t *testing.T) *receiver { return &receiver{T: t, posted: map[audit.Posted]int{}} }

func TestEachEventIsPostedSignedAndInItsOrderUntilTheReceiverAcceptsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, n := chronicled(t), newReceiver(t), 0
		r.answer = func(string) int {
			n++
			return []int{204, 503, 200, 0, -1, 202, 404, 307, 201}[n%9]
		}
		defer r.run(c)()
		time.Sleep(time.Second)
		c.happen(40)
		time.Sleep(10 * time.Minute)
		r.want(c.lines())
		if n <= 40 || len(r.lines) <= 40 || r.posted[audit.PostOK] != 40 || r.posted[audit.PostRefused] == 0 ||
			r.posted[audit.PostNoAnswer] == 0 {
			t.Errorf("%d tries, %d accepted, %v", n, len(r.lines), r.posted)
		}
		r.mu.Lock()
		r.answer = nil
		r.mu.Unlock()
		c.happen(1) // what is chained here is sent at once
		time.Sleep(time.Second)
		r.want(c.lines())
	})
}

func TestAReceiverThatIsDownIsAskedLessAndLessAndToldOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r := chronicled(t), newReceiver(t)
		r.answer = func(string) int { return http.StatusInternalServerError }
		stop := r.run(c)
		defer stop()
		time.Sleep(time.Second)
		c.happen(3)
		time.Sleep(time.Hour)
		r.mu.Lock()
		if n := len(r.tries); n < 55 || n > 70 {
			t.Errorf("%d tries in an hour", n)
		}
		r.answer = nil
		r.mu.Unlock()
		time.Sleep(time.Minute)
		r.want(c.lines())
		stop()
		text := c.log.String()
		if strings.Count(text, "the webhook has to wait") != 1 || strings.Count(text, "the webhook goes on") != 1 {
			t.Error(text)
		}
		if strings.Contains(text, "soc.example.com") || strings.Contains(text, hookSecret) {
			t.Errorf("the log names the address: %s", text)
		}
	})
}

func TestOfSeveralReplicasOneSendsAndAnotherGoesOnWhereItDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r := chronicled(t), newReceiver(t)
		hang := make(chan struct{})
		var stops []func()
		for i := range 3 {
			one := &chronicle{T: t, Store: ready(t, c.db, 0), db: c.db, key: c.key}
			if i == 0 {
				one = c
			}
			stops = append(stops, r.run(one))
		}
		time.Sleep(time.Second)
		c.happen(30)
		time.Sleep(10 * time.Second)
		r.want(c.lines())
		if len(r.lines) != 30 {
			t.Errorf("30 events were accepted %d times", len(r.lines))
		}
		// The one that sends is stopped at every line, having had no answer.
		stop := make(chan func(), 1)
		r.answer = func(line string) int {
			select {
			case f := <-stop:
				go func() { f(); close(hang) }()
				return -1
			default:
				return 204
			}
		}
		stop <- stops[0]
		c.happen(20)
		<-hang
		time.Sleep(2 * time.Minute)
		r.want(c.lines())
		for _, f := range stops[1:] {
			f()
		}
	})
}

func TestANewWebhookBeginsWithTheNextEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r := chronicled(t), newReceiver(t)
		c.happen(10)
		c.step(c.worker(c.Store, ""))
		before := c.lines()
		stop := r.run(c)
		time.Sleep(time.Minute)
		if len(r.lines) > 0 {
			t.Errorf("%d old events were sent", len(r.lines))
		}
		stop() // what happens while no replica runs is sent later
		c.happen(5)
		c.step(c.worker(c.Store, ""))
		defer r.run(c)()
		time.Sleep(time.Minute)
		r.want(strings.TrimPrefix(c.lines(), before))
	})
}

func TestAfterTheChainBeganAnewAllOfItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r := chronicled(t), newReceiver(t)
		defer r.run(c)()
		time.Sleep(time.Second)
		c.happen(10)
		time.Sleep(time.Minute)
		c.db.Del(t.Context(), chainKey, headKey)
		r.mu.Lock()
		r.lines = nil
		r.mu.Unlock()
		c.happen(5)
		time.Sleep(time.Minute)
		r.want(c.lines())
	})
}

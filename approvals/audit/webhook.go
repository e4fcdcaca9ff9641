package audit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Headers of a request of the webhook, besides the usual ones.
const (
	HeaderLine      = "Revokebot-Line"      // the line's number
	HeaderTimestamp = "Revokebot-Timestamp" // Unix seconds, when this try was signed
	HeaderSignature = "Revokebot-Signature" // as Sign makes it
)

// Sign returns the signature of a body: "v1=" and HMAC-SHA256 over timestamp, dot and body, in
// hexadecimal.
func Sign(secret, timestamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, timestamp+"."+body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Outbox keeps how far the webhook has come, for all replicas.
type Outbox interface {
	// Sending lets a worker send until the lease ends, and notes that the receiver has accepted the
	// lines up to sent; 0 notes nothing. It returns the number of the last accepted line: at first
	// that of the chain's end. A lease of 0 gives the turn back. ErrMoved: another worker is sending.
	Sending(ctx context.Context, worker string, sent int64, lease time.Duration) (last int64, err error)
	Lines(ctx context.Context, after int64, n int) ([]string, error)
}

// Posted is what became of one request of the webhook.
type Posted string

// Outcomes.
const (
	PostOK       Posted = "ok"
	PostRefused  Posted = "refused" // the receiver answered with another status than 2xx
	PostNoAnswer Posted = "no_answer"
)

// Webhook posts every line of the chain to an address: in their order, each again until the
// receiver answers with a status of 2xx. One replica sends at a time.
type Webhook struct {
	Outbox      Outbox
	URL, Secret string
	HTTP        *http.Client // nil: one of its own
	Watch       func(Posted)
	Logger      *slog.Logger

	worker string
	told   bool // that it fails
	wait   time.Duration
}

const (
	// postWithin bounds one try; a turn outlasts it.
	postWithin, turnFor = 10 * time.Second, 30 * time.Second
	// The pause after a failed try doubles from the first to the second.
	firstWait, longestWait = time.Second, time.Minute
)

// run sends until ctx ends. chained tells that there are new lines.
func (h *Webhook) run(ctx context.Context, chained <-chan struct{}) {
	h.worker = rand.Text()
	if h.HTTP == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		defer transport.CloseIdleConnections()
		h.HTTP = &http.Client{Transport: transport, Timeout: postWithin}
	}
	client := *h.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.HTTP = &client
	for {
		pause, wake := lookEvery, chained
		if err := h.send(ctx); err != nil {
			h.tell(ctx, err)
			h.wait = min(max(2*h.wait, firstWait), longestWait)
			pause, wake = h.wait, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
		}
		if timer.Stop(); ctx.Err() != nil {
			return
		}
	}
}

// tell logs trouble when it begins and when it is over.
func (h *Webhook) tell(ctx context.Context, err error) {
	switch fails := err != nil; {
	case fails == h.told || ctx.Err() != nil:
		return
	case fails:
		h.Logger.WarnContext(ctx, "the webhook has to wait: events are kept and sent later", "error", err)
	default:
		h.Logger.InfoContext(ctx, "the webhook goes on")
	}
	h.told = err != nil
}

// send posts what was not accepted yet, unless another replica is at it. After a failure the turn
// is kept: no other replica posts what was just refused.
func (h *Webhook) send(ctx context.Context) error {
	last, err := h.Outbox.Sending(ctx, h.worker, 0, turnFor)
	if errors.Is(err, ErrMoved) {
		return nil
	}
	for err == nil {
		var lines []string
		if lines, err = h.Outbox.Lines(ctx, last, batchLines); err != nil {
			break
		}
		if len(lines) == 0 {
			_, err = h.Outbox.Sending(ctx, h.worker, 0, 0)
			return err
		}
		for _, line := range lines {
			var l struct{ N int64 }
			if err = json.Unmarshal([]byte(line), &l); err != nil {
				return fmt.Errorf("after line %d: %w", last, errNoLine)
			}
			if err = h.post(ctx, l.N, line); err != nil {
				break
			}
			h.tell(ctx, nil)
			h.wait = 0
			if last, err = h.Outbox.Sending(ctx, h.worker, l.N, turnFor); err != nil {
				break
			}
		}
	}
	return err
}

// post tries once. Its error does not name the address, which may be a secret.
func (h *Webhook) post(ctx context.Context, n int64, line string) error {
	ctx, cancel := context.WithTimeout(ctx, postWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, strings.NewReader(line))
	if err != nil {
		return errors.New("its address is none")
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "revokebot", HeaderLine: strconv.FormatInt(n, 10),
		HeaderTimestamp: now, HeaderSignature: Sign(h.Secret, now, line),
	} {
		r.Header.Set(name, value)
	}
	answer, err := h.HTTP.Do(r)
	if err != nil {
		if of, ok := errors.AsType[*url.Error](err); ok {
			err = of.Err
		}
		h.Watch(PostNoAnswer)
		return err
	}
	_, _ = io.CopyN(io.Discard, answer.Body, 1<<16)
	_ = answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		h.Watch(PostRefused)
		return fmt.Errorf("line %d: the receiver answered %s", n, answer.Status)
	}
	h.Watch(PostOK)
	return nil
}

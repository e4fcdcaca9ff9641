package bot

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// askedDefault is how long to wait when Slack says "too much" and not for how long.
	askedDefault = 30 * time.Second
	// askedMost bounds what is believed.
	askedMost = time.Hour
)

// limits makes every way in which Slack says "too much" the one that slack-go understands, which is
// a 429 with Retry-After in seconds. Slack also says it in a 200 with the error ratelimited, whose
// Retry-After slack-go does not pass on. Nothing was done then (Slack documentation, "Rate
// limits").
type limits struct{ next http.RoundTripper } // nil: http.DefaultTransport

func (l limits) transport() http.RoundTripper {
	if l.next == nil {
		return http.DefaultTransport
	}
	return l.next
}

// RoundTrip implements http.RoundTripper.
func (l limits) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.transport().RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusTooManyRequests && !saysLimited(resp) {
		return resp, err
	}
	resp.StatusCode, resp.Status = http.StatusTooManyRequests, "429 Too Many Requests"
	wait := asked(resp.Header.Get("Retry-After"))
	resp.Header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	return resp, nil
}

// CloseIdleConnections is for http.Client.
func (l limits) CloseIdleConnections() {
	if c, ok := l.transport().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// refusalSize is more than an answer has that says only that there was too much.
const refusalSize = 2048

// saysLimited looks into an answer, and leaves it as it was.
func saysLimited(resp *http.Response) bool {
	if resp.StatusCode != http.StatusOK {
		return false
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, refusalSize))
	rest := io.Reader(resp.Body)
	if err != nil {
		rest = failing{err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), rest), resp.Body}
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if json.Unmarshal(head, &answer) != nil {
		return false
	}
	return !answer.OK && (answer.Error == "ratelimited" || answer.Error == "rate_limited")
}

// failing is a reader that failed.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// asked reads Retry-After, which is seconds or a date.
func asked(header string) time.Duration {
	seconds, err := strconv.ParseInt(header, 10, 32)
	if err == nil && seconds >= 0 || errors.Is(err, strconv.ErrRange) {
		return min(max(time.Duration(seconds)*time.Second, time.Second), askedMost)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(time.Until(at), time.Second), askedMost)
	}
	return askedDefault
}

package bot

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// askedDefault is how long to wait when Slack says "too much" and not for how long.
	askedDefault = 30 * time.Second
	// askedMost bounds what is believed.
	askedMost = time.Hour
	// refusalSize is more than an answer has that is only a refusal.
	refusalSize = 2048
)

// watched tells of every request to Slack, by its method and by what became of it. It makes every
// way in which Slack says "too much" the one that slack-go understands, which is a 429 with
// Retry-After in seconds. Slack also says it in a 200 with the error ratelimited, whose Retry-After
// slack-go does not pass on. Nothing was done then (Slack documentation, "Rate limits").
type watched struct {
	next  http.RoundTripper
	watch watches
	base  *url.URL // of the Web API
	// method is that of every request; "": it is in the address, and an address that is not of the Web
	// API is an upload's.
	method string
}

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	method := w.method
	if method == "" {
		method = MethodUpload
		if name, ok := strings.CutPrefix(r.URL.Path, w.base.Path); ok && r.URL.Host == w.base.Host &&
			!strings.Contains(name, "/") {
			method = name // slack-go's own word
		}
	}
	ended := w.watch.slackCall(r.Context(), method)
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		ended(CallNoAnswer)
		return nil, err
	}
	outcome := outcomeOf(resp)
	if outcome == CallRateLimited {
		resp.StatusCode, resp.Status = http.StatusTooManyRequests, "429 Too Many Requests"
		wait := asked(resp.Header.Get("Retry-After"))
		resp.Header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	ended(outcome)
	return resp, nil
}

// outcomeOf looks at the beginning of an answer, and leaves it as it was. An answer with status 200
// that is no refusal in a few words is none.
func outcomeOf(resp *http.Response) CallOutcome {
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		return CallRateLimited
	case status >= http.StatusInternalServerError:
		return CallServerError
	case status >= http.StatusBadRequest:
		return CallRefused
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
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	switch {
	case err != nil:
		return CallNoAnswer
	case json.Unmarshal(head, &answer) != nil || answer.OK == nil || *answer.OK:
		return CallOK
	case answer.Error == "ratelimited" || answer.Error == "rate_limited":
		return CallRateLimited
	}
	return cmp.Or(CallOutcome(kinds[answer.Error]), CallRefused)
}

// failing is a reader that failed.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// asked reads Retry-After, which Slack gives in seconds.
func asked(header string) time.Duration {
	seconds, err := strconv.ParseInt(header, 10, 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) || seconds < 0 {
		return askedDefault
	}
	return min(max(time.Duration(seconds)*time.Second, time.Second), askedMost)
}

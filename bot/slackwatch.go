package bot

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/revokebot/revokebot/handlers/deliver"
)

// watched tells of every request to Slack, by its method and by what became of it. A call ends when
// its answer was read.
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
	switch {
	case err != nil:
		ended(CallNoAnswer)
	case resp.StatusCode == http.StatusTooManyRequests:
		ended(CallRateLimited)
	case resp.StatusCode >= http.StatusInternalServerError:
		ended(CallServerError)
	case resp.StatusCode >= http.StatusBadRequest:
		ended(CallRefused)
	default:
		resp.Body = &overheard{ReadCloser: resp.Body, ended: ended}
	}
	return resp, err
}

// CloseIdleConnections is for http.Client.
func (w watched) CloseIdleConnections() {
	if c, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// overheard is an answer whose beginning says what became of the call.
type overheard struct {
	io.ReadCloser
	once  sync.Once
	head  bytes.Buffer
	ended func(CallOutcome)
}

// Read implements io.Reader.
func (o *overheard) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	o.head.Write(p[:min(n, refusalSize-o.head.Len())])
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		o.end(outcomeOf(o.head.Bytes()))
	default:
		o.end(CallNoAnswer)
	}
	return n, err
}

// Close implements io.Closer.
func (o *overheard) Close() error {
	o.end(outcomeOf(o.head.Bytes()))
	return o.ReadCloser.Close()
}

func (o *overheard) end(outcome CallOutcome) { o.once.Do(func() { o.ended(outcome) }) }

// outcomeOf reads the beginning of an answer with status 200. One that is no refusal in a few words
// is none.
func outcomeOf(head []byte) CallOutcome {
	var answer struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	if json.Unmarshal(head, &answer) != nil || answer.OK == nil || *answer.OK {
		return CallOK
	}
	switch kinds[answer.Error] {
	case deliver.SlackPassing:
		return "passing"
	case deliver.SlackUnsure:
		return "unsure"
	case deliver.SlackChannel:
		return "channel"
	case deliver.SlackContent:
		return "content"
	case deliver.SlackNoTarget:
		return "no_target"
	case deliver.SlackToken:
		return CallToken
	case deliver.SlackNoFiles:
		return "no_files"
	case deliver.SlackNoPerson:
		return "no_person"
	default:
		return CallRefused
	}
}

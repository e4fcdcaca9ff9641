package crash

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// watched stands before a stand-in and tells the gate of each call. name says what a call is, "" if
// it does not count.
func watched(
	where string, replica int, g *gate, standIn http.Handler, name func(r *http.Request, body []byte) string,
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/link") {
			standIn.ServeHTTP(&watchedSocket{ResponseWriter: w, replica: replica, gate: g}, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the process was killed while it sent
		}
		what := name(r, body)
		// Whether the process still waits for the answer makes no difference to what is done.
		r = r.WithContext(context.WithoutCancel(r.Context()))
		r.Body = io.NopCloser(bytes.NewReader(body))
		if what == "" {
			standIn.ServeHTTP(w, r)
			return
		}
		before := g.step(replica, point{where, what, false})
		if before.lost && !before.carry {
			panic(http.ErrAbortHandler)
		}
		answer := httptest.NewRecorder()
		standIn.ServeHTTP(answer, r)
		if before.lost || g.step(replica, point{where, what, true}).lost {
			panic(http.ErrAbortHandler)
		}
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // a client that is gone is none of ours
	})
}

// below serves what is under a path, and lets the addresses that the stand-in gives stay under it.
func below(path string, h http.Handler) (pattern string, handler http.Handler) {
	return path + "/", http.StripPrefix(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host += path
		h.ServeHTTP(w, r)
	}))
}

// slackName is the method of a call to the Slack stand-in.
func slackName(r *http.Request, _ []byte) string {
	if method, ok := strings.CutPrefix(r.URL.Path, "/api/"); ok {
		return method
	}
	if strings.HasPrefix(r.URL.Path, "/commands/response/") {
		return "response_url"
	}
	if strings.HasPrefix(r.URL.Path, "/upload/") {
		return "upload"
	}
	return ""
}

// awsName is the action of a call to the AWS stand-in.
func awsName(r *http.Request, body []byte) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndex(target, ".")+1:]
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get("Action")
}

// watchedSocket is the way to a WebSocket whose frames the gate is told of.
type watchedSocket struct {
	http.ResponseWriter
	replica int
	gate    *gate
}

// Hijack implements http.Hijacker.
func (w *watchedSocket) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("watch a connection: %w", err)
	}
	left, err := rw.Reader.Peek(rw.Reader.Buffered())
	if err != nil {
		return nil, nil, fmt.Errorf("watch a connection: %w", err)
	}
	if err := rw.Writer.Flush(); err != nil {
		return nil, nil, fmt.Errorf("watch a connection: %w", err)
	}
	seen := &watchedConn{Conn: conn, replica: w.replica, gate: w.gate}
	return seen, bufio.NewReadWriter(bufio.NewReader(io.MultiReader(bytes.NewReader(left), seen)), bufio.NewWriter(seen)),
		nil
}

type watchedConn struct {
	net.Conn
	replica int
	gate    *gate
}

// textFrame is the first byte of a text message in one frame (RFC 6455, section 5.2).
const textFrame = 0x81

// Write sees envelopes, which are text frames of the server and not masked.
func (c *watchedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err == nil && n > 0 && p[0] == textFrame && bytes.Contains(p, []byte(`"envelope_id"`)) {
		if c.gate.step(c.replica, point{"slack", "envelope", true}).lost {
			_ = c.Conn.Close()
		}
	}
	return n, err
}

// Read sees acknowledgements: the only text frames that the bot sends.
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && n > 0 && p[0] == textFrame {
		if e := c.gate.step(c.replica, point{"slack", "ack", true}); e.lost && !e.carry {
			_ = c.Conn.Close()
			return 0, io.EOF
		}
	}
	return n, err
}

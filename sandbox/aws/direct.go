package aws

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

type directKey struct{}

// isDirect tells a request that came through Direct.
func isDirect(r *http.Request) bool { return r.Context().Value(directKey{}) != nil }

// Direct answers requests in the caller's own goroutine, for clients that live in the same process:
// there is no network, and no Config.Latency, which is there for the network's sake. All else is as
// over a listener.
func (s *Server) Direct() http.RoundTripper { return direct{s} }

type direct struct{ server *Server }

func (d direct) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	in := r.Clone(context.WithValue(r.Context(), directKey{}, true))
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), ""
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	w := &directWriter{header: http.Header{}, status: http.StatusOK}
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			resp, err = nil, io.ErrUnexpectedEOF
		default:
			panic(p)
		}
	}()
	d.server.ServeHTTP(w, in)
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

type directWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *directWriter) Header() http.Header         { return w.header }
func (w *directWriter) WriteHeader(status int)      { w.status = status }
func (w *directWriter) Write(p []byte) (int, error) { return w.body.Write(p) }

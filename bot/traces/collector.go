package traces

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/revokebot/revokebot/internal/times"
)

// collector sends spans with OTLP over HTTP. OpenTelemetry's own client for it comes with all of
// gRPC, which is never used: nine megabytes of the program and three of its memory.
type collector struct {
	settings settings
	client   *http.Client
	log      *slog.Logger
	trouble  trouble
}

var _ otlptrace.Client = (*collector)(nil)

// Start implements otlptrace.Client.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *collector) Stop(context.Context) error {
	c.client.CloseIdleConnections()
	return nil
}

const (
	// firstRetry is the wait before a second try; it doubles up to longestRetry.
	firstRetry   = time.Second
	longestRetry = 5 * time.Second
)

// UploadTraces implements otlptrace.Client. It tries again within the time that
// OTEL_EXPORTER_OTLP_TIMEOUT gives, when the collector says so or does not answer (OpenTelemetry
// documentation, "OTLP Specification", "Retryable Response Codes").
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// TracesData has the form of the request's message, whose own type comes with gRPC.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("send traces: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, c.settings.timeout)
	defer cancel()
	for wait := firstRetry; ; wait = min(2*wait, longestRetry) {
		var after time.Duration
		after, err = c.send(limited, body)
		if err == nil || after < 0 || !times.Pause(limited, max(after, wait)) {
			break
		}
	}
	if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.trouble.note(c.log, err)
	}
	return err
}

// send makes one try. With an error it says how long to wait at least; less than 0: trying again
// does not help.
func (c *collector) send(ctx context.Context, body []byte) (after time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.settings.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return -1, fmt.Errorf("send traces: %w", withoutAddress(err))
	}
	r.Header = c.settings.headers.Clone()
	r.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := c.client.Do(r)
	if err != nil {
		return 0, fmt.Errorf("send traces: %w", withoutAddress(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // so that the connection can be used again
	switch answer.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // 0 for a date: the usual wait
		return time.Duration(max(0, seconds)) * time.Second,
			fmt.Errorf("send traces: the collector answered %d", answer.StatusCode)
	default:
		return -1, fmt.Errorf("send traces: the collector answered %d", answer.StatusCode)
	}
}

// withoutAddress leaves the address out of an error: it may hold a password.
func withoutAddress(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

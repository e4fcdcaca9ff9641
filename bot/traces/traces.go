package traces

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config is what New needs.
type Config struct {
	Lookup  func(name string) (value string, set bool) // the environment
	Version string                                     // of the program
	Logger  *slog.Logger                               // nil: discard

	// HTTPClient reaches the collector; nil: one of its own.
	HTTPClient *http.Client
	// Exporter is given each span when it ends, instead of a collector; for tests. The variables still
	// say whether.
	Exporter sdktrace.SpanExporter
}

// Traces draws what a bot does. Make it with New; its methods may be called at the same time.
type Traces struct {
	tracer   trace.Tracer
	provider *sdktrace.TracerProvider
}

// shutdownWithin bounds the sending of what is left at the end.
const shutdownWithin = 5 * time.Second

// New starts drawing, or returns nil when the variables do not ask for it; then nothing is started.
// Its errors are sentences that name a variable. It does not use the network.
func New(ctx context.Context, c Config) (*Traces, error) {
	s, err := readSettings(c.Lookup)
	if s == nil || err != nil {
		return nil, err
	}
	log := c.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ours, err := resource.New(ctx, resource.WithAttributes(append([]attribute.KeyValue{
		attribute.String("service.name", "revokebot"), attribute.String("service.version", c.Version),
		attribute.String("service.instance.id", rand.Text()),
	}, s.resource...)...))
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES cannot be used: %w", err)
	}
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(ours), sdktrace.WithIDGenerator(ids{}),
		sdktrace.WithSampler(sdktrace.AlwaysSample()),
	}
	if c.Exporter != nil {
		options = append(options, sdktrace.WithSyncer(c.Exporter))
	} else {
		// OpenTelemetry has one place for what goes wrong in it, for the whole process, and writes to
		// standard error without it. What is worth a line, the client says itself.
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Debug("OpenTelemetry", "error", err) }))
		client := c.HTTPClient
		if client == nil {
			client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
		}
		exporter, err := otlptrace.New(ctx, &collector{settings: *s, client: client, log: log})
		if err != nil {
			return nil, fmt.Errorf("traces: %w", err)
		}
		// With the SDK's defaults, said here: it panics or spins with some values of OTEL_BSP_….
		options = append(options, sdktrace.WithBatcher(exporter,
			sdktrace.WithMaxQueueSize(sdktrace.DefaultMaxQueueSize),
			sdktrace.WithMaxExportBatchSize(sdktrace.DefaultMaxExportBatchSize),
			sdktrace.WithBatchTimeout(sdktrace.DefaultScheduleDelay*time.Millisecond),
			sdktrace.WithExportTimeout(sdktrace.DefaultExportTimeout*time.Millisecond)))
	}
	provider := sdktrace.NewTracerProvider(options...)
	return &Traces{tracer: provider.Tracer("github.com/revokebot/revokebot"), provider: provider}, nil
}

// Close sends what is left, for some seconds at most, and ends.
func (t *Traces) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownWithin)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// trouble logs when something begins to fail and when it works again, not each time.
type trouble struct {
	mu      sync.Mutex
	failing bool
}

func (t *trouble) note(log *slog.Logger, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && !t.failing:
		log.Warn("traces do not reach their collector; nothing else depends on them", "error", err)
	case err == nil && t.failing:
		log.Info("traces reach their collector again")
	}
	t.failing = err != nil
}

package traces

import (
	"context"
	"crypto/rand"
	"crypto/sha256"

	"go.opentelemetry.io/otel/trace"
)

// traceOf is the trace of a request, or of what an envelope came to that belongs to none.
func traceOf(key string) trace.TraceID {
	sum := digest("trace", key)
	return trace.TraceID(sum[:16])
}

// rootOf is the span at the root of that trace.
func rootOf(key string) trace.SpanID {
	sum := digest("root", key)
	return trace.SpanID(sum[:8])
}

// spanOf is the span of an envelope in that trace, by the Source of its item.
func spanOf(key, source string) trace.SpanID {
	sum := digest("envelope", key+"\x00"+source)
	return trace.SpanID(sum[:8])
}

func digest(what, text string) [sha256.Size]byte {
	return sha256.Sum256([]byte("revokebot " + what + "\x00" + text))
}

// parent is a context whose next span is a child of one that may be another replica's.
func parent(ctx context.Context, key string, span trace.SpanID) context.Context {
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		// Sampled is not looked at: whether a trace is drawn is decided by its id, on every replica in
		// the same way.
		TraceID: traceOf(key), SpanID: span, TraceFlags: trace.FlagsSampled, Remote: true,
	}))
}

// chosenIDs is the key of the ids that the next span of a context gets.
type chosenIDs struct{}

type spanIDs struct {
	trace trace.TraceID
	span  trace.SpanID
}

// ids is an sdktrace.IDGenerator that gives ids at random, unless they were chosen.
type ids struct{}

// NewIDs implements sdktrace.IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if chosen, ok := ctx.Value(chosenIDs{}).(spanIDs); ok {
		return chosen.trace, chosen.span
	}
	var id trace.TraceID
	_, _ = rand.Read(id[:]) // never fails
	return id, randomSpan()
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(ctx context.Context, id trace.TraceID) trace.SpanID {
	if chosen, ok := ctx.Value(chosenIDs{}).(spanIDs); ok && chosen.trace == id {
		return chosen.span
	}
	return randomSpan()
}

func randomSpan() (id trace.SpanID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

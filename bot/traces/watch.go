package traces

import (
	"context"
	"regexp"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers"
)

var _ bot.Watch = (*Traces)(nil)

// Attributes, besides those of OpenTelemetry's conventions.
const (
	attrRequest = attribute.Key("revokebot.request")
	attrKind    = attribute.Key("revokebot.kind")
	attrItem    = attribute.Key("revokebot.item")
	attrOutcome = attribute.Key("revokebot.outcome")
	attrAttempt = attribute.Key("revokebot.attempt")
	attrTries   = attribute.Key("revokebot.tries")
)

var (
	// isRequestID is what this program makes request ids of: a button's value comes from outside.
	isRequestID = regexp.MustCompile(`^[A-Z2-7]{26}$`)
	isKind      = regexp.MustCompile(`^[a-z_]{1,32}$`)
)

// place is where in which trace something belongs.
type place struct {
	key     string // of the trace; "": a new one
	opens   bool   // an envelope is the trace's root
	request string // for people, "" when there is none or it is no id
	earlier string // another request that it comes from
}

func placeOf(item approvals.Item) place {
	request, opens := handlers.About(item)
	request, opens = onlyID(request), onlyID(opens)
	switch {
	case opens != "":
		return place{key: opens, opens: true, request: opens, earlier: request}
	case request != "":
		return place{key: request, request: request}
	default:
		return place{key: item.Source, opens: true}
	}
}

func onlyID(text string) string {
	if !isRequestID.MatchString(text) {
		return ""
	}
	return text
}

// options are those of the span of an envelope or an item.
func (p place) options(more ...trace.SpanStartOption) []trace.SpanStartOption {
	if p.request != "" {
		more = append(more, trace.WithAttributes(attrRequest.String(p.request)))
	}
	if p.earlier != "" {
		more = append(more, trace.WithLinks(trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: traceOf(p.earlier), SpanID: rootOf(p.earlier), Remote: true,
		})}))
	}
	return more
}

// envelope is the id of the span of the envelope that brought an item.
func (p place) envelope(source string) trace.SpanID {
	if p.opens {
		return rootOf(p.key)
	}
	return spanOf(p.key, source)
}

// kindOf is an item's kind, of those that handlers could have.
func kindOf(item approvals.Item) string {
	if !isKind.MatchString(item.Kind) {
		return "other"
	}
	return item.Kind
}

// Envelope implements bot.Watch.
func (t *Traces) Envelope(ctx context.Context, e bot.Envelope) (context.Context, func(bot.EnvelopeOutcome)) {
	options := []trace.SpanStartOption{
		trace.WithTimestamp(e.Read), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attrKind.String(e.Kind)),
	}
	starting := ctx
	if e.Item.Kind != "" {
		p := placeOf(e.Item)
		options = p.options(append(options, trace.WithAttributes(attrItem.String(kindOf(e.Item))))...)
		if p.key != "" {
			starting = context.WithValue(ctx, chosenIDs{}, spanIDs{traceOf(p.key), p.envelope(e.Item.Source)})
			if !p.opens {
				starting = parent(starting, p.key, rootOf(p.key))
			}
		}
	}
	_, span := t.tracer.Start(starting, "envelope "+e.Kind, options...)
	return trace.ContextWithSpan(ctx, span), func(outcome bot.EnvelopeOutcome) {
		bad := outcome == bot.EnvelopeNotRecorded || outcome == bot.EnvelopeDropped || outcome == bot.EnvelopeBusy ||
			outcome == bot.EnvelopeUnreadable
		end(span, string(outcome), bad)
	}
}

// Acknowledged implements bot.Watch.
func (t *Traces) Acknowledged(ctx context.Context, _ string, _ time.Duration) {
	trace.SpanFromContext(ctx).AddEvent("acknowledged")
}

// Item implements bot.Watch.
func (t *Traces) Item(ctx context.Context, item approvals.Item) (context.Context, func(bot.ItemOutcome)) {
	p, kind := placeOf(item), kindOf(item)
	starting := ctx
	if p.key != "" {
		above := rootOf(p.key)
		if slices.Contains(handlers.FromPeople(), item.Kind) {
			above = p.envelope(item.Source)
		}
		starting = parent(ctx, p.key, above)
	}
	ctx, span := t.tracer.Start(starting, "item "+kind, p.options(
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attrKind.String(kind), attrAttempt.Int(item.Attempt), attrTries.Int64(item.Tries)),
	)...)
	return ctx, func(outcome bot.ItemOutcome) {
		end(span, string(outcome), outcome == bot.ItemFailed || outcome == bot.ItemGaveUp)
	}
}

// SlackCall implements bot.Watch.
func (t *Traces) SlackCall(ctx context.Context, method string) func(bot.CallOutcome) {
	span := t.call(ctx, "slack "+method, attribute.String("rpc.system", "slack"), attribute.String("rpc.method", method))
	return func(outcome bot.CallOutcome) { end(span, string(outcome), outcome != bot.CallOK) }
}

// HeldBack implements bot.Watch.
func (t *Traces) HeldBack(ctx context.Context, method string) {
	trace.SpanFromContext(ctx).AddEvent("held back", trace.WithAttributes(attribute.String("rpc.method", method)))
}

// AWSCall draws a call to AWS; what it returns is called at the end, with what became of it in one
// word, whether it is a call that no metric expects, and how often it was sent.
func (t *Traces) AWSCall(ctx context.Context, service, operation string) func(outcome string, bad bool, attempts int) {
	span := t.call(
		ctx, "aws "+service+":"+operation,
		attribute.String("rpc.system", "aws-api"), attribute.String("rpc.service", service),
		attribute.String("rpc.method", operation),
	)
	return func(outcome string, bad bool, attempts int) {
		span.SetAttributes(attrTries.Int(attempts))
		end(span, outcome, bad)
	}
}

// call is the span of a remote call on account of an envelope or an item. What happens on no
// request's account, such as keeping connections and sessions open, is not drawn.
func (t *Traces) call(ctx context.Context, name string, attributes ...attribute.KeyValue) trace.Span {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return trace.SpanFromContext(context.Background()) // none
	}
	_, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	return span
}

// end ends a span with what became of it.
func end(span trace.Span, outcome string, bad bool) {
	span.SetAttributes(attrOutcome.String(outcome))
	if bad {
		span.SetStatus(codes.Error, outcome)
	}
	span.End()
}

package metrics

import (
	"context"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
)

var _ bot.Watch = (*Metrics)(nil)

// Envelope implements bot.Watch.
func (m *Metrics) Envelope(ctx context.Context, e bot.Envelope) (context.Context, func(bot.EnvelopeOutcome)) {
	return ctx, func(outcome bot.EnvelopeOutcome) { m.counter("envelopes_total", e.Kind, string(outcome)).Inc() }
}

// Acknowledged implements bot.Watch.
func (m *Metrics) Acknowledged(_ context.Context, kind string, age time.Duration) {
	m.observe("envelope_ack_age_seconds", age.Seconds(), kind)
}

// inHand is the key of the item that a context belongs to.
type inHand struct{}

// Item implements bot.Watch. The item stays in the context, for what is committed on its account.
func (m *Metrics) Item(ctx context.Context, item approvals.Item) (context.Context, func(bot.ItemOutcome)) {
	began, kind := time.Now(), m.words.of("item", item.Kind)
	return context.WithValue(ctx, inHand{}, item), func(outcome bot.ItemOutcome) {
		m.counter("items_total", kind, string(outcome)).Inc()
		if outcome != bot.ItemBusy {
			m.observe("item_seconds", time.Since(began).Seconds(), kind)
		}
	}
}

// SlackCall implements bot.Watch.
func (m *Metrics) SlackCall(_ context.Context, method string) func(bot.CallOutcome) {
	began := time.Now()
	method = m.words.of("method", method)
	m.counter("slack_calls_total", method, string(bot.CallToken)) // so that a first one is seen as a rise
	return func(outcome bot.CallOutcome) {
		m.counter("slack_calls_total", method, string(outcome)).Inc()
		m.observe("slack_call_seconds", time.Since(began).Seconds(), method)
	}
}

// HeldBack implements bot.Watch.
func (m *Metrics) HeldBack(_ context.Context, method string) {
	m.counter("slack_held_back_total", m.words.of("method", method)).Inc()
}

// AWSCall counts a call to AWS; what it returns is called at the end, with what became of it in one
// word and how often it was sent.
func (m *Metrics) AWSCall(_ context.Context, service, operation string) func(outcome string, attempts int) {
	began := time.Now()
	operation = m.words.of("operation", operation)
	for _, refusal := range []string{"access_denied", "credentials"} {
		m.counter("aws_calls_total", service, operation, refusal) // so that a first one is seen as a rise
	}
	return func(outcome string, attempts int) {
		m.counter("aws_calls_total", service, operation, outcome).Inc()
		m.observe("aws_call_seconds", time.Since(began).Seconds(), service, operation)
		m.counter("aws_retries_total", service, operation).Add(float64(max(0, attempts-1)))
	}
}

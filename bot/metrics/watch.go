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
	return ctx, func(outcome bot.EnvelopeOutcome) { m.envelopes.WithLabelValues(e.Kind, string(outcome)).Inc() }
}

// Acknowledged implements bot.Watch.
func (m *Metrics) Acknowledged(_ context.Context, kind string, age time.Duration) {
	m.ackAge.WithLabelValues(kind).Observe(age.Seconds())
}

// inHand is the key of the item that a context belongs to.
type inHand struct{}

// Item implements bot.Watch. The item stays in the context, for what is committed on its account.
func (m *Metrics) Item(ctx context.Context, item approvals.Item) (context.Context, func(bot.ItemOutcome)) {
	began, kind := time.Now(), m.words.of("item", item.Kind)
	return context.WithValue(ctx, inHand{}, item), func(outcome bot.ItemOutcome) {
		m.items.WithLabelValues(kind, string(outcome)).Inc()
		if outcome != bot.ItemBusy {
			m.itemTime.WithLabelValues(kind).Observe(time.Since(began).Seconds())
		}
	}
}

// SlackCall implements bot.Watch.
func (m *Metrics) SlackCall(_ context.Context, method string) func(bot.CallOutcome) {
	began := time.Now()
	method = m.words.of("method", method)
	m.slackCalls.WithLabelValues(method, string(bot.CallToken)) // so that a first one is seen as a rise
	return func(outcome bot.CallOutcome) {
		m.slackCalls.WithLabelValues(method, string(outcome)).Inc()
		m.slackTime.WithLabelValues(method).Observe(time.Since(began).Seconds())
	}
}

// HeldBack implements bot.Watch.
func (m *Metrics) HeldBack(_ context.Context, method string) {
	m.slackHeld.WithLabelValues(m.words.of("method", method)).Inc()
}

// AWSCall counts a call to AWS; what it returns is called at the end, with what became of it in one
// word and how often it was sent.
func (m *Metrics) AWSCall(_ context.Context, service, operation string) func(outcome string, attempts int) {
	began := time.Now()
	operation = m.words.of("operation", operation)
	for _, refusal := range []string{"access_denied", "credentials"} {
		m.awsCalls.WithLabelValues(service, operation, refusal) // so that a first one is seen as a rise
	}
	return func(outcome string, attempts int) {
		m.awsCalls.WithLabelValues(service, operation, outcome).Inc()
		m.awsTime.WithLabelValues(service, operation).Observe(time.Since(began).Seconds())
		m.awsRetries.WithLabelValues(service, operation).Add(float64(max(0, attempts-1)))
	}
}

package wire

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/revokebot/revokebot/approvals/audit"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/bot/metrics"
	"github.com/revokebot/revokebot/bot/traces"
	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// Watching is who is told what a bot does.
type Watching struct {
	metrics *metrics.Metrics
	traces  *traces.Traces // nil: OpenTelemetry's variables do not ask for them
}

// NewWatching makes the metrics, and starts the traces if they are asked for.
func NewWatching(ctx context.Context, lookup func(string) (string, bool), log *slog.Logger) (Watching, error) {
	version, commit := builtFrom(debug.ReadBuildInfo())
	w := Watching{metrics: metrics.New(metrics.Config{Version: version, Commit: commit, Go: runtime.Version()})}
	var err error
	if w.traces, err = traces.New(ctx, traces.Config{Lookup: lookup, Version: version, Logger: log}); err != nil {
		return Watching{}, settings.Errorf("%s.", settings.OneLine(err))
	}
	return w, nil
}

// Store is what the bot gets for a store.
func (w Watching) Store(s bot.Store) bot.Store { return w.metrics.Store(s) }

// Bot is who is told by the bot.
func (w Watching) Bot() []bot.Watch {
	all := []bot.Watch{w.metrics}
	if w.traces != nil {
		all = append(all, w.traces)
	}
	return all
}

// AWS is who is told of calls to AWS.
func (w Watching) AWS(ctx context.Context, service, operation string) func(aws.Ended) {
	counted := w.metrics.AWSCall(ctx, service, operation)
	drawn := func(string, bool, int) {}
	if w.traces != nil {
		drawn = w.traces.AWSCall(ctx, service, operation)
	}
	return func(e aws.Ended) {
		// That something is not there is often what was to be found out; a call that no caller
		// waits for any more was fine.
		bad := e.Outcome != aws.OutcomeOK && e.Outcome != aws.OutcomeNotFound && e.Outcome != aws.OutcomeCanceled
		counted(string(e.Outcome), e.Attempts)
		drawn(string(e.Outcome), bad, e.Attempts)
	}
}

// AuditAlarm counts an error of the audit log.
func (w Watching) AuditAlarm() { w.metrics.Alarm(metrics.AlarmAuditLog) }

// Posted counts a request of the webhook.
func (w Watching) Posted(outcome audit.Posted) { w.metrics.Posted(string(outcome)) }

// Read lets the metrics read of a bot what is not counted, and returns their page.
func (w Watching) Read(b *bot.Bot, store *redisstore.Store) http.Handler {
	w.metrics.Read(metrics.Source{Health: b.Health, Backlog: store.Backlog})
	return w.Page()
}

// Page is the page of the metrics.
func (w Watching) Page() http.Handler { return w.metrics.Handler() }

// Close sends what the traces still hold.
func (w Watching) Close(log *slog.Logger) {
	if w.traces == nil {
		return
	}
	if err := w.traces.Close(); err != nil {
		log.Warn("the last traces were not sent", "error", err)
	}
}

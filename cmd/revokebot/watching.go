package main

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/bot/metrics"
	"github.com/revokebot/revokebot/bot/traces"
)

// watching is who is told what a bot does.
type watching struct {
	metrics *metrics.Metrics
	traces  *traces.Traces // nil: OpenTelemetry's variables do not ask for them
}

// newWatching makes the metrics, and starts the traces if they are asked for.
func newWatching(ctx context.Context, env environment, log *slog.Logger) (watching, error) {
	version, commit := builtFrom(debug.ReadBuildInfo())
	w := watching{metrics: metrics.New(metrics.Config{Version: version, Commit: commit, Go: runtime.Version()})}
	var err error
	if w.traces, err = traces.New(ctx, traces.Config{Lookup: env.lookupenv, Version: version, Logger: log}); err != nil {
		return watching{}, usagef("%s.", oneLine(err))
	}
	return w, nil
}

// store is what the bot gets for a store.
func (w watching) store(s bot.Store) bot.Store {
	s = w.metrics.Store(s)
	if w.traces != nil {
		s = w.traces.Store(s)
	}
	return s
}

// bot is who is told by the bot.
func (w watching) bot() []bot.Watch {
	all := []bot.Watch{w.metrics}
	if w.traces != nil {
		all = append(all, w.traces)
	}
	return all
}

// aws is who is told of calls to AWS.
func (w watching) aws(ctx context.Context, service, operation string) func(aws.Ended) {
	counted := w.metrics.AWSCall(ctx, service, operation)
	drawn := func(string, bool, int) {}
	if w.traces != nil {
		drawn = w.traces.AWSCall(ctx, service, operation)
	}
	return func(e aws.Ended) {
		// That something is not there is often what was to be found out; a call that nobody waits for any more was fine.
		bad := e.Outcome != aws.OutcomeOK && e.Outcome != aws.OutcomeNotFound && e.Outcome != aws.OutcomeCanceled
		counted(string(e.Outcome), e.Attempts)
		drawn(string(e.Outcome), bad, e.Attempts)
	}
}

// auditAlarm counts an error of the audit log.
func (w watching) auditAlarm() { w.metrics.Alarm(metrics.AlarmAuditLog) }

// read lets the metrics read of a bot what is not counted, and returns their page.
func (w watching) read(b *bot.Bot, store *redisstore.Store) http.Handler {
	w.metrics.Read(metrics.Source{Health: b.Health, Backlog: store.Backlog})
	return w.metrics.Handler()
}

// beside is a page with the metrics beside it.
func beside(page http.Handler, w watching) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.Handle("GET /metrics", w.metrics.Handler())
	return mux
}

// close sends what the traces still hold.
func (w watching) close(log *slog.Logger) {
	if w.traces == nil {
		return
	}
	if err := w.traces.Close(); err != nil {
		log.Warn("the last traces were not sent", "error", err)
	}
}

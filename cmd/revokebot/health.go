package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/cmd/internal/wire"
)

// serveHealth answers /healthz (the process lives), /readyz (it can act) and /metrics until the
// returned function is called.
func serveHealth(
	ctx context.Context, address string, health func() wire.Health, metrics http.Handler, log *slog.Logger,
) (wait func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, settings.Errorf("REVOKEBOT_LISTEN: cannot listen on %s (%v). Choose another address, "+
			"or leave it empty to turn health off.", address, err)
	}
	server := healthServer(healthHandler(health, metrics), log)
	var all sync.WaitGroup
	all.Go(func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.ErrorContext(ctx, "the health page ended", "error", err)
		}
	})
	log.InfoContext(ctx, "health is served", "address", listener.Addr().String())
	return func() {
		_ = server.Close()
		all.Wait()
	}, nil
}

// healthServer lets no client hold a connection, or one of the few turns to read the metrics, for
// long.
func healthServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute,
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

func healthHandler(health func() wire.Health, metrics http.Handler) http.Handler {
	answer := func(w http.ResponseWriter, status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]bool{"alive": true})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		h := health()
		status := http.StatusOK
		if !h.Ready {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, h)
	})
	mux.Handle("GET /metrics", metrics)
	return mux
}

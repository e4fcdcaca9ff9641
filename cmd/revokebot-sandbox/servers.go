package main

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// servers are the HTTP servers of the sandbox.
type servers struct {
	all     []*http.Server
	serving sync.WaitGroup
}

// serve starts one and returns its address.
func (s *servers) serve(ctx context.Context, flag, address string, handler http.Handler) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", settings.Errorf("%s: cannot listen on %s (%v). Choose another address with %s.", flag, address, err, flag)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.all = append(s.all, server)
	s.serving.Go(func() { _ = server.Serve(listener) })
	return "http://" + listener.Addr().String(), nil
}

// close ends them, the last one first.
func (s *servers) close() {
	for _, server := range slices.Backward(s.all) {
		_ = server.Close()
	}
	s.serving.Wait()
}

// Package program builds the project's programs and runs them as processes of their own, for tests
// that need the real binary rather than the code in it: sandbox/crash, which kills it, and
// sandbox/measure, which measures it.
package program

import (
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path"
	"path/filepath"
	"testing"
)

const module = "github.com/revokebot/revokebot"

// Build builds the command in a folder of the module, such as "cmd/revokebot", and returns the path
// of the binary. args are further arguments of go build.
func Build(tb testing.TB, folder string, args ...string) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), path.Base(folder))
	cmd := exec.CommandContext(tb.Context(),
		"go", append(append([]string{"build", "-o", binary}, args...), module+"/"+folder)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// Serve serves on a free port of this machine until stop is called, which cuts what is under way.
func Serve(h http.Handler) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	return "http://" + listener.Addr().String(), func() {
		_ = server.Close()
		<-done
	}, nil
}

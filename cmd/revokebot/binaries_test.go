package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// TestMain removes the binaries that the tests share, and looks for goroutines that were left
// behind.
func TestMain(m *testing.M) {
	redis.SetLogger(settings.RedisLog{Log: slog.New(slog.DiscardHandler)}) // its connections are cut on purpose
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		for _, b := range []*binary{&production, &sandbox} {
			if err := os.RemoveAll(b.dir); b.dir != "" && err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
		os.Exit(status)
	}))
}

// binary is a program, built when the first test asks for it.
type binary struct {
	command   string
	once      sync.Once
	dir, path string
	err       error
}

var (
	production = binary{command: "revokebot"}
	sandbox    = binary{command: "revokebot-sandbox"}
)

// built returns the path of a command, built with the race detector if the test was.
func built(t *testing.T, command string) string {
	t.Helper()
	b := &production
	if command == sandbox.command {
		b = &sandbox
	}
	b.once.Do(b.build)
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}

func (b *binary) build() {
	if b.dir, b.err = os.MkdirTemp("", "revokebot-test-"); b.err != nil {
		return
	}
	b.path = filepath.Join(b.dir, b.command)
	args := []string{"build", "-buildvcs=false", "-o", b.path}
	if raceDetector {
		args = append(args, "-race")
	}
	args = append(args, "github.com/revokebot/revokebot/cmd/"+b.command)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		b.err = fmt.Errorf("build %s: %w\n%s", b.command, err, out)
	}
}

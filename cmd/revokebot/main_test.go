package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// TestMain removes the binary that tests of the process share, and looks for goroutines that were left behind.
func TestMain(m *testing.M) {
	redis.SetLogger(redisLog{slog.New(slog.DiscardHandler)}) // its connections are cut on purpose
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if err := theBinary.remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(status)
	}))
}

// binary is the program, built when the first test asks for it.
type binary struct {
	once sync.Once
	dir  string
	path string
	err  error
}

var theBinary binary

// built returns the path of the program, built with the race detector if the test was.
func built(t *testing.T) string {
	t.Helper()
	theBinary.once.Do(theBinary.build)
	if theBinary.err != nil {
		t.Fatal(theBinary.err)
	}
	return theBinary.path
}

func (b *binary) build() {
	if b.dir, b.err = os.MkdirTemp("", "revokebot-test-"); b.err != nil {
		return
	}
	b.path = filepath.Join(b.dir, "revokebot")
	args := []string{"build", "-buildvcs=false", "-o", b.path}
	if raceDetector {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		b.err = fmt.Errorf("build revokebot: %w\n%s", err, out)
	}
}

func (b *binary) remove() error {
	if b.dir == "" {
		return nil
	}
	return os.RemoveAll(b.dir)
}

// fakeEnv is an environment of which nothing comes from outside, and what a command wrote.
type fakeEnv struct {
	variables      map[string]string
	stdout, stderr bytes.Buffer
}

func (f *fakeEnv) environment() environment {
	return environment{
		lookupenv: func(name string) (string, bool) {
			value, ok := f.variables[name]
			return value, ok
		},
		stdout: &f.stdout, stderr: &f.stderr,
	}
}

// inProcess runs a command line and returns its exit status.
func (f *fakeEnv) inProcess(ctx context.Context, args ...string) int {
	return run(ctx, args, f.environment())
}

// wantSentence checks that a command ended with exit status 2 and said one sentence or two on one line, which holds all
// of the parts and none of the secrets.
func wantSentence(t *testing.T, status int, stderr string, parts, secrets []string) {
	t.Helper()
	if status != 2 {
		t.Errorf("exit status %d, want 2", status)
	}
	if !strings.HasPrefix(stderr, "revokebot: ") || !strings.HasSuffix(stderr, ".\n") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("this is not one line that begins with the program's name and ends with a full stop:\n%s", stderr)
	}
	for _, part := range parts {
		if !strings.Contains(stderr, part) {
			t.Errorf("%q is missing in:\n%s", part, stderr)
		}
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(stderr, secret) {
			t.Errorf("the secret %q is repeated in:\n%s", secret, stderr)
		}
	}
}

// writeFile writes a file into a folder of the test's own and returns its path.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

package browser

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program, built once for all tests.
type binary struct {
	once      sync.Once
	dir, path string
	err       error
}

var program binary

func TestMain(m *testing.M) {
	status := m.Run()
	if program.dir != "" {
		_ = os.RemoveAll(program.dir) // it is below the folder for temporary files
	}
	os.Exit(status)
}

// built returns the path of the program. It is built with the race detector if the tests were.
func built(t *testing.T) string {
	t.Helper()
	program.once.Do(func() {
		if program.dir, program.err = os.MkdirTemp("", "revokebot-browser-"); program.err != nil {
			return
		}
		program.path = filepath.Join(program.dir, "revokebot-sandbox")
		args := []string{"build", "-buildvcs=false", "-o", program.path}
		if raced() {
			args = append(args, "-race")
		}
		if out, err := exec.Command("go", append(args, "../../cmd/revokebot-sandbox")...).CombinedOutput(); err != nil {
			program.err = fmt.Errorf("build revokebot-sandbox: %w\n%s", err, out)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

// raced tells whether these tests were built with the race detector.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

// transcript keeps what a process writes and tells once its page is there.
type transcript struct {
	mu    sync.Mutex
	text  bytes.Buffer
	found chan string // gets the address of the page
	told  bool
}

var pageAddress = regexp.MustCompile(`(?m)^\s+Open\s+(http://\S+)$`)

func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if m := pageAddress.FindSubmatch(w.text.Bytes()); m != nil && !w.told {
		w.told = true
		w.found <- string(m[1]) // it has room for one
	}
	return n, err
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// startSandbox runs the program until the test ends, and returns the address of its page. What
// takes seconds in life is shorter here, and long enough to be seen.
func startSandbox(t *testing.T, args ...string) string {
	t.Helper()
	all := append([]string{"--listen", "127.0.0.1:0", "--margin", "3s", "--propagation", "1s", "--trail-delay", "1s"},
		args...)
	cmd := exec.Command(built(t), all...)
	home := t.TempDir()
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "AWS_CONFIG_FILE=" + filepath.Join(home, "config"),
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "credentials"), "AWS_EC2_METADATA_DISABLED=true",
	}
	stdout, stderr := &transcript{found: make(chan string, 1)}, &transcript{found: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	gone := false
	t.Cleanup(func() {
		if !gone {
			if err := endOf(cmd, ended); err != nil {
				t.Error(err)
			}
		}
		if strings.Contains(stderr.String(), `"ERROR"`) || strings.Contains(stderr.String(), "level=ERROR") {
			t.Error("there is an ERROR in the log")
		}
		if t.Failed() {
			t.Logf("the sandbox printed:\n%s\nand said:\n%s", stdout, stderr)
		}
	})
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case address := <-stdout.found:
		return address
	case err := <-ended:
		gone = true
		t.Fatalf("the sandbox ended at once: %v", err)
	case <-timer.C:
		t.Fatalf("the sandbox printed no address in %v", patience)
	}
	return ""
}

// endOf asks a process to end and waits for it.
func endOf(cmd *exec.Cmd, ended <-chan error) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("the sandbox was asked to end: %w", err)
		}
		return nil
	case <-ctx.Done():
		_ = cmd.Process.Kill() // it may have ended just now
		<-ended
		return fmt.Errorf("the sandbox did not end in %v", patience)
	}
}

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// soon is the longest that anything is waited for which should happen at once. It only tells what hangs from a busy
// machine.
const soon = 4 * time.Minute

// program is revokebot as a process of its own.
type program struct {
	t              *testing.T
	name           string
	cmd            *exec.Cmd
	stdout, stderr *transcript
	ended          chan struct{}
}

// start starts revokebot with an environment of which nothing but the PATH comes from outside. It is killed when the test
// ends, and what it said is in the log of a test that failed.
func start(t *testing.T, variables map[string]string, args ...string) *program {
	t.Helper()
	p := &program{
		t: t, name: "revokebot " + strings.Join(args, " "), cmd: exec.Command(built(t), args...),
		stdout: newTranscript(), stderr: newTranscript(), ended: make(chan struct{}),
	}
	home := t.TempDir() // without the profiles of whoever runs the tests
	p.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "AWS_CONFIG_FILE=" + filepath.Join(home, "config"),
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "credentials"), "AWS_EC2_METADATA_DISABLED=true",
	}
	for name, value := range variables {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the status is in cmd.ProcessState
		p.stdout.end()
		p.stderr.end()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s printed:\n%s\nand said:\n%s", p.name, p.stdout, p.stderr)
		}
	})
	return p
}

// kill ends it at once, as a power cut would.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may be gone
	<-p.ended
}

// terminate asks it to end.
func (p *program) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// wait waits for its end and returns the exit status.
func (p *program) wait() int {
	p.t.Helper()
	wait(p.t, p.ended, "end of "+p.name)
	return p.cmd.ProcessState.ExitCode()
}

// wait waits for something that is told by closing a channel.
func wait(t *testing.T, happened <-chan struct{}, what string) {
	t.Helper()
	timer := time.NewTimer(soon)
	defer timer.Stop()
	select {
	case <-happened:
	case <-timer.C:
		t.Fatalf("no %s within %v", what, soon)
	}
}

// wantCleanEnd asks it to end, and wants exit status 0.
func (p *program) wantCleanEnd() {
	p.t.Helper()
	p.terminate()
	if status := p.wait(); status != 0 {
		p.t.Errorf("%s ended with status %d after SIGTERM, want 0", p.name, status)
	}
}

// runToEnd runs revokebot and returns its exit status and what it said.
func runToEnd(t *testing.T, variables map[string]string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	p := start(t, variables, args...)
	status = p.wait()
	return status, p.stdout.String(), p.stderr.String()
}

// transcript is what a process writes, for somebody who waits for a part of it.
type transcript struct {
	mu    sync.Mutex
	text  []byte
	grown chan struct{} // closed and replaced with every write
	over  bool
}

func newTranscript() *transcript { return &transcript{grown: make(chan struct{})} }

// Write implements io.Writer.
func (r *transcript) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, p...)
	close(r.grown)
	r.grown = make(chan struct{})
	return len(p), nil
}

func (r *transcript) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	close(r.grown)
	r.grown = make(chan struct{})
}

func (r *transcript) look() (text string, over bool, grown <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.text), r.over, r.grown
}

// String returns what was written so far.
func (r *transcript) String() string {
	text, _, _ := r.look()
	return text
}

// waitFor waits until found says that what was written so far is enough, and returns it.
func (r *transcript) waitFor(t *testing.T, what string, found func(text string) bool) string {
	t.Helper()
	timer := time.NewTimer(soon)
	defer timer.Stop()
	for {
		text, over, grown := r.look()
		if found(text) {
			return text
		}
		if over {
			t.Fatalf("the process ended without %s", what)
		}
		select {
		case <-grown:
		case <-timer.C:
			t.Fatalf("no %s within %v", what, soon)
		}
	}
}

// waitForText waits until something was written.
func (r *transcript) waitForText(t *testing.T, part string) string {
	t.Helper()
	return r.waitFor(t, "word of "+part, func(text string) bool { return strings.Contains(text, part) })
}

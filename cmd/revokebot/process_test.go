package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soon is the longest wait for what should happen at once. It only tells a hang from a busy
// machine.
const soon = 4 * time.Minute

// process is a program as a process of its own.
type process struct {
	t              *testing.T
	name           string
	cmd            *exec.Cmd
	Stdout, Stderr *transcript
	ended          chan struct{}
}

// startCommand starts a command below cmd, such as revokebot, with an environment of which nothing
// but the PATH comes from outside. It is killed when the test ends, and what it said is in the log
// of a test that failed.
func startCommand(t *testing.T, command string, variables map[string]string, args ...string) *process {
	t.Helper()
	p := &process{
		t: t, name: command + " " + strings.Join(args, " "), cmd: exec.Command(built(t, command), args...),
		Stdout: newTranscript(), Stderr: newTranscript(), ended: make(chan struct{}),
	}
	home := t.TempDir() // without the profiles of whoever runs the tests
	p.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "AWS_CONFIG_FILE=" + filepath.Join(home, "config"),
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "credentials"), "AWS_EC2_METADATA_DISABLED=true",
	}
	for name, value := range variables {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stdout, p.cmd.Stderr = p.Stdout, p.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the status is in cmd.ProcessState
		p.Stdout.end()
		p.Stderr.end()
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s printed:\n%s\nand said:\n%s", p.name, p.Stdout, p.Stderr)
		}
	})
	return p
}

// Kill ends it at once, as a power cut would.
func (p *process) Kill() {
	_ = p.cmd.Process.Kill() // it may be gone
	<-p.ended
}

// Terminate asks it to end.
func (p *process) Terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// Wait waits for its end and returns the exit status.
func (p *process) Wait() int {
	p.t.Helper()
	timer := time.NewTimer(soon)
	defer timer.Stop()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-timer.C:
		p.t.Fatalf("%s has not ended within %v", p.name, soon)
		return -1
	}
}

// WantCleanEnd asks it to end, and wants exit status 0.
func (p *process) WantCleanEnd() {
	p.t.Helper()
	p.Terminate()
	if status := p.Wait(); status != 0 {
		p.t.Errorf("%s ended with status %d after SIGTERM, want 0", p.name, status)
	}
}

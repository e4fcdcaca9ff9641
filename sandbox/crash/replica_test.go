package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/revokebot/revokebot/sandbox/program"
)

// replica is one process of the bot at a time, under one number, with its own ways to everything.
type replica struct {
	number int
	binary string
	env    []string
	log    *botLog

	mu      sync.Mutex
	cmd     *exec.Cmd
	gone    chan struct{} // closed when the process has ended
	starts  int
	retired bool // it is not started again
}

// start runs the process, unless it runs or the lane ends.
func (r *replica) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.retired || r.cmd != nil {
		return nil
	}
	cmd := exec.Command(r.binary, "run")
	cmd.Env, cmd.SysProcAttr = r.env, program.EndWithParent()
	r.starts++
	cmd.Stderr = r.log.writer(fmt.Sprintf("%d.%d", r.number, r.starts))
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start replica %d: %w", r.number, err)
	}
	gone := make(chan struct{})
	r.cmd, r.gone = cmd, gone
	go func() {
		defer close(gone)
		_ = cmd.Wait() // how it ended is in the log
	}()
	return nil
}

// kill ends the process with SIGKILL and returns when it is gone. It reports whether there was one.
func (r *replica) kill() bool { return r.end(syscall.SIGKILL) }

func (r *replica) end(signal syscall.Signal) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		return false
	}
	_ = r.cmd.Process.Signal(signal) // one that is gone needs none
	<-r.gone
	r.cmd = nil
	return true
}

// retire ends the process as an administrator does, for good.
func (r *replica) retire() {
	r.mu.Lock()
	r.retired = true
	r.mu.Unlock()
	r.end(syscall.SIGTERM)
}

// alive reports whether the process runs. One that ended by itself is a broken promise, and is told
// by the log.
func (r *replica) alive() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		return false
	}
	select {
	case <-r.gone:
		return false
	default:
		return true
	}
}

// botLog gathers what the processes of a lane log.
type botLog struct {
	mu     sync.Mutex
	lines  []string
	errors []string // those of level ERROR
}

const keptLines = 3000

type logWriter struct {
	log  *botLog
	name string
	rest []byte
}

func (l *botLog) writer(name string) *logWriter { return &logWriter{log: l, name: name} }

// Write implements io.Writer, line by line.
func (w *logWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		w.log.add(w.name, string(w.rest[:i]))
		w.rest = w.rest[i+1:]
	}
}

func (l *botLog) add(name, line string) {
	var head struct{ Level string }
	// What is no JSON is a panic or worse.
	bad := json.Unmarshal([]byte(line), &head) != nil || head.Level == "ERROR"
	l.mu.Lock()
	defer l.mu.Unlock()
	text := name + " " + line
	if bad {
		l.errors = append(l.errors, text)
	}
	if l.lines = append(l.lines, text); len(l.lines) > 2*keptLines {
		l.lines = slices.Clone(l.lines[keptLines:])
	}
}

// takeErrors returns the lines of level ERROR since the last call.
func (l *botLog) takeErrors() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.errors
	l.errors = nil
	return taken
}

// mark returns a place in the log, and since what came after it.
func (l *botLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

func (l *botLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

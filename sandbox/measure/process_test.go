package measure

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/revokebot/revokebot/sandbox/program"
)

// tick is the unit of processor time in /proc: a hundredth of a second on all systems that Go knows
// (proc_pid_stat(5)).
const tick = 10 * time.Millisecond

// process is a program that runs.
type process struct {
	tb      testing.TB
	cmd     *exec.Cmd
	began   time.Time
	listen  string // where it serves its health, if it does
	stderr  *bytes.Buffer
	gone    chan struct{}
	stopped bool
}

// run starts a program and stops it at the end of the section.
func run(tb testing.TB, binary string, env []string, args ...string) *process {
	tb.Helper()
	p := &process{tb: tb, cmd: exec.Command(binary, args...), stderr: &bytes.Buffer{}, gone: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr, p.cmd.SysProcAttr = env, p.stderr, program.EndWithParent()
	p.start()
	return p
}

func (p *process) start() {
	p.tb.Helper()
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		p.tb.Fatal(err)
	}
	go func() {
		defer close(p.gone)
		_ = p.cmd.Wait() // how it ended is in what it said
	}()
	p.tb.Cleanup(p.stop)
}

// stop ends the process as an administrator does. It may be called more than once.
func (p *process) stop() {
	if p.stopped {
		return
	}
	p.stopped = true
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // one that is gone needs none
	select {
	case <-p.gone:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
	for line := range strings.Lines(p.stderr.String()) {
		if strings.Contains(line, `"level":"ERROR"`) || strings.HasPrefix(line, "panic:") {
			p.tb.Errorf("%s: %s", p.cmd.Path, line)
		}
	}
}

func (p *process) proc(file string) string {
	p.tb.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file))
	if err != nil {
		p.tb.Fatalf("%v; memory and processor time are read from /proc, which Linux has\n%s", err, p.tail())
	}
	return string(raw)
}

// tail is the end of what the process said. It is called when the process is gone or does not
// matter any more.
func (p *process) tail() string {
	select {
	case <-p.gone:
		text := p.stderr.Bytes()
		return string(text[max(0, len(text)-2000):])
	default:
		return ""
	}
}

// memory is the resident set in bytes.
func (p *process) memory() int64 { return p.status("VmRSS") }

// own is the part of it that is the process's own: without the pages of its binary, which the
// system can drop at any time and which two replicas share.
func (p *process) own() int64 { return p.status("RssAnon") }

func (p *process) status(name string) int64 {
	p.tb.Helper()
	kilobytes, err := statusValue(p.proc("status"), name)
	if err != nil {
		p.tb.Fatal(err)
	}
	return kilobytes << 10
}

// processor is the processor time that the process has used.
func (p *process) processor() time.Duration {
	p.tb.Helper()
	ticks, err := statTicks(p.proc("stat"))
	if err != nil {
		p.tb.Fatal(err)
	}
	return time.Duration(ticks) * tick
}

// goroutines reads go_goroutines from the process's metrics; false when it has none.
func (p *process) goroutines(ctx context.Context) (int, bool) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.listen+"/metrics", http.NoBody)
	if err != nil {
		return 0, false
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return 0, false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return 0, false
	}
	n, ok := gaugeIn(string(text), "go_goroutines")
	return int(n), ok
}

// statusValue reads a number from /proc/<pid>/status, without its unit.
func statusValue(status, name string) (int64, error) {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("the status of a process has no %s", name)
}

// statTicks is the processor time in /proc/<pid>/stat, of the user and of the system: fields 14 and
// 15.
func statTicks(stat string) (int64, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // from field 3 on
	if len(fields) < 13 {
		return 0, fmt.Errorf("the stat of a process has %d fields after its name", len(fields))
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return user + system, err
}

// gaugeIn finds a metric without labels in the text format of Prometheus.
func gaugeIn(text, name string) (float64, bool) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return n, err == nil
		}
	}
	return 0, false
}

// freeAddress is one that nobody listens on just now.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Package redisserver starts real Redis servers for tests.
//
// Start runs the redis-server of the PATH as a process of its own, on a free port and a Unix
// socket, with its files in a folder of its own, and stops it when the test ends. By default it
// keeps nothing on disk; a test that restarts it and wants its data back asks for "--appendonly",
// "yes". Between the two a test can do to it what happens to Redis in life: Kill is a machine that
// died, Pause one that does not answer, Restart the return.
//
// A missing redis-server fails the test and says how to install it: tests that need Redis are never
// left out.
package redisserver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// answersWithin bounds the wait for a server that starts. It only tells a server that hangs from a
	// busy machine.
	answersWithin = 3 * time.Minute
	// stopsWithin is how long a server may take to stop when it is asked to; then it is killed.
	stopsWithin = time.Minute
	// askEvery is the pause between two looks at a server that starts.
	askEvery = 10 * time.Millisecond
	// portTries is how many ports are tried: another process may take one between the look and the
	// start.
	portTries = 20
)

// Server is one Redis server. Its methods may be called at the same time; those that cannot do
// their work fail the test.
type Server struct {
	Addr   string // host:port, the same after a restart
	Socket string // path of the Unix socket

	tb   testing.TB
	path string // of the program
	dir  string
	args []string

	mu sync.Mutex
	at *process // nil while the server does not run
}

// process is one life of a server.
type process struct {
	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed when it is gone
}

// Start starts a server and waits until it answers. args are options of redis-server, such as
// "--appendonly", "yes", and come after the package's own. The server stops when the test ends.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s, err := start(tb, args)
	if err != nil {
		tb.Fatalf("redisserver: %v", err)
	}
	return s
}

func start(tb testing.TB, args []string) (*Server, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is not on the PATH; install it with `apt-get install redis-server` (Debian, " +
			"Ubuntu) or `brew install redis` (macOS)")
	}
	// Not tb.TempDir: its path holds the test's name, and the path of a Unix socket has about a
	// hundred characters at most.
	dir, err := os.MkdirTemp("", "redis-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	s := &Server{tb: tb, path: path, dir: dir, args: args, Socket: filepath.Join(dir, "redis.sock")}
	tb.Cleanup(func() {
		s.Stop()
		if err := os.RemoveAll(dir); err != nil {
			tb.Logf("redisserver: %v", err)
		}
	})
	for range portTries {
		if s.Addr, err = freeAddress(); err != nil {
			return nil, err
		}
		err = s.run()
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// freeAddress finds a port below those that systems give to outgoing connections (32768 and up on
// Linux, 49152 and up on macOS): a client that tries to reconnect while the server is down must not
// be given the server's port as its own.
func freeAddress() (string, error) {
	var err error
	for range portTries {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(15000+rand.IntN(15000)))
		var l net.Listener
		if l, err = net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", fmt.Errorf("find a free port: %w", err)
}

// errPortTaken is a server that could not listen.
var errPortTaken = errors.New("the port was taken by another process")

// run starts the process and waits until it answers.
func (s *Server) run() error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	p := &process{output: &output{}, ended: make(chan struct{})}
	args := []string{
		"--port", port, "--bind", host, "--unixsocket", s.Socket, "--unixsocketperm", "700", "--dir", s.dir,
		"--save", "", "--appendonly", "no",
	}
	p.cmd = exec.Command(s.path, append(args, s.args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = endWithParent()
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its output
		close(p.ended)
	}()
	// By the socket, which is the server's own: on the port somebody else might answer. It comes after
	// the port.
	if err := p.waitForAnswer("unix", s.Socket); err != nil {
		p.end(syscall.SIGKILL)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = p
	return nil
}

// waitForAnswer asks until the server has loaded its data.
func (p *process) waitForAnswer(network, address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), answersWithin)
	defer cancel()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.ended:
			if text := p.output.String(); strings.Contains(text, "Address already in use") {
				return errPortTaken
			}
			return fmt.Errorf("redis-server ended at once and said:\n%s", p.output)
		case <-ctx.Done():
			return fmt.Errorf("redis-server did not answer within %v and said:\n%s", answersWithin, p.output)
		case <-tick.C:
		}
		// Any answer but this one will do: a server that wants a password is there.
		if line, err := ping(ctx, network, address); err == nil && !strings.HasPrefix(line, "-LOADING") {
			return nil
		}
	}
}

func ping(ctx context.Context, network, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

// end sends a signal and waits until the process is gone.
func (p *process) end(signal os.Signal) {
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // a paused process hears nothing else; one that is gone needs nothing
	_ = p.cmd.Process.Signal(signal)
	timer := time.NewTimer(stopsWithin)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// URL is the address as REDIS_URL has it, database 0, without a password.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// SocketURL is the address of the Unix socket as REDIS_URL has it.
func (s *Server) SocketURL() string { return "unix://" + s.Socket }

// Stop asks the server to end and waits for it, as an administrator would. It may be called more
// than once.
func (s *Server) Stop() { s.finish(syscall.SIGTERM) }

// Kill ends the server at once and without a last word, as a power cut would. It may be called more
// than once.
func (s *Server) Kill() { s.finish(syscall.SIGKILL) }

func (s *Server) finish(signal os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at != nil {
		s.at.end(signal)
		s.at = nil
	}
}

// Restart stops the server if it runs, starts it on the same address and files, and waits until it
// answers. Without "--appendonly", "yes" it comes back empty.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	if err := s.run(); err != nil {
		s.tb.Fatalf("redisserver: restart: %v", err)
	}
}

// Wipe kills the server and brings it back without its files, as after the loss of a disk.
func (s *Server) Wipe() {
	s.tb.Helper()
	s.Kill()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.tb.Fatalf("redisserver: wipe: %v", err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(s.dir, entry.Name())); err != nil {
			s.tb.Fatalf("redisserver: wipe: %v", err)
		}
	}
	s.Restart()
}

// Written is all that a server with --appendonly yes has written to its disk, in Redis' own form.
func (s *Server) Written() string {
	s.tb.Helper()
	var all strings.Builder
	err := fs.WalkDir(os.DirFS(s.dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(s.dir, path))
		all.Write(text)
		return err
	})
	if err != nil {
		s.tb.Errorf("redisserver: %v", err)
	}
	return all.String()
}

// Pause keeps the server from doing anything: connections stay open and nothing is answered.
func (s *Server) Pause() {
	s.tb.Helper()
	s.signal(syscall.SIGSTOP)
}

// Resume ends a Pause. What was sent meanwhile is answered now.
func (s *Server) Resume() {
	s.tb.Helper()
	s.signal(syscall.SIGCONT)
}

func (s *Server) signal(signal os.Signal) {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.tb.Fatal("redisserver: the server does not run")
	}
	if err := s.at.cmd.Process.Signal(signal); err != nil {
		s.tb.Fatalf("redisserver: %v", err)
	}
}

// output keeps what a server says, for the message of a failure.
type output struct {
	mu   sync.Mutex
	text []byte
}

// outputKept bounds it: the first words of a server are those that matter.
const outputKept = 16 << 10

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p[:min(len(p), outputKept-len(o.text))]...)
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.TrimSpace(slices.Clone(o.text)))
}

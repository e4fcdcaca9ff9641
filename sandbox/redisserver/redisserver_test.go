package redisserver

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	options.ReadTimeout = 300 * time.Millisecond
	options.ContextTimeoutEnabled = true
	c := redis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestItAnswersOnThePortAndOnTheSocket(t *testing.T) {
	s := Start(t)
	if err := connect(t, s.URL()).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := connect(t, s.SocketURL()).Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("by the socket: %q, %v", got, err)
	}
}

func TestServersStandSideBySide(t *testing.T) {
	a, b := Start(t), Start(t)
	if a.Addr == b.Addr || a.Socket == b.Socket {
		t.Errorf("two servers share %s or %s", a.Addr, a.Socket)
	}
}

func TestAKilledServerRefusesConnectionsAndComesBackWithWhatItWrote(t *testing.T) {
	s := Start(t, "--appendonly", "yes")
	c := connect(t, s.URL())
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	address := s.Addr
	s.Kill()
	s.Kill()
	if err := c.Ping(t.Context()).Err(); err == nil {
		t.Error("a killed server answered")
	}
	s.Restart()
	if s.Addr != address {
		t.Errorf("it came back at %s, not at %s", s.Addr, address)
	}
	if got, err := c.Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("after the restart: %q, %v", got, err)
	}
}

func TestWithoutAnAppendOnlyFileItComesBackEmpty(t *testing.T) {
	s := Start(t)
	c := connect(t, s.URL())
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	if err := c.Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("after the restart: %v", err)
	}
}

func TestAWipedServerHasLostWhatItWrote(t *testing.T) {
	s := Start(t, "--appendonly", "yes")
	c := connect(t, s.URL())
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Wipe()
	if err := c.Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("after the wipe: %v", err)
	}
}

func TestAPausedServerDoesNotAnswerUntilItIsResumed(t *testing.T) {
	s := Start(t)
	c := connect(t, s.URL())
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	err := c.Ping(t.Context()).Err()
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		t.Errorf("while it was paused: %v", err)
	}
	s.Resume()
	if _, err := ping(t.Context(), "tcp", s.Addr); err != nil {
		t.Errorf("after it was resumed: %v", err)
	}
}

func TestAPausedServerStops(t *testing.T) {
	s := Start(t)
	s.Pause()
	s.Stop()
	if _, err := ping(t.Context(), "tcp", s.Addr); err == nil {
		t.Error("a stopped server answered")
	}
}

func TestAServerThatWantsAPasswordCountsAsStarted(t *testing.T) {
	s := Start(t, "--requirepass", "open sesame")
	line, err := ping(t.Context(), "tcp", s.Addr)
	if err != nil || !strings.HasPrefix(line, "-NOAUTH") {
		t.Errorf("without the password: %q, %v", line, err)
	}
}

func TestTheTestsEndLeavesNothingBehind(t *testing.T) {
	var s *Server
	t.Run("inside", func(t *testing.T) { s = Start(t, "--appendonly", "yes") })
	if _, err := ping(t.Context(), "tcp", s.Addr); err == nil {
		t.Error("the server is still there")
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is still there: %v", err)
	}
}

func TestAMissingProgramIsNamedWithHowToInstallIt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := start(t, nil)
	if err == nil || !strings.Contains(err.Error(), "redis-server is not on the PATH") ||
		!strings.Contains(err.Error(), "apt-get install redis-server") {
		t.Errorf("got %v", err)
	}
}

func TestAWrongOptionFailsWithWhatTheServerSaid(t *testing.T) {
	_, err := start(t, []string{"--no-such-option", "1"})
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("got %v", err)
	}
}

func TestAPortThatIsTakenIsToldApart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := Start(t)
	s.Stop()
	taken := &Server{tb: t, path: s.path, dir: s.dir, Socket: s.Socket, Addr: l.Addr().String()}
	if err := taken.run(); !errors.Is(err, errPortTaken) {
		t.Errorf("got %v", err)
	}
}

package redisserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

const (
	// MasterName is what the sentinels call the primary.
	MasterName = "revokebot"
	// sentinels is the smallest number of which one may be away.
	sentinels = 3
)

// Sentinel is a primary with a replica, and three sentinels that put the replica in its place after
// KillPrimary. Until then they are so patient that a busy machine does not make them do it.
type Sentinel struct {
	Primary, Replica *Server
	// Addrs are the addresses of the sentinels.
	Addrs []string
}

// StartSentinel starts them and waits until all know each other and the replica follows the
// primary. args are further options of the primary and the replica. They stop when the test ends.
func StartSentinel(tb testing.TB, args ...string) *Sentinel {
	tb.Helper()
	s := &Sentinel{Primary: Start(tb, args...)}
	host, port, err := net.SplitHostPort(s.Primary.Addr)
	if err != nil {
		tb.Fatalf("redisserver: %v", err)
	}
	s.Replica = Start(tb, append([]string{"--replicaof", host + " " + port, "--repl-diskless-sync-delay", "0"},
		args...)...)
	ctx, cancel := context.WithTimeout(context.Background(), agreesWithin)
	defer cancel()
	// A sentinel that does not find the replica at its first look takes the next one ten seconds
	// later.
	if err := s.follow(ctx); err != nil {
		tb.Fatalf("redisserver: wait for the replica: %v", err)
	}
	for range sentinels {
		address, err := startSentinel(tb, s.Primary)
		if err != nil {
			tb.Fatalf("redisserver: start a sentinel: %v", err)
		}
		s.Addrs = append(s.Addrs, address)
	}
	if err := s.settle(ctx); err != nil {
		tb.Fatalf("redisserver: wait for the sentinels: %v", err)
	}
	return s
}

// startSentinel starts one sentinel on a free port. Unlike a server it needs a file, which it
// rewrites.
func startSentinel(tb testing.TB, primary *Server) (address string, err error) {
	host, port, err := net.SplitHostPort(primary.Addr)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "redis-")
	if err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	p := &process{}
	tb.Cleanup(func() {
		if p.cmd != nil {
			p.end(syscall.SIGTERM)
		}
		if err := os.RemoveAll(dir); err != nil {
			tb.Logf("redisserver: %v", err)
		}
	})
	for range portTries {
		if address, err = freeAddress(); err != nil {
			return "", err
		}
		_, own, err := net.SplitHostPort(address)
		if err != nil {
			return "", err
		}
		file, socket := filepath.Join(dir, "sentinel.conf"), filepath.Join(dir, "redis.sock")
		text := strings.Join([]string{
			"port " + own, "bind " + host, "dir " + dir, "unixsocket " + socket,
			fmt.Sprintf("sentinel monitor %s %s %s %d", MasterName, host, port, sentinels/2+1),
			"sentinel down-after-milliseconds " + MasterName + " 600000",
			"sentinel failover-timeout " + MasterName + " 5000",
		}, "\n")
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			return "", err
		}
		if p, err = startProcess(exec.Command(primary.path, file, "--sentinel"), socket); !errors.Is(err, errPortTaken) {
			return address, err
		}
	}
	return "", errPortTaken
}

// startProcess starts a command and waits until it answers on its socket.
func startProcess(cmd *exec.Cmd, socket string) (*process, error) {
	p := &process{cmd: cmd, output: &output{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = p.output, p.output, endWithParent()
	if err := cmd.Start(); err != nil {
		return &process{}, err
	}
	go func() {
		_ = cmd.Wait() // how it ended is in its output
		close(p.ended)
	}()
	if err := p.waitForAnswer("unix", socket); err != nil {
		p.end(syscall.SIGKILL)
		return &process{}, err
	}
	return p, nil
}

// follow waits until the replica follows.
func (s *Sentinel) follow(ctx context.Context) error {
	replica := redis.NewClient(&redis.Options{Addr: s.Replica.Addr})
	defer replica.Close()
	return until(ctx, func() error {
		info, err := replica.Info(ctx, "replication").Result()
		if err == nil && !strings.Contains(info, "master_link_status:up") {
			err = errors.New("the replica does not follow yet")
		}
		return err
	})
}

// settle waits until every sentinel knows of the replica and of the others.
func (s *Sentinel) settle(ctx context.Context) error {
	errs := make([]error, len(s.Addrs))
	var wg sync.WaitGroup
	for i, address := range s.Addrs {
		wg.Go(func() {
			client := redis.NewSentinelClient(&redis.Options{Addr: address})
			defer client.Close()
			errs[i] = until(ctx, func() error {
				known, err := client.Master(ctx, MasterName).Result()
				if err == nil && (known["num-slaves"] != "1" || known["num-other-sentinels"] != fmt.Sprint(sentinels-1)) {
					err = fmt.Errorf("%s knows %s replicas and %s other sentinels", address, known["num-slaves"],
						known["num-other-sentinels"])
				}
				return err
			})
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// KillPrimary kills the primary as Kill does. From now on half a second without an answer is enough
// for the sentinels.
func (s *Sentinel) KillPrimary() {
	tb := s.Primary.tb
	tb.Helper()
	for _, address := range s.Addrs {
		client := redis.NewSentinelClient(&redis.Options{Addr: address})
		err := client.Set(context.Background(), MasterName, "down-after-milliseconds", "500").Err()
		_ = client.Close()
		if err != nil {
			tb.Fatalf("redisserver: make a sentinel impatient: %v", err)
		}
	}
	s.Primary.Kill()
}

// URL is the address as REDIS_URL has it.
func (s *Sentinel) URL() string {
	url := "redis://" + s.Addrs[0] + "/0?master_name=" + MasterName
	for _, address := range s.Addrs[1:] {
		url += "&addr=" + address
	}
	return url
}

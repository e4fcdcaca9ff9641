package crash

import (
	"bufio"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// scriptNames maps the hash by which EVALSHA calls each of the store's scripts to its name.
func scriptNames() (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join("..", "..", "approvals", "redisstore", "scripts", "*.lua"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, errors.New("the store's scripts are not where they were"))
	}
	shared, err := os.ReadFile(filepath.Join(filepath.Dir(files[0]), "shared.lua"))
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(files))
	for _, file := range files {
		if filepath.Base(file) == "shared.lua" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		names[hashOf(slices.Concat(shared, text))] = strings.TrimSuffix(filepath.Base(file), ".lua")
	}
	return names, nil
}

func hashOf(script []byte) string {
	sum := sha1.Sum(script)
	return hex.EncodeToString(sum[:])
}

// proxy stands between one replica and Redis.
type proxy struct {
	listener net.Listener
	redis    string // address
	replica  int
	gate     *gate
	scripts  map[string]string
	work     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
}

func startProxy(redis string, replica int, g *gate, scripts map[string]string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &proxy{listener: l, redis: redis, replica: replica, gate: g, scripts: scripts, conns: make(map[net.Conn]bool)}
	p.work.Go(p.accept)
	return p, nil
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial("tcp", p.redis)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.keep(client, server) {
			return
		}
		p.work.Go(func() { p.pass(client, server) })
	}
}

func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			_ = c.Close()
			continue
		}
		p.conns[c] = true
	}
	return !p.closed
}

// pass carries one connection's commands and replies until either side ends it.
func (p *proxy) pass(client, server net.Conn) {
	sent := make(chan string, 4096) // the names of the commands whose reply is still to come; "" does not count
	var back sync.WaitGroup
	end := func() {
		_ = client.Close()
		_ = server.Close()
	}
	back.Go(func() {
		defer end()
		p.replies(client, server, sent)
	})
	p.commands(client, server, sent)
	end()
	close(sent)
	back.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}

func (p *proxy) commands(client, server net.Conn, sent chan<- string) {
	in := bufio.NewReader(client)
	for {
		raw, err := readValue(in)
		if err != nil {
			return
		}
		name := p.name(words(raw))
		if name != "" && p.gate.step(p.replica, point{"redis", name, false}).lost {
			return
		}
		sent <- name
		if _, err := server.Write(raw); err != nil {
			return
		}
	}
}

func (p *proxy) replies(client, server net.Conn, sent <-chan string) {
	in := bufio.NewReader(server)
	for {
		raw, err := readValue(in)
		if err != nil {
			return
		}
		if raw[0] != '>' { // a push answers nothing
			name, ok := <-sent
			if !ok {
				return
			}
			nothing := name == "take" && isNil(raw) || strings.HasPrefix(string(raw), "-NOSCRIPT")
			if name != "" && !nothing && p.gate.step(p.replica, point{"redis", name, true}).lost {
				return
			}
		}
		if _, err := client.Write(raw); err != nil {
			return
		}
	}
}

// name says what a command is to the store; "" for what has nothing to do with it.
func (p *proxy) name(command []string) string {
	if len(command) == 0 {
		return ""
	}
	switch strings.ToUpper(command[0]) {
	case "EVALSHA":
		if len(command) > 1 {
			return p.scripts[strings.ToLower(command[1])]
		}
	case "EVAL":
		if len(command) > 1 {
			return p.scripts[hashOf([]byte(command[1]))]
		}
	case "XREADGROUP":
		return "take"
	case "XDEL":
		return "done" // it drops an item
	case "XACK":
		return "acknowledge" // the dropped item's
	case "HGET", "HMGET", "XRANGE":
		return "read"
	}
	return ""
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.work.Wait()
}

// Package pipe is a net.Listener that lives in memory.
//
// The stand-ins in sandbox are http.Handlers; over TCP they serve people, over a pipe they serve
// tests. A pipe has no file descriptor, so everything that talks through it can run inside a
// testing/synctest bubble, where fifteen minutes pass in milliseconds.
package pipe

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Listener accepts the connections that its own Dial makes. Make one with Listen.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Listen returns a Listener that is ready for Dial.
func Listen() *Listener {
	return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to the Listener. The network and address are ignored, so the method fits
// http.Transport.DialContext and redis.Options.Dialer. After Close it fails with net.ErrClosed.
func (l *Listener) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
	}
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Client returns an HTTP client whose every connection goes to the Listener, whatever host the URL
// names. Close its idle connections before the listener's test ends.
func (l *Listener) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: l.Dial, DialTLSContext: l.Dial}}
}

// Accept waits for the next Dial.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the Listener; connections that were accepted stay open. It may be called more than
// once.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns an address that is only a name.
func (l *Listener) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "pipe" }
func (addr) String() string  { return "pipe" }

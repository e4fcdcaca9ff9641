package bot

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/revokebot/revokebot/handlers/messages"
)

// counts are totals since the start.
type counts struct {
	accepted, ignored, unreadable, busy, notRecorded atomic.Int64
	handled, failed, setAside                        atomic.Int64
}

// status knows which connections were greeted and are alive, and when the store last answered.
type status struct {
	mu          sync.Mutex
	connections map[*connection]bool
	storeAt     atomic.Int64 // Unix milliseconds of the last answer
	stopping    atomic.Bool
	counts      counts
}

func newStatus() *status { return &status{connections: make(map[*connection]bool)} }

func (s *status) greeted(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections[c] = true
}

func (s *status) gone(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, c)
}

func (s *status) storeAnswered() { s.storeAt.Store(time.Now().UnixMilli()) }

// Health is the bot's own view of itself.
type Health struct {
	Ready       bool               `json:"ready"` // connected, the store answers, not stopping
	Stopping    bool               `json:"stopping,omitempty"`
	Connections []ConnectionHealth `json:"connections"`
	StoreAnswer string             `json:"store_answered"` // how long ago; "never"
	Accepted    int64              `json:"envelopes_accepted"`
	Ignored     int64              `json:"envelopes_ignored"`
	Unreadable  int64              `json:"envelopes_unreadable"`
	TurnedAway  int64              `json:"envelopes_turned_away"`
	Handled     int64              `json:"items_handled"`
	Failed      int64              `json:"items_failed"`
	SetAside    int64              `json:"items_set_aside"`
}

// ConnectionHealth is one greeted connection.
type ConnectionHealth struct {
	Number int64  `json:"number"`
	Hello  string `json:"hello"` // how long ago Slack said it
	Alive  string `json:"alive"` // how long ago anything came
}

const (
	// aliveWithin is how long a connection counts as alive after the last frame, ping or pong: one ping and its deadline.
	aliveWithin = pingEvery + pongWithin
	// storeWithin is how old the store's last answer may be. Workers ask every second.
	storeWithin = 10 * time.Second
)

func (s *status) health() Health {
	now := time.Now()
	h := Health{
		Stopping: s.stopping.Load(), StoreAnswer: "never", Connections: []ConnectionHealth{},
		Accepted: s.counts.accepted.Load(), Ignored: s.counts.ignored.Load(), Unreadable: s.counts.unreadable.Load(),
		TurnedAway: s.counts.busy.Load() + s.counts.notRecorded.Load(), Handled: s.counts.handled.Load(),
		Failed: s.counts.failed.Load(), SetAside: s.counts.setAside.Load(),
	}
	ago := func(ms int64) time.Duration { return now.Sub(time.UnixMilli(ms)) }
	storeOK := false
	if at := s.storeAt.Load(); at > 0 {
		h.StoreAnswer = ago(at).Round(time.Millisecond).String()
		storeOK = ago(at) <= storeWithin
	}
	connected := false
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.connections {
		alive := ago(c.aliveAt.Load())
		connected = connected || alive <= aliveWithin
		h.Connections = append(h.Connections, ConnectionHealth{
			Number: c.number, Hello: ago(c.helloAt.Load()).Round(time.Millisecond).String(), Alive: alive.Round(time.Millisecond).String(),
		})
	}
	h.Ready = connected && storeOK && !h.Stopping
	return h
}

// connection says the same to people, in short.
func (s *status) connection() messages.Connection {
	now := time.Now()
	c := messages.Connection{Heard: -1}
	if at := s.storeAt.Load(); at > 0 {
		c.Heard = max(0, now.Sub(time.UnixMilli(at)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.connections {
		if now.Sub(time.UnixMilli(one.aliveAt.Load())) <= aliveWithin {
			c.Sockets++
		}
	}
	return c
}

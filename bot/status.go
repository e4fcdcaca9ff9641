package bot

import (
	"sync"
	"sync/atomic"
	"time"
)

// Trouble says why there are fewer connections than there should be.
type Trouble string

// Troubles. The first two do not pass by themselves.
const (
	TroubleToken   Trouble = "token_refused"        // wrong, revoked, or without the scope connections:write
	TroubleOff     Trouble = "socket_mode_off"      // an administrator switched Socket Mode off in the app's settings
	TroubleTooMany Trouble = "too_many_connections" // the app has all that Slack allows
	TroublePassing Trouble = "passing"              // the network, or Slack itself
)

// status knows which connections were greeted and are alive, and when the store last answered.
type status struct {
	mu          sync.Mutex
	connections map[*connection]bool
	everGreeted bool
	trouble     Trouble // since the last hello
	troubleAt   time.Time
	storeAt     atomic.Int64 // Unix milliseconds of the last answer
	helloAt     atomic.Int64 // Unix milliseconds of the last hello, of whichever connection
	stopping    atomic.Bool
}

func newStatus() *status { return &status{connections: make(map[*connection]bool)} }

func (s *status) greeted(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections[c], s.everGreeted = true, true
	s.helloAt.Store(time.Now().UnixMilli())
	s.trouble = ""
}

// alone reports whether there was a connection and is none.
func (s *status) alone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.everGreeted && len(s.connections) == 0
}

// troubled notes why a connection could not be opened or was ended, until the next one is greeted.
func (s *status) troubled(t Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble != t {
		s.trouble, s.troubleAt = t, time.Now()
	}
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
	Connected   bool               `json:"connected"` // a connection was greeted and is alive
	Connections []ConnectionHealth `json:"connections"`
	Trouble     Trouble            `json:"trouble,omitempty"`       // since the last hello
	Troubled    string             `json:"trouble_since,omitempty"` // how long ago it began
	Channels    []ChannelHealth    `json:"channels_in_trouble,omitempty"`
	StoreAnswer string             `json:"store_answered"` // how long ago; "never"

	// For who counts instead of reading.
	Wanted    int       `json:"-"` // connections that there should be
	Alive     int       `json:"-"` // of Connections
	LastHello time.Time `json:"-"` // of whichever connection, also of one that is gone; zero: none came
}

// ConnectionHealth is one greeted connection.
type ConnectionHealth struct {
	Number int64  `json:"number"`
	Hello  string `json:"hello"`  // how long ago Slack said it
	Alive  string `json:"alive"`  // how long ago anything came
	OfApp  int64  `json:"of_app"` // connections that the app had then, this one included, as Slack said
}

const (
	// aliveWithin is how long a connection counts as alive after the last frame, ping or pong: one
	// ping and its deadline.
	aliveWithin = pingEvery + pongWithin
	// storeWithin is how old the store's last answer may be. Workers ask every second.
	storeWithin = 10 * time.Second
)

func (s *status) health() Health {
	now := time.Now()
	h := Health{Stopping: s.stopping.Load(), StoreAnswer: "never", Connections: []ConnectionHealth{}}
	ago := func(ms int64) time.Duration { return now.Sub(time.UnixMilli(ms)) }
	storeOK := false
	if at := s.storeAt.Load(); at > 0 {
		h.StoreAnswer = ago(at).Round(time.Millisecond).String()
		storeOK = ago(at) <= storeWithin
	}
	if at := s.helloAt.Load(); at > 0 {
		h.LastHello = time.UnixMilli(at)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.connections {
		alive := ago(c.aliveAt.Load())
		if alive <= aliveWithin {
			h.Alive++
		}
		h.Connections = append(h.Connections, ConnectionHealth{
			Number: c.number, Hello: ago(c.helloAt.Load()).Round(time.Millisecond).String(),
			Alive: alive.Round(time.Millisecond).String(),
			OfApp: c.ofApp.Load(),
		})
	}
	if h.Trouble = s.trouble; h.Trouble != "" {
		h.Troubled = now.Sub(s.troubleAt).Round(time.Millisecond).String()
	}
	h.Connected = h.Alive > 0
	h.Ready = h.Connected && storeOK && !h.Stopping
	return h
}

package aws

import (
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Config says how a Server behaves. The zero value is a server without delays.
type Config struct {
	// Logger receives one debug line for each call; nil discards.
	Logger *slog.Logger
	// Propagation is the time between a policy write and its enforcement. Reads see a write at once.
	Propagation time.Duration
	// TrailDelay is the time between an event and its being visible to LookupEvents.
	TrailDelay time.Duration
	// ClockOffset is AWS's clock minus the machine's clock.
	ClockOffset time.Duration
	// LookupRate is the number of LookupEvents calls a second for each account and region; 0 means 2,
	// as the real service allows, a negative number means no limit.
	LookupRate float64
	// Latency is how long an answer takes at least; 0 means 2 ms, a negative number no time at all.
	//
	// It is not there for looks. The SDK for Go closes a request's body as soon as it has the answer's
	// header, and if net/http is not yet done with that body, it gives the connection up, with what is
	// left of the answer. On a network that never happens; an answer from the same machine can be fast
	// enough.
	Latency time.Duration
}

// Server is the stand-in, an http.Handler. Make one with New.
type Server struct {
	log        *slog.Logger
	closed     chan struct{}
	once       sync.Once
	tokenKey   []byte // authenticates the paging tokens of LookupEvents
	lookupRate rate.Limit
	latency    time.Duration
	operations map[string]*operation // by "service:Action"; never changed
	others     map[string]otherService

	mu          sync.Mutex
	lag         lag
	trailDelay  time.Duration
	trailDelays map[string]time.Duration // of regions that have one of their own
	twists      []Twist
	offset      time.Duration
	skipped     time.Duration // by Skip
	accounts    map[string]*Account
	keys        map[string]*credential
	pruneAt     int // number of credentials at which the long expired ones are dropped
	faults      []*Fault
	calls       []Call
	subscribers map[chan Call]struct{}
	limiters    map[string]*rate.Limiter
	queries     map[string]*logQuery // of CloudWatch Logs Insights, by id
	queriesEnd  string               // how they end, if not as Complete
	mostRows    int                  // that they give
}

// New returns a Server without accounts. It needs no network and starts nothing.
func New(c Config) *Server {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	limit := rate.Limit(c.LookupRate)
	switch {
	case c.LookupRate == 0:
		limit = 2
	case c.LookupRate < 0:
		limit = rate.Inf
	}
	if c.Latency == 0 {
		c.Latency = 2 * time.Millisecond
	}
	others := otherServices()
	return &Server{
		log:         c.Logger,
		closed:      make(chan struct{}),
		tokenKey:    []byte(rand.Text()),
		lookupRate:  limit,
		latency:     c.Latency,
		operations:  allWithOthers(others),
		others:      others,
		lag:         lag{others: c.Propagation},
		trailDelay:  c.TrailDelay,
		trailDelays: map[string]time.Duration{},
		offset:      c.ClockOffset,
		accounts:    map[string]*Account{},
		keys:        map[string]*credential{},
		pruneAt:     1000,
		subscribers: map[chan Call]struct{}{},
		limiters:    map[string]*rate.Limiter{},
		queries:     map[string]*logQuery{},
		mostRows:    100_000,
	}
}

// Close lets go of requests that an injected fault keeps waiting and ends all subscriptions; later
// requests are answered with 503. It may be called more than once and never fails.
func (s *Server) Close() error {
	s.once.Do(func() {
		close(s.closed)
		s.mu.Lock()
		defer s.mu.Unlock()
		for ch := range s.subscribers {
			delete(s.subscribers, ch)
			close(ch)
		}
	})
	return nil
}

// Now is the time on AWS's clock.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time { return time.Now().Add(s.offset).UTC() }

// SetTrailDelay changes Config.TrailDelay, for events that are already recorded too.
func (s *Server) SetTrailDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trailDelay = d
}

// SetRegionTrailDelay gives one region a delay of its own, likewise; a negative time makes it like
// the others again.
func (s *Server) SetRegionTrailDelay(region string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d < 0 {
		delete(s.trailDelays, region)
		return
	}
	s.trailDelays[region] = d
}

// SetClockOffset moves AWS's clock. Sessions keep the issue and expiry times they were given, and
// writes that are on their way take as long as before.
func (s *Server) SetClockOffset(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset = d
}

// Skip lets time pass at once: AWS's clock goes ahead, and writes that are on their way are as much
// nearer.
func (s *Server) Skip(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
	s.skipped += d
}

// passing is a clock that only Skip moves.
func (s *Server) passing() time.Time { return time.Now().Add(s.skipped) }

package slack

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// ErrClosed is what people's actions return after Close.
var ErrClosed = errors.New("slack stand-in is closed")

// DefaultScopes are the bot token's scopes unless Config says otherwise: what the bot's manifest
// asks for.
func DefaultScopes() []string {
	return []string{
		"commands", "chat:write", "users:read", "usergroups:read",
		"channels:read", "groups:read", "channels:history", "groups:history", "files:write", "im:write",
	}
}

// Config describes a workspace and the one app that is installed in it. The zero value is usable.
type Config struct {
	// Logger receives a line per refused call and per connection. Nil discards.
	Logger *slog.Logger
	// TeamID, TeamName and Domain name the workspace: T0SANDBOX, "Sandbox" and "sandbox" when empty.
	TeamID, TeamName, Domain string
	// EnterpriseID is set for a workspace of an Enterprise organisation. Empty: none, or E0SANDBOX if
	// it has Siblings or the app is OrgWide.
	EnterpriseID string
	// Siblings are the organisation's other workspaces. The app is not installed in them, unless it is
	// OrgWide.
	Siblings []string
	// OrgWide is an app that is deployed to the whole organisation: see org.go.
	OrgWide bool
	// Granted are the workspaces that an OrgWide app was added to. Nil: TeamID and all Siblings.
	Granted []string
	// AppID, BotUserID and BotID name the app and its bot: A0SANDBOX, U0BOT and B0BOT when empty.
	AppID, BotUserID, BotID string
	// BotName is the bot's display name: "revokebot" when empty.
	BotName string
	// AppToken and BotToken are the only tokens accepted: "xapp-1-A0SANDBOX-1-sandbox" and
	// "xoxb-sandbox" when empty.
	AppToken, BotToken string
	// Scopes are those of the bot token. Nil: DefaultScopes.
	Scopes []string
	// Events are the bot events that the app subscribes to, such as "app_home_opened". Nil: none.
	Events []string
	// AckTimeout is how long a person's action waits for the acknowledgement. 0: 3 s, the limit that
	// Slack documents for slash commands and interactivity.
	AckTimeout time.Duration
	// PingInterval is the time between the WebSocket pings Slack sends. 0: 10 s. Negative: none until
	// SetPings(true).
	PingInterval time.Duration
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.TeamID = cmp.Or(c.TeamID, "T0SANDBOX")
	c.TeamName = cmp.Or(c.TeamName, "Sandbox")
	c.Domain = cmp.Or(c.Domain, "sandbox")
	if c.OrgWide || len(c.Siblings) > 0 {
		c.EnterpriseID = cmp.Or(c.EnterpriseID, "E0SANDBOX")
	}
	if c.Granted == nil {
		c.Granted = append([]string{c.TeamID}, c.Siblings...)
	}
	c.AppID = cmp.Or(c.AppID, "A0SANDBOX")
	c.BotUserID = cmp.Or(c.BotUserID, "U0BOT")
	c.BotID = cmp.Or(c.BotID, "B0BOT")
	c.BotName = cmp.Or(c.BotName, "revokebot")
	c.AppToken = cmp.Or(c.AppToken, "xapp-1-A0SANDBOX-1-sandbox")
	c.BotToken = cmp.Or(c.BotToken, "xoxb-sandbox")
	if c.Scopes == nil {
		c.Scopes = DefaultScopes()
	}
	c.AckTimeout = cmp.Or(c.AckTimeout, 3*time.Second)
	return c
}

// Server is the workspace and the platform around it. Make one with New; its methods may be called
// concurrently.
type Server struct {
	cfg     Config
	methods map[string]method
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	work    sync.WaitGroup // everything Close waits for
	scopes  atomic.Pointer[[]string]

	mu       sync.Mutex
	closed   bool
	users    ordered[User]
	channels ordered[Channel]
	groups   ordered[Group]

	messages map[string][]*message // by channel id, in ts order
	lastTS   int64                 // microseconds; the last ts given out
	seq      int64
	ids      int64
	limits   map[string]*rate.Limiter // chat.postMessage, by channel id
	subs     map[*subscription]struct{}

	views    map[string]*view // open modals and homes by id
	stacks   map[string][]*view
	homes    map[string]*view
	triggers map[string]*trigger
	urls     map[string]*responseURL
	files    map[string]*file
	offers   map[menuPlace][]map[string]any // what external_selects offered last

	tickets   map[string]time.Time // unused Socket Mode tickets and when they were issued
	conns     []*conn
	nextConn  int
	turn      int
	pings     bool
	waiting   map[string][]*pending // deliveries by envelope id
	envelopes map[string]*envelope
	sent      []string // envelope ids, oldest first, to forget them

	calls  []Call
	faults []*Fault
}

// New returns a workspace without people or channels, ready to serve. It starts nothing.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		cfg: cfg, methods: allMethods(), ctx: ctx, cancel: cancel, pings: cfg.PingInterval >= 0,
		messages: map[string][]*message{}, limits: map[string]*rate.Limiter{}, subs: map[*subscription]struct{}{},
		views: map[string]*view{}, stacks: map[string][]*view{}, homes: map[string]*view{},
		triggers: map[string]*trigger{}, urls: map[string]*responseURL{}, files: map[string]*file{},
		offers:  map[menuPlace][]map[string]any{},
		tickets: map[string]time.Time{}, waiting: map[string][]*pending{}, envelopes: map[string]*envelope{},
	}
	s.SetScopes(cfg.Scopes...)
	return s
}

// SetScopes changes the bot token's scopes, as installing the app anew does.
func (s *Server) SetScopes(scopes ...string) {
	scopes = slices.Clone(scopes)
	s.scopes.Store(&scopes)
}

// begin registers a piece of work that Close waits for; it reports false after Close.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

// ServeHTTP serves the Web API below /api/, Socket Mode at /link/, response URLs below
// /commands/response/ and uploads below /upload/v1/. Everything else is 404.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	defer s.work.Done()
	s.route(w, r)
}

// route is ServeHTTP without its bookkeeping.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/api/"):
		s.serveAPI(w, r, strings.TrimPrefix(path, "/api/"))
	case path == "/link/" || path == "/link":
		s.serveLink(w, r)
	case strings.HasPrefix(path, "/commands/response/"):
		s.serveResponseURL(w, r, strings.TrimPrefix(path, "/commands/response/"))
	case strings.HasPrefix(path, "/upload/v1/"):
		s.serveUpload(w, r, strings.TrimPrefix(path, "/upload/v1/"))
	default:
		http.NotFound(w, r)
	}
}

// Close cuts all connections, ends all subscriptions and waits for what is under way. It may be
// called twice.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	conns := slices.Clone(s.conns)
	for sub := range s.subs {
		s.endLocked(sub)
	}
	s.mu.Unlock()
	s.cancel()
	for _, c := range conns {
		c.cut()
	}
	s.work.Wait()
	return nil
}

// Package web is the page of the sandbox: a channel that looks and works like Slack's, two
// terminals beside it, and a strip that says what to do next.
//
// The page has no state of its own about the story. Messages, modals and connections are those of
// sandbox/slack, the policy on the role is that of sandbox/aws, the terminals are those of
// sandbox/actors. A browser opens one stream of server-sent events for the person it is and the
// channel it looks at, or the app's Home tab: first everything ("sync"), then whatever differs from
// what it was last told ("patch"), computed in the same way, so that a browser that missed
// something is right again after it reconnects. What people do comes back as POST requests to
// /act/…, which call the methods by which the stand-in lets people act.
//
// Messages are drawn on the server by package blocks. The script in static only places the pieces,
// and opens dialogs. The page loads nothing from elsewhere, and its content security policy allows
// no inline script or style.
//
// Other programs can drive the sandbox in the same way as the page's script: see the routes in New,
// and state.json.
package web

import (
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/slack"
	"github.com/revokebot/revokebot/sandbox/web/blocks"
)

//go:embed static
var static embed.FS

//go:embed templates
var templates embed.FS

// Person is somebody the visitor can be.
type Person struct {
	UserID string
	Role   Role
	Blurb  string // one short phrase; what the person may do here
}

// Role says what a person is to the bot. It is a word for the page, not a permission: those are the
// bot's matter.
type Role string

// The roles as the page shows them.
const (
	Responder     Role = "responder"
	Approver      Role = "approver"
	OtherApprover Role = "approves staging" // may decide in another account than the story's
	MayNotDecide  Role = "may not approve"
	Guest         Role = "guest"
)

// Config says what the page shows. Slack, Channel and People are needed.
type Config struct {
	Slack  *slack.Server
	AWS    *aws.Server  // nil: no controls of AWS
	Actors *actors.Cast // nil: no terminals
	// Account and RoleName are the role of the story: whether the deny is on it decides which step
	// comes next. A nil Account leaves that unknown.
	Account  *aws.Account
	RoleName string
	// User and Key are those of the second story, whose command is the second of Suggest; "": there is
	// none.
	User, Key string
	// GuardRail is the service control policy that the bot advises for the account, JSON; empty: there
	// is no control of it.
	GuardRail string
	// LeaveOut makes the installation of the bot whole and then leaves one step of it out; nil: there
	// is no control of it.
	LeaveOut func(actors.Missing) error
	// Skip sets the clock of the bot's store ahead; nil: the clocks are not set ahead.
	Skip    func(time.Duration)
	Channel string   // id of the channel that is open at first
	People  []Person // in the order of the switcher; the first is who a visitor is at first
	Suggest []string // commands that are offered; the first is the story's
	// Facts are shown under "About this sandbox": where the stand-ins listen, how long things take.
	Facts map[string]string
	// Propagation and TrailDelay are what the AWS stand-in was started with; the page has no other way
	// to know.
	Propagation, TrailDelay time.Duration
	Logger                  *slog.Logger // nil: discard
}

// Server is the page, an http.Handler. Make one with New.
type Server struct {
	cfg    Config
	log    *slog.Logger
	mux    http.Handler
	pages  *template.Template
	blocks *blocks.Renderer

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	streams sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	drawn      map[string]drawn           // messages as HTML, by channel and ts
	commander  string                     // who sent the last command or form by this page
	requesters map[string]string          // by the ts of a card: who was the commander when it came
	lastClick  string                     // envelope id, for redelivery
	skipped    time.Duration              // by which the bot's and AWS's clocks were set ahead
	set        settings                   // what the stand-ins do not tell: without LastClick and Fight
	pokes      map[chan struct{}]struct{} // streams, told when a control was used
}

// New prepares the page. It needs no network and starts nothing.
func New(cfg Config) *Server {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		cfg: cfg, log: log, ctx: ctx, cancel: cancel,
		drawn: map[string]drawn{}, requesters: map[string]string{}, pokes: map[chan struct{}]struct{}{},
		set: settings{
			Propagation: cfg.Propagation.Seconds(), PropagationRegion: -1, TrailDelay: cfg.TrailDelay.Seconds(),
			TrailDelayRegion: -1,
		},
	}
	users := names{cfg.Slack}
	s.blocks = blocks.New(users)
	s.pages = template.Must(template.New("").Funcs(template.FuncMap{"initials": initials, "shade": users.shade}).
		ParseFS(templates, "templates/*.tmpl"))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /state.json", s.state)
	mux.HandleFunc("GET /files/{id}", s.file)
	mux.HandleFunc("GET /files/{id}/view", s.fileView)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("POST /act/command", act(s.command))
	mux.HandleFunc("POST /act/post", act(s.post))
	mux.HandleFunc("POST /act/click", act(s.click))
	mux.HandleFunc("POST /act/suggest", act(s.suggest))
	mux.HandleFunc("POST /act/submit", act(s.submit))
	mux.HandleFunc("POST /act/close", act(s.closeView))
	mux.HandleFunc("POST /act/home", act(s.openHome))
	mux.HandleFunc("POST /act/control", act(s.control))
	mux.Handle("GET /static/", http.FileServerFS(static))
	s.mux = secure(http.NewCrossOriginProtection().Handler(mux))
	return s
}

// ServeHTTP answers the page and its API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close ends all streams and waits for them. It may be called more than once; it never fails.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.streams.Wait()
	return nil
}

// policy allows what the page needs and nothing inline. Pictures in messages may come from where
// the bot says.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' http: https:; " +
	"connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		// The embedded files carry no date; what is served is always what this binary holds.
		h.Set("Cache-Control", "no-cache")
		if rebound(r) {
			http.Error(w, "This page answers to localhost and loopback addresses only.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// rebound reports a request that came over loopback under another machine's name: a page elsewhere
// had its name resolved to this machine (DNS rebinding), which makes it of the same origin.
func rebound(r *http.Request) bool {
	at, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	name := (&url.URL{Host: r.Host}).Hostname()
	return at != nil && at.IP.IsLoopback() && name != "localhost" && !net.ParseIP(name).IsLoopback()
}

// person returns who a user id is to the page; ok is false for an id that is not among the people.
func (s *Server) person(userID string) (p Person, ok bool) {
	i := slices.IndexFunc(s.cfg.People, func(p Person) bool { return p.UserID == userID })
	if i < 0 {
		return Person{}, false
	}
	return s.cfg.People[i], true
}

// poke tells all streams to look again.
func (s *Server) poke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.pokes {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

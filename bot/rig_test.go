package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/coder/websocket"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/approvals/redisstore"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/pipe"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	appToken = "xapp-1-A0SANDBOX-1-sandbox"
	botToken = "xoxb-sandbox"
	incident = "C0INCIDENT"
	rosa     = "U0ROSA"
	// typed is part of every command in these tests. It must never be in the log.
	typed = "pasted-in-a-gist"
)

// secrets are what no log line may hold: tickets, tokens, response URLs, payloads, what people
// typed.
var secrets = []string{
	"ticket=", "TICKET", "xapp-", "xoxb-", "/commands/response/", "hooks.slack.com", "trigger_id", `"payload"`, typed,
}

// book keeps the log, and fails the test on an ERROR that was not expected and on a secret.
type book struct {
	mu       sync.Mutex
	text     bytes.Buffer
	t        *testing.T
	expected []string // parts of ERROR lines that are expected
}

func newBook(t *testing.T, expected ...string) *book {
	b := &book{t: t, expected: expected}
	t.Cleanup(func() {
		log := b.String()
		for _, secret := range secrets {
			if strings.Contains(log, secret) {
				t.Errorf("the log holds %q:\n%s", secret, log)
			}
		}
	})
	return b
}

// Write is called with one line at a time.
func (b *book) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes.Contains(line, []byte("level=ERROR")) {
		known := false
		for _, part := range b.expected {
			known = known || bytes.Contains(line, []byte(part))
		}
		if !known {
			b.t.Errorf("unexpected ERROR in the log: %s", line)
		}
	}
	return b.text.Write(line)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *book) has(text string) bool { return strings.Contains(b.String(), text) }

func (b *book) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// until waits in fake time.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// acceptFunc is a store of which only Accept is used.
type acceptFunc func(ctx context.Context, item approvals.Item, ids ...string) (bool, error)

type acceptStore struct {
	approvals.Store
	accept acceptFunc
}

func (s acceptStore) Accept(ctx context.Context, item approvals.Item, ids ...string) (bool, error) {
	return s.accept(ctx, item, ids...)
}

// noteStore keeps notes as well.
type noteStore struct {
	acceptStore
	mu    sync.Mutex
	notes []approvals.Event
	hang  atomic.Bool
}

func (s *noteStore) Note(ctx context.Context, e approvals.Event) error {
	if s.hang.Load() {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, e)
	return nil
}

func (s *noteStore) kept() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.notes {
		list = append(list, string(e.Type)+" "+e.Source+" "+string(e.Detail))
	}
	return list
}

// line is the way from Slack's stand-in to a store: connections and intake, no workers.
type line struct {
	*slack.Server
	t       *testing.T
	log     *book
	status  *status
	client  *slackClient
	http    *http.Client
	intake  *intake
	notes   *noteStore
	witness witness
	opens   opens // calls of apps.connections.open
	stop    func()
}

// opens are the times of calls of apps.connections.open.
type opens struct {
	mu sync.Mutex
	at []time.Time
}

func (o *opens) add() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at = append(o.at, time.Now())
}

// since counts the calls after a time, and those in the worst minute among them.
func (o *opens) since(start time.Time) (all, worst int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, first := range o.at {
		if !first.After(start) {
			continue
		}
		all++
		n := 0
		for _, t := range o.at[i:] {
			if t.Sub(first) < time.Minute {
				n++
			}
		}
		worst = max(worst, n)
	}
	return all, worst
}

// newLine connects. The store is the function.
func newLine(t *testing.T, connections int, accept acceptFunc) *line {
	t.Helper()
	l := &line{
		t: t, log: newBook(t, "Slack refuses the app-level token", "Socket Mode is switched off"), status: newStatus(),
	}
	l.Server, l.http = newSlack(t, slack.Config{})
	l.client = newClient(t, l.http)
	l.notes = &noteStore{acceptStore: acceptStore{accept: accept}}
	l.intake = newIntake(l.notes, l.client.Whisper, l.log.logger())
	l.intake.watch = watches{&l.witness}
	l.intake.suggest = func(s handlers.Suggestion) any {
		return messages.RoleOptions([]messages.RoleChoice{{Account: "prod", Name: s.Text}}, false)
	}
	l.intake.judge = func(s handlers.Submission) map[string]string {
		if s.Form == messages.FormAsk && s.Role == "" {
			return map[string]string{messages.FieldRole: messages.FieldRoleMissing}
		}
		return nil
	}
	open := func(ctx context.Context) (string, error) {
		l.opens.add()
		return l.client.openSocket(ctx)
	}
	s := newSockets(connections, open, l.http, l.intake.take, l.log.logger(), l.status)
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, func() {}) }()
	l.stop = sync.OnceFunc(func() {
		cancel(errStopped)
		if err := <-ended; !errors.Is(err, errStopped) {
			t.Errorf("the connections ended with %v", err)
		}
		l.intake.pending.Wait()
	})
	t.Cleanup(l.stop)
	until(t, "all connections are open", func() bool { return len(l.open()) == connections })
	return l
}

// open lists the connections that the stand-in would send an envelope by.
func (l *line) open() (list []slack.ConnectionInfo) {
	for _, c := range l.Connections() {
		if c.Hello {
			list = append(list, c)
		}
	}
	return list
}

func (l *line) command() slack.Delivery {
	l.t.Helper()
	d, err := l.Command(context.WithoutCancel(l.t.Context()), rosa, incident, messages.Command, "prod/DeployRole "+typed)
	if err != nil {
		l.t.Error(err)
	}
	return d
}

// newSlack serves a workspace over a pipe.
func newSlack(t *testing.T, cfg slack.Config) (*slack.Server, *http.Client) {
	t.Helper()
	s := slack.New(cfg)
	s.PutUser(slack.User{ID: rosa, Name: "rosa"})
	s.PutChannel(slack.Channel{ID: incident, Name: "incident", BotMember: true, Members: []string{rosa}})
	client := serve(t, s)
	t.Cleanup(func() { _ = s.Close() })
	return s, client
}

// serve serves over a pipe until the end of the test, and returns a client for it.
func serve(t *testing.T, h http.Handler) *http.Client {
	t.Helper()
	listen := pipe.Listen()
	server := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listen) }()
	client := listen.Client()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		_ = server.Close()
		<-served
	})
	return client
}

func newClient(t *testing.T, client *http.Client) *slackClient {
	t.Helper()
	c, err := newSlackClient(Config{
		AppToken: appToken, BotToken: botToken, SlackAPI: "http://localhost/api", HTTPClient: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newRedis is a store on a Redis in memory, and a client beside it.
func newRedis(t *testing.T) (*redisstore.Store, *redis.Client) {
	t.Helper()
	db := miniredis.NewMiniRedis()
	db.ClockTTL(true)
	client := redis.NewClient(&redis.Options{
		Addr: "127.0.0.1:6379", ContextTimeoutEnabled: true, PoolSize: 40,
		Dialer: func(context.Context, string, string) (net.Conn, error) { return db.Dial() },
	})
	t.Cleanup(func() {
		_ = client.Close()
		db.Close()
	})
	store, err := redisstore.New(redisstore.Config{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store, client
}

// script is the other end of Socket Mode, as a test wants it: play is called for each connection,
// and its end is the connection's end, without a word.
type script struct {
	t    *testing.T
	play func(p *peer)

	mu     sync.Mutex
	opened int
	ended  chan struct{}
}

// peer is Slack's end of one connection.
type peer struct {
	ws     *websocket.Conn
	ctx    context.Context
	number int           // from 1
	mute   atomic.Bool   // pings are not answered
	frames chan string   // what the bot sent
	gone   chan struct{} // closed when the connection has ended, if somebody listens
	work   sync.WaitGroup
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := &peer{frames: make(chan string, 100), gone: make(chan struct{})}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		OnPingReceived: func(context.Context, []byte) bool { return !p.mute.Load() },
	})
	if err != nil {
		s.t.Error(err)
		return
	}
	s.mu.Lock()
	s.opened++
	p.ws, p.number = ws, s.opened
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	p.ctx = ctx
	p.work.Go(func() {
		select {
		case <-s.ended:
			cancel()
		case <-ctx.Done():
		}
	})
	s.play(p)
	cancel()
	_ = ws.CloseNow()
	p.work.Wait()
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// listen reads on, which also answers pings and the close.
func (p *peer) listen() {
	p.work.Go(func() {
		defer close(p.gone)
		for {
			_, data, err := p.ws.Read(p.ctx)
			if err != nil {
				return
			}
			p.frames <- string(data)
		}
	})
}

// send sends a text frame. That the other side is gone is for the test to see in what comes, or
// not.
func (p *peer) send(frame string) { _ = p.ws.Write(p.ctx, websocket.MessageText, []byte(frame)) }

// greet is how most connections begin.
func (p *peer) greet() { p.listen(); p.send(helloFrame) }

// rest waits until the bot has left, or the test ends.
func (p *peer) rest() {
	select {
	case <-p.gone:
	case <-p.ctx.Done():
	}
}

// newScript keeps one connection to a script. stop ends it and may be called twice.
func newScript(t *testing.T, play func(p *peer)) (s *script, st *status, log *book, stop func()) {
	t.Helper()
	s = &script{t: t, play: play, ended: make(chan struct{})}
	client := serve(t, s)
	st, log = newStatus(), newBook(t)
	open := func(context.Context) (string, error) { return "ws://localhost/link/?ticket=TICKET", nil }
	take := func(ctx context.Context, f frame, ack ackFunc) {
		if err := ack(ctx, f.EnvelopeID, nil); err != nil {
			log.logger().InfoContext(ctx, "not acknowledged", "error", err)
		}
	}
	one := newSockets(1, open, client, take, log.logger(), st)
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- one.run(ctx, func() {}) }()
	stop = sync.OnceFunc(func() {
		cancel(errStopped)
		<-ended
		close(s.ended)
	})
	t.Cleanup(stop)
	return s, st, log, stop
}

const helloFrame = `{"type":"hello","num_connections":1,"connection_info":{"app_id":"A0SANDBOX"},` +
	`"debug_info":{"host":"applink"}}`

func envelope(id, kind, payload string) string {
	return fmt.Sprintf(`{"envelope_id":%q,"type":%q,"accepts_response_payload":true,"payload":%s}`, id, kind, payload)
}

func refuse(context.Context, string, string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

func unknownHost(context.Context, string, string) (net.Conn, error) {
	return nil, &net.OpError{
		Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "localhost", IsNotFound: true},
	}
}

func oddError(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("something about ?ticket=TICKET")
}

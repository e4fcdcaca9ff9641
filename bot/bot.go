package bot

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/internal/hosts"
	"github.com/revokebot/revokebot/internal/times"
)

// Store is an approvals.Store that has to be made ready once.
type Store interface {
	approvals.Store
	// Prepare makes what Take needs. It may be called again.
	Prepare(ctx context.Context) error
}

// Config is what New needs.
type Config struct {
	AppToken, BotToken string       // xapp-… and xoxb-…
	SlackAPI           string       // base of the Web API; "": DefaultSlackAPI
	HTTPClient         *http.Client // for the Web API, the WebSocket and response URLs; nil: one of its own

	Store Store
	// Handlers configures what happens to items. Store, Slack, Sender and Log are set by New.
	Handlers handlers.Config

	Connections int           // Socket Mode connections of this replica, 1 to 10; 0: 2. Slack allows an app ten in all
	Workers     int           // items handled at one time; 0: 16
	StopTimeout time.Duration // for what is in hand when Run is to end; 0: 20 s
	Logger      *slog.Logger  // nil: discard
	Watch       []Watch       // who is told what goes on; may be empty
}

// Bot is one replica. Make it with New and call Run once.
type Bot struct {
	cfg      Config
	log      *slog.Logger
	slack    *slackClient
	handlers *handlers.Handlers
	status   *status
}

// New returns a bot. It does not use the network. Its error is an address of Slack that is none.
func New(cfg Config) (*Bot, error) {
	if cfg.Connections == 0 {
		cfg.Connections = 2
	}
	if cfg.Workers <= 0 {
		cfg.Workers = 16
	}
	if cfg.StopTimeout <= 0 {
		cfg.StopTimeout = 20 * time.Second
	}
	b := &Bot{cfg: cfg, log: cfg.Logger, status: newStatus()}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	client, err := newSlackClient(cfg)
	if err != nil {
		return nil, err
	}
	b.slack = client
	if hosts.Plain(client.base) {
		b.log.Warn("SLACK_API_URL is http:// to another machine: tokens and clicks can be read on the way; use https://")
	}
	cfg.Handlers.Store, cfg.Handlers.Slack, cfg.Handlers.Log = loggedStore{cfg.Store, b.log}, client, b.log
	cfg.Handlers.Sender = deliver.New(cfg.Handlers.Requests, client)
	b.handlers = handlers.New(cfg.Handlers)
	return b, nil
}

// Run connects and works until ctx ends, then finishes what is in hand and returns nil. While Slack
// is away it works without it. It returns early, with an error that says why, when Slack refuses a
// token at the start or the store cannot be made ready.
func (b *Bot) Run(ctx context.Context) error {
	if err := b.cfg.Store.Prepare(ctx); ctx.Err() != nil {
		b.status.stopping.Store(true)
		return nil
	} else if err != nil {
		return &StartError{Store: true, Err: err}
	}
	b.status.storeAnswered()
	if _, err := b.handlers.Announce(ctx); err != nil {
		b.log.WarnContext(ctx, "other replicas do not know yet how many approvals this one asks for", "error", err)
	}
	in := newIntake(b.cfg.Store, b.slack.Whisper, b.log)
	in.suggest, in.judge, in.watch = b.handlers.Suggest, b.handlers.ValidateForm, b.cfg.Watch
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host"
	}
	w := &workers{
		store: b.cfg.Store, handle: &atHome{handler: b.handlers, identified: b.slack.identified, resume: b.handlers.Resume},
		name:  host + "-" + rand.Text()[:10],
		slots: b.cfg.Workers, log: b.log, status: b.status, watch: b.cfg.Watch, sweep: b.handlers.Sweep,
	}

	// What is in hand outlives ctx by StopTimeout, and the connections outlive what is in hand.
	work, stopWork := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopWork(nil)
	connected, disconnect := context.WithCancelCause(context.WithoutCancel(ctx))
	defer disconnect(nil)
	taking, stopTaking := context.WithCancelCause(ctx)
	defer stopTaking(nil)

	var all sync.WaitGroup
	var refused error
	known := make(chan struct{})
	all.Go(func() {
		refused = b.connect(taking, connected, in, func() { close(known) })
		stopTaking(refused)
	})
	all.Go(func() {
		<-taking.Done()
		b.status.stopping.Store(true)
		b.log.InfoContext(work, "stopping: finishing what is in hand")
		b.handlers.StopLooking()
		if times.Pause(work, b.cfg.StopTimeout) {
			stopWork(errStopTimeout)
		}
	})
	b.waitForSlack(taking, known)
	w.run(taking, work) // until taking has ended
	stopWork(nil)
	disconnect(errStopped)
	all.Wait()
	in.pending.Wait()
	b.handlers.Wait()
	if refused != nil {
		return &StartError{Err: refused}
	}
	b.log.InfoContext(ctx, "stopped")
	return nil
}

var (
	errStopped     = errors.New("stopped")
	errStopTimeout = errors.New("what was in hand took too long to finish")
)

// slackPatience is how long a start waits for Slack's first answer before it goes to work without.
// What was approved goes on while Slack is away, also when that is during a start.
const slackPatience = 3 * time.Second

func (b *Bot) waitForSlack(ctx context.Context, known <-chan struct{}) {
	timer := time.NewTimer(slackPatience)
	defer timer.Stop()
	select {
	case <-known:
	case <-ctx.Done():
	case <-timer.C:
		b.log.WarnContext(ctx, "Slack does not answer yet; what was approved goes on without it")
	}
}

// connect finds out who the bot is, calls known, and keeps the connections until the context
// connected ends. It returns an error only when Slack refuses a token before the first connection.
func (b *Bot) connect(starting, connected context.Context, in *intake, known func()) error {
	if err := b.identify(starting); err != nil {
		if starting.Err() != nil {
			return nil
		}
		return err
	}
	known()
	client := &http.Client{}
	if b.cfg.HTTPClient != nil {
		*client = *b.cfg.HTTPClient
	}
	client.Timeout, client.CheckRedirect = 0, stayHere // a timeout would end the connection
	sockets := newSockets(b.cfg.Connections, b.slack.openSocket, client, in.take, b.log, b.status)
	sockets.watch = b.cfg.Watch
	err := sockets.run(connected, func() { b.log.InfoContext(connected, "ready for commands") })
	if connected.Err() != nil {
		return nil
	}
	return err
}

// identify asks Slack who the bot is, again and again while Slack cannot be reached.
func (b *Bot) identify(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		err := b.slack.identify(ctx)
		if err == nil {
			b.log.InfoContext(ctx, "known to Slack", "team", b.slack.Home().Team,
				"enterprise", b.slack.Home().Enterprise)
			return nil
		}
		if isTokenError(err) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b.log.WarnContext(ctx, "Slack does not answer yet", "error", err)
		wait := min(time.Second<<min(attempt, 5), 30*time.Second)
		if e, ok := errors.AsType[*deliver.SlackError](err); ok {
			wait = max(wait, min(e.RetryAfter, longestAsked))
		}
		if !times.Pause(ctx, wait) {
			return context.Cause(ctx)
		}
	}
}

// StartError is why a bot could not start at all.
type StartError struct {
	Store bool // the store, else Slack
	Err   error
}

// Error says what refused.
func (e *StartError) Error() string {
	if e.Store {
		return "the store is not ready: " + e.Err.Error()
	}
	return "Slack refuses the bot: " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Health tells how the bot is. A failing channel does not make it less ready: others work, and
// so do revocations.
func (b *Bot) Health() Health {
	h := b.status.health()
	h.Wanted = b.cfg.Connections
	h.Channels = b.slack.trouble.health()
	return h
}

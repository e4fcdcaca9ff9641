// Package actors holds the people and the programs that live in the sandbox.
//
// The programs are two. The thief has session credentials of a role, copied from somewhere they
// should not have been, and nothing else: it calls iam:ListRoles again and again, and with the loot
// of a day's life other services now and then (theft.go). The deployment job has a long-term key of
// a user who may assume the same role: it makes the same call, and when AWS denies it, it assumes
// the role again and goes on. Both are real clients of the AWS SDK whose requests are signed and
// evaluated like anybody's. What their terminals show is what they were answered; there is no
// script, and before a revocation and after it they run the same code.
//
// Two more are there on demand. The thief can fight back with a second key, whose user may write
// the role's policies, and remove the deny twice a second (FightBack). An administrator can put an
// old deny in its place (ConsoleOverwrite), or take it off (ConsoleRemove).
//
// The people are seeded by SeedSlack, the accounts by SeedAWS, the day that lies behind them by
// SeedLife. They do nothing by themselves: the visitor of the sandbox acts for them.
package actors

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// maxLines is how much of a terminal is kept: some minutes at the default pace.
const maxLines = 300

// Config says where the actors call and as whom. Endpoint, RoleARN and Key are needed.
type Config struct {
	HTTPClient *http.Client // nil, or without a Transport: one of the cast's own
	Endpoint   string       // base URL of the AWS stand-in, for every service
	Region     string       // "": us-east-1
	RoleARN    string       // the role whose session was stolen
	Key        aws.Credentials
	// Key is the long-term key of a user who may assume RoleARN; the thief never sees it.

	// Rival is the long-term key of another user, who may write policies of the role, and which the
	// thief found too; see FightBack. Console is that of an administrator; see ConsoleOverwrite and
	// ConsoleRemove. Both may be zero.
	Rival, Console aws.Credentials

	// Loot is what the thief has from SeedLife, and goes on with: the stolen session, and a session of
	// a second role. Nil: the thief finds a fresh session, and calls iam:ListRoles only.
	Loot *Loot

	Session  time.Duration // how long sessions are asked for; 0: 12 hours, so that a demonstration outlasts nobody
	Interval time.Duration // between two calls of one actor; 0: one second
	Logger   *slog.Logger  // nil: discard

	Now func() time.Time // AWS's clock, by which calls are signed; nil: this machine's
}

// Cast is the two programs together with what they have seen. Make one with New.
type Cast struct {
	cfg   Config
	thief *terminal
	job   *terminal
	leaks chan chan error // Leak asks the thief's loop to take new credentials
	wake  chan struct{}   // FightBack tells the rival's loop to look

	mu          sync.Mutex
	seq         int64
	deployments int
	fighting    bool
	subs        map[chan Line]struct{}
}

// New prepares the actors; nobody calls anything before Run.
func New(cfg Config) *Cast {
	if cfg.HTTPClient == nil || cfg.HTTPClient.Transport == nil {
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	if cfg.Session == 0 {
		cfg.Session = 12 * time.Hour
	}
	if cfg.Interval == 0 {
		cfg.Interval = time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Cast{
		cfg:   cfg,
		thief: newTerminal(Thief),
		job:   newTerminal(Job),
		leaks: make(chan chan error),
		wake:  make(chan struct{}, 1),
		subs:  map[chan Line]struct{}{},
	}
}

// Run lets the actors work until ctx ends, and returns when they have stopped. An actor that is
// answered with errors goes on; the error is nil.
func (c *Cast) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { c.runThief(ctx) })
	wg.Go(func() { c.runJob(ctx) })
	wg.Go(func() { c.runRival(ctx) })
	if c.cfg.Loot != nil {
		for _, a := range c.cfg.Loot.Asides {
			wg.Go(func() { c.runAside(ctx, a) })
		}
	}
	wg.Wait()
	c.cfg.HTTPClient.CloseIdleConnections()
	return nil
}

// ErrNotRunning is returned by Leak when Run is not at work.
var ErrNotRunning = errors.New("the actors are not running")

// Leak gives the thief fresh credentials: the deployment user assumes the role once more and the
// session is stolen. It fails with ctx's error when the thief does not come round to it, and with
// STS's error when there is no session.
func (c *Cast) Leak(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case c.leaks <- done:
	case <-ctx.Done():
		return errors.Join(ErrNotRunning, ctx.Err())
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Lines returns what the actor's terminal still shows, oldest first.
func (c *Cast) Lines(actor Actor) []Line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.terminal(actor).copy()
}

// Status returns the actor's state and counts.
func (c *Cast) Status(actor Actor) Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.terminal(actor).status
}

// Subscribe returns the lines from now on, of both actors, until ctx ends; then the channel is
// closed. A reader that falls behind loses lines, which the gap in Line.Seq shows; Lines has them.
func (c *Cast) Subscribe(ctx context.Context) <-chan Line {
	ch := make(chan Line, 64)
	c.mu.Lock()
	c.subs[ch] = struct{}{}
	c.mu.Unlock()
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.subs, ch)
		close(ch)
	})
	return ch
}

// say appends one line to the actor's terminal and tells the subscribers.
func (c *Cast) say(actor Actor, command, output string, outcome Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	l := Line{Seq: c.seq, Actor: actor, At: time.Now(), Command: command, Output: output, Outcome: outcome}
	t := c.terminal(actor)
	before := t.status.State
	t.add(l)
	if t.status.State != before {
		c.cfg.Logger.Debug("an actor fares differently", "actor", actor, "state", t.status.State)
	}
	for ch := range c.subs {
		select {
		case ch <- l:
		default:
		}
	}
}

func (c *Cast) setSession(actor Actor, s session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	status := &c.terminal(actor).status
	status.Session, status.Issued = s.arn, s.issued
	if loot := c.cfg.Loot; actor == Thief && loot != nil && s.arn == loot.ARN && loot.Chained.AccessKeyID != "" {
		status.StillIn = backupRole // before the first call there, too
	}
}

func (c *Cast) terminal(actor Actor) *terminal {
	if actor == Thief {
		return c.thief
	}
	return c.job
}

// terminal is the memory of one actor, guarded by Cast.mu.
type terminal struct {
	lines  []Line
	status Status
}

func newTerminal(a Actor) *terminal {
	return &terminal{status: Status{Actor: a, State: Quiet}}
}

func (t *terminal) add(l Line) {
	if len(t.lines) == maxLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, l)
	t.status = t.status.after(l)
}

func (t *terminal) copy() []Line {
	return append([]Line(nil), t.lines...)
}

package bot

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/internal/times"
)

const (
	// openBurst and openEvery bound how often apps.connections.open is called, whatever happens;
	// budgetBurst and budgetEvery bound it in the long run, when connections are greeted and dropped
	// again for hours.
	openBurst   = 4
	openEvery   = 2 * time.Second
	budgetBurst = 40
	budgetEvery = 20 * time.Second
	// rescueBurst and rescueEvery bound the opens that do not wait their turn, because without them
	// no envelope reaches the bot.
	rescueBurst = 5
	rescueEvery = 6 * time.Second
	// rescueJitter is for replicas that lost their connections together.
	rescueJitter = 100 * time.Millisecond
	// firstWait and longestWait are the ends of the back-off after an open that led to nothing.
	firstWait   = time.Second
	longestWait = time.Minute
	// longestAsked bounds what Slack may ask for with Retry-After.
	longestAsked = 2 * time.Minute
	// slackAllows is how many connections an app may have in all (Slack documentation, "Using Socket
	// Mode").
	slackAllows = 10
	// settled is how long a connection has to live for the back-off to forget earlier trouble.
	settled = 20 * time.Second
	// useless is a life after the hello that is too short to be of use. When so many in a row were,
	// the wait grows as if no hello had come.
	useless     = 500 * time.Millisecond
	uselessMost = 3
)

// sockets keeps a number of Socket Mode connections open. When Slack announces that it will close
// one, the next is opened first and the old one is read to its end.
type sockets struct {
	want   int
	open   func(ctx context.Context) (address string, err error) // apps.connections.open
	client *http.Client
	take   func(ctx context.Context, f frame, ack ackFunc)
	log    *slog.Logger
	status *status
	watch  watches

	limiter *rate.Limiter
	budget  *rate.Limiter
	rescues *rate.Limiter
	calm    chan struct{} // there is no reason to wait any more
	lost    chan struct{} // the last connection is gone
	mu      sync.Mutex
	wait    time.Duration
	flashes int       // connections in a row that were of no use
	notYet  time.Time // Slack asked not to be called before
	numbers int64     // connections so far; connect alone uses it
}

// wake tells each waiting call once.
func wake(waiting chan<- struct{}) {
	select {
	case waiting <- struct{}{}:
	default:
	}
}

func newSockets(
	want int, open func(context.Context) (string, error), client *http.Client, take func(context.Context, frame, ackFunc),
	log *slog.Logger, st *status,
) *sockets {
	return &sockets{
		want: want, open: open, client: client, take: take, log: log, status: st,
		limiter: rate.NewLimiter(rate.Every(openEvery), openBurst),
		budget:  rate.NewLimiter(rate.Every(budgetEvery), budgetBurst),
		rescues: rate.NewLimiter(rate.Every(rescueEvery), rescueBurst),
		calm:    make(chan struct{}, 1),
		lost:    make(chan struct{}, 1),
	}
}

// run keeps the connections until ctx ends, then closes them and waits for all. firstHello is
// called when the first connection is greeted. It returns early only when the very first open is
// refused for good.
func (s *sockets) run(ctx context.Context, firstHello func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel(nil) // before the waiting: it ends the connections

	vacant := make(chan struct{}, s.want) // one for each connection that is to be opened
	for range s.want {
		vacant <- struct{}{}
	}
	greeted := false
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-vacant:
		}
		c, err := s.connect(ctx)
		if ctx.Err() != nil {
			if c != nil {
				c.close()
			}
			return context.Cause(ctx)
		}
		if err != nil {
			if isTokenError(err) {
				if !greeted {
					return err
				}
				s.status.troubled(TroubleToken)
				s.log.ErrorContext(ctx, "Slack refuses the app-level token", "error", err)
			} else {
				s.status.troubled(TroublePassing)
				s.log.WarnContext(ctx, "no connection to Slack", "error", err)
			}
			vacant <- struct{}{}
			continue
		}
		hello := make(chan struct{})
		done := make(chan struct{})
		all.Go(func() {
			defer close(done)
			s.live(ctx, c, hello, vacant)
		})
		// One after the other: the next is opened when this one was greeted or has failed.
		select {
		case <-hello:
			if !greeted {
				greeted = true
				firstHello()
			}
		case <-done:
		case <-ctx.Done():
		}
	}
}

func isTokenError(err error) bool {
	kind, _ := deliver.KindOf(err)
	return kind == deliver.SlackToken
}

// connect opens one connection, within the limits.
func (s *sockets) connect(ctx context.Context) (*connection, error) {
	urgent, err := s.backOff(ctx)
	if err == nil && !urgent {
		err = s.inTurn(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := s.budget.Wait(ctx); err != nil {
		return nil, err
	}
	address, err := s.open(ctx)
	if err != nil {
		s.trouble(err)
		return nil, err
	}
	s.numbers++
	c, err := dial(ctx, s.numbers, address, s.client, s.log, s.take)
	if err != nil {
		s.trouble(err)
		return nil, err
	}
	c.watch = s.watch
	return c, nil
}

// live runs a connection to its end and gives its place free once: when Slack announces the close,
// else at the end.
func (s *sockets) live(ctx context.Context, c *connection, hello chan struct{}, vacant chan<- struct{}) {
	defer c.inFlight.Wait() // its place is free before: what is in hand may wait for a store that hangs
	started := time.Now()
	var once, free sync.Once
	release := func() { free.Do(func() { vacant <- struct{}{} }) }

	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-c.leaving:
			s.lived(c)
			release()
		case <-ctx.Done():
			c.close()
		case <-ended:
		}
	})
	err := c.run(context.WithoutCancel(ctx), func() {
		once.Do(func() {
			s.status.greeted(c)
			s.log.InfoContext(ctx, "connected to Slack", "connection", c.number, "of_app", c.ofApp.Load())
			if n := c.ofApp.Load(); n >= slackAllows {
				s.log.WarnContext(ctx, "the app has all the connections that Slack allows; lower slack.connections by one, "+
					"so that one can be renewed before it ends", "of_app", n)
			}
			close(hello)
		})
	})
	close(ended)
	watch.Wait()
	s.status.gone(c)
	if ctx.Err() != nil {
		return
	}
	select {
	case <-c.leaving:
	default:
		s.lived(c)
	}
	if s.status.alone() {
		wake(s.lost)
	}
	s.log.InfoContext(ctx, "a connection to Slack ended", "connection", c.number,
		"after", time.Since(started).Round(time.Millisecond).String(), "cause", err)
	release()
}

// lived judges a connection at its end. One that Slack asked to refresh, or that lasted, makes
// earlier trouble forgotten. One that was greeted and then dropped is followed by a short wait. One
// that was never greeted, several in a row that were of no use, or one that Slack ends for a reason
// that the next will meet too (Socket Mode switched off, too many connections), make the wait grow.
func (s *sockets) lived(c *connection) {
	reason, _ := c.reason.Load().(string)
	hello := c.helloAt.Load()
	switch reason {
	case "warning", "refresh_requested":
	case "link_disabled":
		s.status.troubled(TroubleOff)
		s.log.Error("Socket Mode is switched off: switch it on in the app's settings, under Socket Mode",
			"connection", c.number)
	case "too_many_websockets":
		s.status.troubled(TroubleTooMany)
		s.log.Warn("the app has all the connections that Slack allows: end a replica, or lower slack.connections",
			"connection", c.number)
	default:
		s.status.troubled(TroublePassing)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flashes++; hello > 0 && time.Since(time.UnixMilli(hello)) >= useless {
		s.flashes = 0
	}
	switch {
	case hello == 0, s.flashes >= uselessMost, reason != "" && reason != "warning" && reason != "refresh_requested":
		s.wait = longer(s.wait)
	case reason != "", time.Since(time.UnixMilli(hello)) >= settled:
		s.wait = 0
		wake(s.calm)
	default:
		s.wait = firstWait
	}
}

func longer(wait time.Duration) time.Duration { return min(max(2*wait, firstWait), longestWait) }

// trouble makes the wait grow, and keeps to what Slack asked for.
func (s *sockets) trouble(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait = longer(s.wait)
	if e, ok := errors.AsType[*deliver.SlackError](err); ok && e.RetryAfter > 0 {
		s.notYet = time.Now().Add(min(e.RetryAfter, longestAsked))
	}
}

// backOff waits as long as the trouble so far calls for, with jitter so that replicas do not come
// back as one. A place that becomes free for a good reason meanwhile ends the wait: it must not
// stay empty because of the other's trouble. So does the end of the last connection; what is opened
// then need not wait for its turn.
func (s *sockets) backOff(ctx context.Context) (urgent bool, err error) {
	select {
	case <-s.calm: // of an earlier time
	default:
	}
	for {
		if s.rescue() {
			if !times.Pause(ctx, rand.N(rescueJitter)) {
				return false, context.Cause(ctx)
			}
			return true, nil
		}
		s.mu.Lock()
		wait, asked := s.wait, time.Until(s.notYet)
		s.mu.Unlock()
		if wait > 0 {
			wait = wait/2 + rand.N(wait/2+1)
		}
		if wait = max(wait, asked); wait <= 0 {
			return false, nil
		}
		if over, err := s.sleep(ctx, wait, s.calm); over || err != nil {
			return false, err
		}
	}
}

// sleep waits, at most until there is calm or the last connection is lost; over is the whole wait.
func (s *sockets) sleep(ctx context.Context, wait time.Duration, calm <-chan struct{}) (over bool, err error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, nil
	case <-calm:
	case <-s.lost:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	return false, nil
}

// inTurn waits until the next open is allowed.
func (s *sockets) inTurn(ctx context.Context) error {
	for {
		turn := s.limiter.Reserve()
		over, err := s.sleep(ctx, turn.Delay(), nil)
		if over {
			return nil
		}
		turn.Cancel()
		if err != nil || s.rescue() {
			return err
		}
	}
}

// rescue reports whether the next open need not wait: there was a connection, there is none, and
// nothing speaks against another but that the last ones did not last.
func (s *sockets) rescue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wait <= firstWait && !time.Now().Before(s.notYet) && s.status.alone() && s.rescues.Allow()
}

package bot

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/revokebot/revokebot/handlers"
)

const (
	// Slack takes about one message a second in a channel and short bursts (Slack documentation, "Rate limits"). Every
	// replica keeps its own count, so several together can still be told to wait.
	postEvery = 1100 * time.Millisecond
	postBurst = 8
	// waitHere is how long a message waits in place for its turn. What would have to wait longer comes back at its turn, so
	// that nothing else waits behind it.
	waitHere = time.Second
	// missedAfter is when a turn that nobody came back for is forgotten.
	missedAfter = 5 * time.Minute
)

// pace keeps the messages of each channel below Slack's limit, first come, first served, so that a flood of them ends in
// order and not in a storm of refused calls.
type pace struct {
	mu       sync.Mutex
	channels map[string]*channelPace
}

// channelPace is the turns of one channel.
type channelPace struct {
	limiter *rate.Limiter
	turns   map[string]time.Time // of messages that were told to come back, by what they are
}

// turn waits for a message's turn in its channel, or returns an error that says when that is. what names the message, so
// that it keeps its turn when it comes back.
func (p *pace) turn(ctx context.Context, channel, what string) error {
	p.mu.Lock()
	if p.channels == nil {
		p.channels = make(map[string]*channelPace)
	}
	q := p.channels[channel]
	if q == nil {
		q = &channelPace{limiter: rate.NewLimiter(rate.Every(postEvery), postBurst), turns: make(map[string]time.Time)}
		p.channels[channel] = q
	}
	now := time.Now()
	at, waiting := q.turns[what]
	if !waiting {
		at = now.Add(q.limiter.ReserveN(now, 1).DelayFrom(now))
	}
	wait := at.Sub(now)
	if wait > waitHere {
		q.turns[what] = at
	} else {
		delete(q.turns, what)
	}
	for missed, t := range q.turns {
		if now.Sub(t) > missedAfter {
			delete(q.turns, missed)
		}
	}
	p.mu.Unlock()

	switch {
	case wait <= 0:
		return nil
	case wait > waitHere:
		return &handlers.SlackError{Kind: handlers.SlackPassing, Method: "chat.postMessage", Code: handlers.CodePaced, RetryAfter: wait}
	case !pause(ctx, wait):
		return context.Cause(ctx)
	default:
		return nil
	}
}

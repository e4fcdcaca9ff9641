package bot

import (
	"context"
	"math/rand/v2"
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
	// waitHere is how long a message waits in place for its turn. What would have to wait longer comes back later, so
	// that nothing else waits behind it.
	waitHere = time.Second
	// comeBack spreads those that come back.
	comeBack = 10 * time.Second
)

// pace keeps the messages of each channel below Slack's limit, so that a flood of them ends in order and not in a storm
// of refused calls.
type pace struct {
	mu       sync.Mutex
	channels map[string]*rate.Limiter
}

// turn waits for a channel's turn, or returns an error that says when to come back.
func (p *pace) turn(ctx context.Context, channel string) error {
	p.mu.Lock()
	if p.channels == nil {
		p.channels = make(map[string]*rate.Limiter)
	}
	limiter := p.channels[channel]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Every(postEvery), postBurst)
		p.channels[channel] = limiter
	}
	p.mu.Unlock()

	r := limiter.Reserve()
	wait := r.Delay()
	if wait == 0 {
		return nil
	}
	if wait > waitHere {
		r.Cancel()
		return &handlers.SlackError{Kind: handlers.SlackPassing, Method: "chat.postMessage", Code: handlers.CodePaced, RetryAfter: wait + rand.N(comeBack)}
	}
	if !pause(ctx, wait) {
		r.Cancel()
		return context.Cause(ctx)
	}
	return nil
}

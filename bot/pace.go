package bot

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/internal/times"
)

const (
	// Slack takes about one message a second in a channel and short bursts (Slack documentation, "Rate
	// limits").
	postEvery = 1100 * time.Millisecond
	postBurst = 8
	// It takes fifty edits a minute of an app in a workspace, whichever the channel ("Rate limits",
	// Tier 3).
	editEvery = 2 * time.Second
	editBurst = 20
	// waitHere is how long a message waits in place for its turn. What would have to wait longer comes
	// back at its turn, so that nothing else waits behind it.
	waitHere = time.Second
	// missedAfter is when a turn that nobody came back for is forgotten.
	missedAfter = 5 * time.Minute
)

// pace keeps the messages of each channel below Slack's limit, first come, first served, so that a
// flood of them ends in order and not in a storm of refused calls.
//
// Each replica keeps its own. Together they can be told to wait, and hold then keeps this one's
// messages back as long as Slack asks; and a message that comes back to another replica gets a new
// turn there, behind that one's others. Both cost time and lose nothing: which message is next of
// one request is decided by its log, not here.
type pace struct {
	method string        // for errors
	every  time.Duration // between two messages
	burst  int

	mu       sync.Mutex
	channels map[string]*channelPace
}

// channelPace is the turns of one channel.
type channelPace struct {
	given *rate.Limiter // what was told a turn
	// what was sent: those that come back late have missed their turn, and are not all sent at once
	sent  *rate.Limiter
	turns map[string]time.Time // of messages that were told to come back, by what they are
	until time.Time            // Slack takes nothing before
}

func newPostPace() *pace {
	return &pace{method: "chat.postMessage", every: postEvery, burst: postBurst}
}

// newEditPace is for the edits of all channels together. An edit that has to wait comes back and
// then says what is so by then: many edits of one message become its latest.
func newEditPace() *pace { return &pace{method: "chat.update", every: editEvery, burst: editBurst} }

// channel is the turns of a channel. The caller holds the lock.
func (p *pace) channel(id string) *channelPace {
	if p.channels == nil {
		p.channels = make(map[string]*channelPace)
	}
	q := p.channels[id]
	if q == nil {
		limit := func() *rate.Limiter { return rate.NewLimiter(rate.Every(p.every), p.burst) }
		q = &channelPace{given: limit(), sent: limit(), turns: make(map[string]time.Time)}
		p.channels[id] = q
	}
	return q
}

// hold keeps a channel's messages back: Slack has said how long.
func (p *pace) hold(channel string, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.channel(channel)
	if until := time.Now().Add(wait); until.After(q.until) {
		q.until = until
	}
}

// turn waits for a message's turn in its channel, or returns an error that says when that is. what
// names the message, so that it keeps its turn when it comes back.
func (p *pace) turn(ctx context.Context, channel, what string) error {
	wait := p.next(channel, what)
	switch {
	case wait <= 0:
		return nil
	case wait > waitHere:
		return &deliver.SlackError{Kind: deliver.SlackPassing, Method: p.method, Code: deliver.CodePaced, RetryAfter: wait}
	case !times.Pause(ctx, wait):
		return context.Cause(ctx)
	default:
		return nil
	}
}

// next says how long a message has to wait. One that waits for no longer than waitHere counts as
// sent then.
func (p *pace) next(channel, what string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	q, now := p.channel(channel), time.Now()
	for missed, t := range q.turns {
		if now.Sub(t) > missedAfter {
			delete(q.turns, missed)
		}
	}
	at, told := q.turns[what]
	if !told {
		at = now.Add(q.given.ReserveN(now, 1).DelayFrom(now))
	}
	wait := max(0, at.Sub(now), q.until.Sub(now))
	if wait <= waitHere {
		sending := now.Add(wait)
		sent := q.sent.ReserveN(sending, 1)
		late := sent.DelayFrom(sending)
		if wait += late; wait > waitHere {
			sent.CancelAt(sending)
		}
	}
	if wait <= waitHere {
		delete(q.turns, what)
		return wait
	}
	q.turns[what] = now.Add(wait)
	return wait
}

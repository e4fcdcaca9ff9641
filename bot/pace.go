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
	// returnsIn is how much later than told a message comes back, at most. One that is later is not
	// waited for: another replica may have sent it.
	returnsIn = 3 * time.Second
	// missedAfter is when a turn whose sender did not come back is forgotten.
	missedAfter = 5 * time.Minute
)

// pace keeps the messages of each channel below Slack's limit, cards before threads and then first
// come, first served, so that a flood of them ends in order and not in a storm of refused calls.
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
	sent  *rate.Limiter
	waits map[string]waiting // messages that were told to come back, by what they are
	asked int                // how many messages have asked for a turn
	until time.Time          // Slack takes nothing before
}

// waiting is a message that has asked for a turn.
type waiting struct {
	class, n int       // those of a lower class go first, then those that asked first
	takes    int       // how many turns it needs at one time
	back     time.Time // when it was told to come back
}

// The classes of what is posted.
const (
	classCard   = iota
	classThread // of the threads
	classLate   // cards of those who ask for many roles
)

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
		q = &channelPace{sent: rate.NewLimiter(rate.Every(p.every), p.burst), waits: make(map[string]waiting)}
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

// turn waits for the turns that a message, or several, take in a channel, or returns an error that
// says when that is. what names them, so that they keep their turn when they come back.
func (p *pace) turn(ctx context.Context, channel, what string, class, takes int) error {
	wait := p.next(channel, what, class, min(takes, p.burst))
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
func (p *pace) next(channel, what string, class, takes int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	q, now := p.channel(channel), time.Now()
	mine, told := q.waits[what]
	if !told {
		q.asked++
		mine = waiting{class: class, n: q.asked}
	}
	mine.takes = takes
	turn := takes
	for other, w := range q.waits {
		switch late := now.Sub(w.back); {
		case late > missedAfter:
			delete(q.waits, other)
		case late < returnsIn && (w.class < mine.class || w.class == mine.class && w.n < mine.n):
			turn += w.takes
		}
	}
	wait := max(0, q.until.Sub(now), time.Duration((float64(turn)-q.sent.TokensAt(now))*float64(p.every)))
	if wait <= waitHere {
		q.sent.ReserveN(now, takes)
		delete(q.waits, what)
		return wait
	}
	mine.back = now.Add(wait)
	q.waits[what] = mine
	return wait
}

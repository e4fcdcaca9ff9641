package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/revokebot/revokebot/internal/times"
)

const (
	helloTimeout = 20 * time.Second
	writeTimeout = time.Second
	// pingEvery and pongWithin find a connection that died without a word: Slack's own pings come in
	// no promised interval, an answer to ours, which is sent after so long a silence, is due by the
	// WebSocket protocol.
	pingEvery  = 15 * time.Second
	pongWithin = 10 * time.Second
	// drainFor is how long a connection that Slack is about to close is still read.
	drainFor = 30 * time.Second
	// closeWithin is how long a close waits for acknowledgements.
	closeWithin = acceptTimeout + acceptGrace + writeTimeout
	// maxFrame bounds what one frame may hold; a click echoes a whole message.
	maxFrame = 4 << 20
	// maxBusy bounds the envelopes of one connection that are in hand. It is far more than come while
	// a store hangs and every sender is told so.
	maxBusy = 512
)

// connection is one Socket Mode connection. It ends once; a new one takes its place.
type connection struct {
	number int64
	ws     *websocket.Conn
	log    *slog.Logger
	take   func(ctx context.Context, f frame, ack ackFunc)

	helloAt  atomic.Int64 // Unix milliseconds, 0 before
	ofApp    atomic.Int64 // connections of the app, as the hello says
	aliveAt  atomic.Int64 // the last frame, ping or pong
	leaving  chan struct{}
	leave    sync.Once
	reason   atomic.Value // string: why Slack is about to close it
	inFlight sync.WaitGroup
	busy     atomic.Int64 // envelopes that are not acknowledged yet
	watch    watches
}

// dial opens the WebSocket. The address holds a ticket and is a credential: it is never logged.
func dial(
	ctx context.Context, number int64, address string, client *http.Client, log *slog.Logger,
	take func(context.Context, frame, ackFunc),
) (*connection, error) {
	c := &connection{number: number, log: log.With("connection", number), take: take, leaving: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, address, &websocket.DialOptions{
		HTTPClient:      client,
		CompressionMode: websocket.CompressionDisabled,
		OnPingReceived: func(context.Context, []byte) bool {
			c.aliveAt.Store(time.Now().UnixMilli())
			return true
		},
	})
	if err != nil {
		return nil, dialError(address, resp, err)
	}
	c.aliveAt.Store(time.Now().UnixMilli())
	ws.SetReadLimit(maxFrame)
	c.ws = ws
	return c, nil
}

// dialError says why a WebSocket could not be opened. An error of net/http repeats the address,
// whose ticket is a credential: its cause stands alone, and must not hold the ticket either.
func dialError(address string, resp *http.Response, err error) error {
	why := "the network or the answer failed"
	_, ticket, _ := strings.Cut(address, "?")
	if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		why = fmt.Sprint("HTTP status ", resp.StatusCode)
	} else if e, ok := errors.AsType[*url.Error](err); ok && ticket != "" && !strings.Contains(e.Err.Error(), ticket) {
		why = e.Err.Error()
	}
	return errors.New("the WebSocket could not be opened: " + why)
}

// run reads until the connection ends. Envelopes may be in hand then: inFlight. hello is called
// once, when Slack said it. After Slack announced that it will close the connection, leaving is
// closed and it is read on for a while.
func (c *connection) run(ctx context.Context, hello func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer c.ws.CloseNow()

	var keeper sync.WaitGroup
	keeper.Go(func() { c.keepAlive(ctx, cancel) })
	defer keeper.Wait()
	defer cancel(nil)

	greeted := time.AfterFunc(helloTimeout, func() { cancel(errNoHello) })
	defer greeted.Stop()
	var drain *time.Timer
	defer func() {
		if drain != nil {
			drain.Stop()
		}
	}()
	for {
		_, data, err := c.ws.Read(ctx)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return fmt.Errorf("connection closed: %w", err)
		}
		c.aliveAt.Store(time.Now().UnixMilli())
		var f frame
		if err := json.Unmarshal(data, &f); err != nil {
			c.log.WarnContext(ctx, "a frame could not be read", "bytes", len(data))
			// One field of the wrong type leaves the envelope's id readable.
			c.start(ctx, frame{EnvelopeID: f.EnvelopeID, Type: frameMalformed, raw: data})
			continue
		}
		switch {
		case f.Type == frameHello:
			greeted.Stop()
			c.helloAt.Store(time.Now().UnixMilli())
			c.ofApp.Store(int64(f.NumConnections))
			hello()
		case f.Type == frameDisconnect:
			c.announceLeave(f.Reason)
			if drain == nil {
				drain = time.AfterFunc(drainFor, func() { cancel(errDrained) })
			}
		default:
			if f.EnvelopeID == "" {
				f.raw = data
			}
			c.start(ctx, f)
		}
	}
}

var (
	errNoHello = errors.New("no hello came")
	errDrained = errors.New("read to its end after Slack's notice")
	errSilent  = errors.New("no answer to a ping")
)

// start takes an envelope without holding up the reading. When not even the answer "busy" can be
// given to so many, Slack tells those who sent them that it failed.
func (c *connection) start(ctx context.Context, f frame) {
	f.came = time.Now()
	if c.busy.Load() >= maxBusy {
		_, ended := c.watch.envelope(ctx, Envelope{Kind: kindOf(f), Read: f.came})
		ended(EnvelopeDropped)
		c.log.WarnContext(ctx, "an envelope was left without an answer: too many at once", "envelope", f.EnvelopeID)
		return
	}
	c.busy.Add(1)
	c.inFlight.Go(func() {
		defer c.busy.Add(-1)
		c.take(context.WithoutCancel(ctx), f, c.ack)
	})
}

func (c *connection) announceLeave(reason string) {
	c.leave.Do(func() {
		c.reason.Store(reason)
		c.log.Info("Slack will close the connection", "reason", reason)
		close(c.leaving)
	})
}

// ack answers an envelope on this connection, which is the one it came by.
func (c *connection) ack(ctx context.Context, envelopeID string, payload any) error {
	data, err := ackFrame(envelopeID, payload)
	if err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, data); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}

// keepAlive pings when nothing has come for a while, and ends the connection when no answer comes.
// While Slack's own pings come there is no need.
func (c *connection) keepAlive(ctx context.Context, end context.CancelCauseFunc) {
	for {
		quiet := time.Since(time.UnixMilli(c.aliveAt.Load()))
		if quiet < pingEvery {
			if !times.Pause(ctx, pingEvery-quiet) {
				return
			}
			continue
		}
		ping, cancel := context.WithTimeout(ctx, pongWithin)
		err := c.ws.Ping(ping)
		cancel()
		if err != nil {
			end(errSilent)
			return
		}
		c.aliveAt.Store(time.Now().UnixMilli())
	}
}

// close says goodbye in the words of the protocol, once the envelopes in hand are acknowledged, and
// ends run.
func (c *connection) close() {
	for deadline := time.Now().Add(closeWithin); c.busy.Load() > 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	_ = c.ws.Close(websocket.StatusNormalClosure, "")
}

package bot

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// diary is what happened at which connection, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, what)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, "; ")
}

func TestOnARefreshTheNextConnectionIsGreetedBeforeTheOldOneIsLeft(t *testing.T) {
	for _, reason := range []string{"warning", "refresh_requested"} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var story diary
				s, st, _, stop := newScript(t, func(p *peer) {
					p.greet()
					if p.number > 1 {
						story.note("the next is greeted")
						p.rest()
						return
					}
					time.Sleep(time.Hour)
					p.send(`{"type":"disconnect","reason":"` + reason + `","debug_info":{"host":"applink"}}`)
					time.Sleep(8 * time.Second)
					p.send(envelope("E-LATE", frameEvent, `{}`)) // what Slack still sends is taken
					select {
					case ack := <-p.frames:
						story.note("the old one got " + ack)
					case <-p.gone:
						story.note("the old one was left too early")
					}
					_ = p.ws.Close(websocket.StatusNormalClosure, "")
				})
				until(t, "it is connected", func() bool { return len(st.health().Connections) == 1 })
				time.Sleep(2 * time.Hour)
				if want := `the next is greeted; the old one got {"envelope_id":"E-LATE"}`; story.String() != want {
					t.Errorf("got %s, want %s", story.String(), want)
				}
				if h := st.health().Connections; len(h) != 1 || h[0].Number != 2 || s.count() != 2 {
					t.Errorf("%d connections were opened, and these are open: %+v", s.count(), h)
				}
				stop()
			})
		})
	}
}

func TestAConnectionThatSlackDoesNotCloseAfterItsNoticeIsLeftAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := make(chan time.Duration, 1)
		_, st, _, _ := newScript(t, func(p *peer) {
			p.greet()
			if p.number == 1 {
				p.send(`{"type":"disconnect","reason":"refresh_requested"}`)
				noticed := time.Now()
				p.rest()
				left <- time.Since(noticed)
				return
			}
			p.rest()
		})
		if after := <-left; after < drainFor || after > drainFor+time.Second {
			t.Errorf("left after %v", after)
		}
		until(t, "only the next is open", func() bool {
			h := st.health().Connections
			return len(h) == 1 && h[0].Number == 2
		})
	})
}

func TestADroppedConnectionIsReplacedWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dropped := make(chan time.Time, 1)
		_, st, _, _ := newScript(t, func(p *peer) {
			p.greet()
			if p.number == 1 {
				time.Sleep(5 * time.Second)
				dropped <- time.Now()
				return
			}
			p.rest()
		})
		at := <-dropped
		until(t, "another one is greeted", func() bool {
			h := st.health().Connections
			return len(h) == 1 && h[0].Number == 2
		})
		if gap := time.Since(at); gap > 2*time.Second {
			t.Errorf("%v without a connection", gap)
		}
	})
}

func TestAConnectionThatEndedIsReplacedWhileItsEnvelopesAreStillInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := newLine(t, 1, func(context.Context, approvals.Item, ...string) (bool, error) {
			<-release
			return true, nil
		})
		cut := make(chan slack.Delivery, 1)
		go func() { cut <- l.command() }()
		synctest.Wait()
		l.DropConnections()
		<-cut
		time.Sleep(rescueJitter)
		if n := len(l.open()); n != 1 {
			t.Errorf("%d connections are open", n)
		}
		if h := l.status.health(); len(h.Connections) != 1 || h.Connections[0].Number != 2 {
			t.Errorf("health %+v", h)
		}
		close(release)
	})
}

func TestAConnectionThatDiedWithoutAWordIsFoundByItsSilence(t *testing.T) {
	for name, silent := range map[string]func(p *peer){
		"nothing is read any more": func(*peer) {},
		"pings are not answered":   func(p *peer) { p.mute.Store(true); p.listen() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, st, log, _ := newScript(t, func(p *peer) {
					if p.number > 1 {
						p.greet()
						p.rest()
						return
					}
					silent(p)
					p.send(helloFrame)
					<-p.ctx.Done()
				})
				until(t, "it is connected", func() bool { return len(st.health().Connections) == 1 })
				at := time.Now()
				until(t, "another one is greeted", func() bool {
					h := st.health().Connections
					return len(h) == 1 && h[0].Number == 2
				})
				if gap := time.Since(at); gap > pingEvery+pongWithin+2*time.Second {
					t.Errorf("replaced after %v", gap)
				}
				if !log.has("a connection to Slack ended") {
					t.Errorf("the log does not say why:\n%s", log)
				}
			})
		})
	}
}

func TestAQuietConnectionThatAnswersPingsIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, st, _, _ := newScript(t, func(p *peer) { p.greet(); p.rest() })
		for range 60 {
			time.Sleep(time.Minute)
			if h := st.health().Connections; len(h) != 1 || h[0].Number != 1 {
				t.Fatalf("after a while of quiet: %+v", h)
			}
		}
		if s.count() != 1 {
			t.Errorf("%d connections were opened", s.count())
		}
	})
}

func TestAConnectionWithoutAHelloIsGivenUpAndALateHelloIsWaitedFor(t *testing.T) {
	for name, test := range map[string]struct {
		after time.Duration // of the first connection's hello
		first bool          // it is kept
	}{
		"no hello":        {after: time.Hour},
		"much too late":   {after: helloTimeout + time.Second},
		"late, but there": {after: helloTimeout - time.Second, first: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, st, _, _ := newScript(t, func(p *peer) {
					p.listen()
					if p.number == 1 {
						select {
						case <-time.After(test.after):
						case <-p.gone:
							return
						}
					}
					p.send(helloFrame)
					p.rest()
				})
				time.Sleep(helloTimeout - 2*time.Second)
				if h := st.health(); len(h.Connections) != 0 {
					t.Fatalf("connected before hello: %+v", h)
				}
				until(t, "one is greeted", func() bool { return len(st.health().Connections) == 1 })
				if first := st.health().Connections[0].Number == 1; first != test.first {
					t.Errorf("greeted: %+v", st.health().Connections)
				}
			})
		})
	}
}

func TestAnEnvelopeThatComesWithTheHelloIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		acks := make(chan string, 2)
		newScript(t, func(p *peer) {
			p.listen()
			p.send(envelope("E-EARLY", frameEvent, `{}`))
			p.send(helloFrame)
			acks <- <-p.frames
			p.rest()
		})
		if ack := <-acks; ack != `{"envelope_id":"E-EARLY"}` {
			t.Error(ack)
		}
	})
}

func TestFarMoreThanCanBeAnsweredIsLeftToSlackAndTheReadingGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const more = 100
		release := make(chan struct{})
		s := &script{t: t, ended: make(chan struct{}), play: func(p *peer) {
			p.greet()
			if p.number == 1 {
				for i := range maxBusy + more {
					p.send(envelope(fmt.Sprint("E-", i), frameEvent, `{}`))
				}
				p.send(`{"type":"disconnect","reason":"warning"}`)
			}
			p.rest()
		}}
		client, log := serve(t, s), newBook(t)
		var taken atomic.Int64
		take := func(context.Context, frame, ackFunc) {
			taken.Add(1)
			<-release
		}
		open := func(context.Context) (string, error) { return "ws://localhost/link/?ticket=TICKET", nil }
		one := newSockets(1, open, client, take, log.logger(), newStatus())
		var w witness
		one.watch = watches{&w}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		ended := make(chan error, 1)
		go func() { ended <- one.run(ctx, func() {}) }()
		until(t, "the notice at the end was read", func() bool { return s.count() == 2 })
		if taken.Load() != maxBusy {
			t.Errorf("%d are in hand", taken.Load())
		}
		if told := w.heard(); len(told) != more || told[0] != "events_api  dropped" {
			t.Errorf("it is told of %d, the first %q", len(told), told[:min(1, len(told))])
		}
		close(release)
		cancel()
		<-ended
		close(s.ended)
	})
}

func TestAStopAcknowledgesWhatIsInHandAndSaysGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var story diary
		taken, release := make(chan struct{}), make(chan struct{})
		s := &script{t: t, ended: make(chan struct{}), play: func(p *peer) {
			p.greet()
			p.send(envelope("E-1", frameEvent, `{}`))
			<-p.gone
			story.note("got " + <-p.frames)
			story.note("then the close")
		}}
		client := serve(t, s)
		take := func(ctx context.Context, f frame, ack ackFunc) {
			close(taken)
			<-release
			if err := ack(ctx, f.EnvelopeID, nil); err != nil {
				t.Error(err)
			}
		}
		log := newBook(t)
		open := func(context.Context) (string, error) { return "ws://localhost/link/?ticket=TICKET", nil }
		one := newSockets(1, open, client, take, log.logger(), newStatus())
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		ended := make(chan error, 1)
		go func() { ended <- one.run(ctx, func() {}) }()
		<-taken
		cancel()
		time.Sleep(time.Second)
		close(release)
		<-ended
		close(s.ended)
		synctest.Wait()
		if want := `got {"envelope_id":"E-1"}; then the close`; story.String() != want {
			t.Errorf("got %s, want %s", story.String(), want)
		}
	})
}

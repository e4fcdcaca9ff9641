package bot

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func takeAll(context.Context, approvals.Item, ...string) (bool, error) { return true, nil }

// Whatever happens for an hour, Slack is not called more than a few times a minute, and afterwards
// all is well again.
func TestAnHourOfTroubleCostsFewOpensAndIsRecoveredFrom(t *testing.T) {
	always := func(f slack.Fault) func(*line) {
		f.Method = "apps.connections.open"
		return func(l *line) {
			l.Inject(f)
			l.DropConnections()
		}
	}
	// again and again, as soon as a connection is greeted.
	greeted := func(do func(l *line)) func(*line) {
		return func(l *line) {
			for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
				if len(l.open()) > 0 {
					do(l)
				}
			}
		}
	}
	for name, test := range map[string]struct {
		trouble func(*line)
		most    int     // opens in the hour
		errors  int     // at most so many ERROR lines; 0: none
		says    Trouble // what health calls it; "": nothing is wrong
	}{
		"Socket Mode is switched off": {
			trouble: greeted(func(l *line) { l.Disconnect("link_disabled") }), most: 100, errors: 200, says: TroubleOff,
		},
		"too many connections": {
			trouble: greeted(func(l *line) { l.Disconnect("too_many_websockets") }), most: 100, says: TroubleTooMany,
		},
		"warned at once": {trouble: greeted(func(l *line) { l.Disconnect("warning") }), most: 225},
		"a reason yet to be made": {
			trouble: greeted(func(l *line) { l.Disconnect("coffee") }), most: 100, says: TroublePassing,
		},
		"refreshed at once": {trouble: greeted(func(l *line) { l.Disconnect("refresh_requested") }), most: 100},
		"greeted and dropped": {
			trouble: greeted(func(l *line) { l.DropConnections() }), most: 100, says: TroublePassing,
		},
		"dropped after two seconds": {
			trouble: greeted(func(l *line) { time.Sleep(2 * time.Second); l.DropConnections() }), most: 225,
			says: TroublePassing,
		},
		"HTTP 500": {
			trouble: always(slack.Fault{HTTPStatus: http.StatusInternalServerError}), most: 100, says: TroublePassing,
		},
		"429": {trouble: always(slack.Fault{RetryAfter: 90 * time.Second}), most: 45, says: TroublePassing},
		"ratelimited in a 200": {
			trouble: always(slack.Fault{RetryAfter: 30 * time.Second, In200: true}), most: 100, says: TroublePassing,
		},
		"internal_error": {trouble: always(slack.Fault{Error: "internal_error"}), most: 100, says: TroublePassing},
		"the network":    {trouble: always(slack.Fault{DropBefore: true}), most: 100, says: TroublePassing},
		"the token is revoked": {
			trouble: always(slack.Fault{Error: "token_revoked"}), most: 100, errors: 100, says: TroubleToken,
		},
		"it hangs": {trouble: always(slack.Fault{Delay: time.Hour}), most: 100, says: TroublePassing},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, 2, takeAll)
				began := time.Now()
				end := began.Add(time.Hour)
				says := map[Trouble]int{}
				var watch sync.WaitGroup
				watch.Go(func() {
					for ; time.Now().Before(end); time.Sleep(5 * time.Second) {
						says[l.status.health().Trouble]++
					}
				})
				test.trouble(l)
				time.Sleep(time.Until(end))
				watch.Wait()
				opens, worst := l.opens.since(began)
				t.Logf("%d opens in an hour, %d in the worst minute", opens, worst)
				if opens > test.most || opens < 10 || worst > budgetBurst+int(time.Minute/budgetEvery) {
					t.Errorf("%d opens, want 10 to %d; %d in the worst minute", opens, test.most, worst)
				}
				if says[test.says] < 360 || len(says) > 2 {
					t.Errorf("health says %v, want mostly %q", says, test.says)
				}
				if n := strings.Count(l.log.String(), "level=ERROR"); n > test.errors || (n > 10) != (test.errors > 0) {
					t.Errorf("%d ERROR lines, want at most %d", n, test.errors)
				}
				l.ClearFaults()
				until(t, "both connections are open", func() bool { return len(l.open()) == 2 })
				if d := l.command(); !d.Acked {
					t.Errorf("after the trouble: %+v", d)
				}
			})
		})
	}
}

func TestAnEleventhConnectionIsNotInsistedOnAndTheTenthGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 2, takeAll)
		var others sync.WaitGroup
		var sockets []*websocket.Conn
		l.DropConnections()
		for range 9 { // they are there before ours are back
			address, err := l.client.openSocket(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ws, _, err := websocket.Dial(t.Context(), address, &websocket.DialOptions{HTTPClient: l.http})
			if err != nil {
				t.Fatal(err)
			}
			sockets = append(sockets, ws)
			others.Go(func() {
				for {
					if _, _, err := ws.Read(context.WithoutCancel(t.Context())); err != nil {
						return
					}
				}
			})
		}
		until(t, "one of ours is open", func() bool { return len(l.open()) == 10 })
		began := time.Now()
		time.Sleep(time.Hour)
		opens, worst := l.opens.since(began)
		t.Logf("%d opens in an hour, %d in the worst minute", opens, worst)
		if opens > 100 || opens < 10 {
			t.Errorf("%d opens", opens)
		}
		if h := l.status.health(); len(h.Connections) != 1 || !h.Connected || h.Connections[0].OfApp != 10 ||
			h.Trouble != TroubleTooMany {
			t.Errorf("ours are %+v", h)
		}
		if !l.log.has("lower slack.connections by one") || !l.log.has("end a replica, or lower slack.connections") {
			t.Error("the log does not say what to do")
		}
		for _, ws := range sockets {
			_ = ws.CloseNow()
		}
		others.Wait()
		until(t, "both are open", func() bool { return len(l.open()) == 2 })
	})
}

func TestARefreshDoesNotWaitForTheTroubleOfAnotherConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSockets(2, nil, nil, nil, newBook(t).logger(), newStatus())
		for range 10 {
			s.trouble(errors.New("too many"))
		}
		started := time.Now()
		go func() {
			time.Sleep(2 * time.Second)
			c := &connection{}
			c.helloAt.Store(time.Now().Add(-time.Hour).UnixMilli())
			c.reason.Store("warning")
			s.lived(c)
		}()
		if _, err := s.backOff(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(started); waited != 2*time.Second {
			t.Errorf("waited %v", waited)
		}
		// What Slack asked for is kept to all the same.
		s.trouble(&deliver.SlackError{Kind: deliver.SlackPassing, RetryAfter: 20 * time.Second})
		c := &connection{}
		c.helloAt.Store(time.Now().Add(-time.Hour).UnixMilli())
		c.reason.Store("warning")
		s.lived(c)
		started = time.Now()
		if _, err := s.backOff(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(started); waited != 20*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestAWrongAppTokenAtTheStartIsAnErrorAndConnectionsThatAreNotGreetedYetAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBook(t)
		s := &script{t: t, ended: make(chan struct{}), play: func(p *peer) {
			p.listen()
			p.send(`{"type":"disconnect","reason":"too_many_websockets"}`)
			p.rest()
		}}
		client := serve(t, s)
		calls := 0
		open := func(context.Context) (string, error) {
			if calls++; calls > 1 {
				return "", &deliver.SlackError{Kind: deliver.SlackToken, Method: "apps.connections.open", Code: "invalid_auth"}
			}
			return "ws://localhost/link/?ticket=TICKET", nil
		}
		one := newSockets(2, open, client, nil, l.logger(), newStatus())
		started := time.Now()
		err := one.run(t.Context(), func() { t.Error("greeted") })
		if e, ok := errors.AsType[*deliver.SlackError](err); !ok || e.Code != "invalid_auth" {
			t.Errorf("got %v", err)
		}
		if took := time.Since(started); took > helloTimeout+5*time.Second {
			t.Errorf("it took %v", took)
		}
		close(s.ended)
	})
}

func TestWhyAConnectionCouldNotBeOpenedIsSaidWithoutTheTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forbidden := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "ticket=TICKET is used", http.StatusForbidden)
		}))
		hangs := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		for want, client := range map[string]*http.Client{
			"HTTP status 403":    forbidden,
			"deadline exceeded":  hangs,
			"connection refused": {Transport: &http.Transport{DialContext: refuse}},
			"no such host":       {Transport: &http.Transport{DialContext: unknownHost}},
			"the network or the": {Transport: &http.Transport{DialContext: oddError}},
		} {
			_, err := dial(t.Context(), 1, "ws://localhost/link/?ticket=TICKET", client, newBook(t).logger(), nil)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "TICKET") ||
				errors.Unwrap(err) != nil {
				t.Errorf("got %v, want it to say %s and nothing of the address", err, want)
			}
		}
	})
}

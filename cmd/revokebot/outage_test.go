package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/redisserver"
)

const notRecorded = "nothing was recorded and nothing will happen"

func TestWithoutRedisNothingIsRecordedAndNothingHappensAndAllIsWellAfterItsReturn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bot, readyz := w.startBot(nil)
	w.command(actors.Rosa, messages.Command+" prod/DeployRole "+reasonTyped)
	card := w.openCard()

	w.redis.Kill()
	w.click(actors.Bob, card, messages.ActionApprove)
	w.whispered(actors.Bob, notRecorded)
	w.command(actors.Ines, messages.Command+" prod/NightlyBackup")
	w.whispered(actors.Ines, notRecorded)
	w.until("a bot that says it is not ready", func() bool { return w.status(readyz) == http.StatusServiceUnavailable })

	w.redis.Restart()
	w.until("a ready bot", func() bool { return w.status(readyz) == http.StatusOK })
	if document, ok := w.policyOnRole(actors.ProdID); ok {
		t.Fatalf("a click that was not recorded put a policy on the role: %s", document)
	}
	if again := w.card("Approval needed"); again.TS != card.TS {
		t.Errorf("a command that was not recorded has a card: %s", again.Text)
	}

	w.click(actors.Bob, card, messages.ActionApprove)
	w.inThread(card, "On the role: yes")
	if _, ok := w.policyOnRole(actors.ProdID); !ok {
		t.Error("there is no policy on the role")
	}
	bot.WantCleanEnd()
	wantCleanLog(t, bot.Stderr.String(), append(w.secrets(), "zanzibar"))
}

func TestNoRevocationIsLostToTheOneAddressOfACluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cluster := redisserver.StartCluster(t)
	for _, address := range cluster.Addrs() { // one of them holds the bot's keys
		bot, _ := w.startBot(map[string]string{"REDIS_URL": "redis://" + address + "/0"})
		bot.WantCleanEnd()
		wantCleanLog(t, bot.Stderr.String(), w.secrets())
	}
	bot, _ := w.startBot(map[string]string{"REDIS_URL": "redis://" + cluster.Addrs()[0]})
	w.command(actors.Rosa, messages.Command+" prod/DeployRole")
	card := w.openCard()
	w.click(actors.Bob, card, messages.ActionApprove)
	w.inThread(card, "(verified)")
	bot.WantCleanEnd()
}

// What was sent to a Redis that hangs may be done when it goes on: the person is told so in time,
// and whichever it was, there is one revocation in the end.
func TestARedisThatHangsHoldsUpNoAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bot, readyz := w.startBot(nil)
	w.command(actors.Rosa, messages.Command+" prod/DeployRole")
	card := w.openCard()

	w.redis.Pause()
	w.click(actors.Bob, card, messages.ActionApprove)
	w.whispered(actors.Bob, "recorded")
	w.until("a bot that says it is not ready", func() bool { return w.status(readyz) == http.StatusServiceUnavailable })

	w.redis.Resume()
	w.until("a ready bot", func() bool { return w.status(readyz) == http.StatusOK })
	w.lateClick(actors.Bob, card, messages.ActionApprove)
	w.inThread(card, "On the role: yes")
	if n := w.countInThread(card, "*Revoked:*"); n != 1 {
		t.Errorf("the thread says %d times that it was applied", n)
	}
	bot.WantCleanEnd()
	wantCleanLog(t, bot.Stderr.String(), w.secrets())
}

func TestARedisThatComesBackEmptyIsAFreshStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bot, _ := w.startBot(nil)
	w.command(actors.Rosa, messages.Command+" prod/DeployRole")
	card := w.openCard()

	w.redis.Wipe()
	w.until("word that there is no such request", func() bool {
		w.click(actors.Bob, card, messages.ActionApprove)
		for _, m := range w.messages() {
			if m.Ephemeral && m.VisibleTo == actors.Bob && strings.Contains(m.Text, "There is no request behind this button") {
				return true
			}
		}
		return false
	})
	w.command(actors.Rosa, messages.Command+" prod/DeployRole")
	var second message
	w.until("second card", func() bool {
		second = w.openCard()
		return second.TS != card.TS
	})
	w.click(actors.Bob, second, messages.ActionApprove)
	w.inThread(second, "On the role: yes")
	bot.WantCleanEnd()
	wantCleanLog(t, bot.Stderr.String(), w.secrets())
}

func TestARevocationThatIsInFlightAtSIGTERMIsFinishedAndTheNextStartTellsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gate := newGate(t, w.printed["AWS_ENDPOINT_URL"])
	bot, readyz := w.startBot(map[string]string{"AWS_ENDPOINT_URL": gate.address})
	w.command(actors.Rosa, messages.Command+" prod/DeployRole "+reasonTyped)
	card := w.openCard()
	w.click(actors.Bob, card, messages.ActionApprove)
	gate.waitForWrite(t)

	bot.Terminate()
	bot.Stderr.WaitForText(t, "stopping: finishing what is in hand")
	if got := w.status(readyz); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d while it stops", got)
	}
	gate.open()
	bot.WantCleanEnd()
	document, ok := w.policyOnRole(actors.ProdID)
	if !ok {
		t.Fatal("the revocation was given up")
	}
	wantCleanLog(t, bot.Stderr.String(), append(w.secrets(), "zanzibar"))

	next, _ := w.startBot(nil)
	w.inThread(card, "*Revoked:*")
	w.inThread(card, "On the role: yes")
	w.inThread(card, "*CloudTrail*")
	w.card("Revoked")
	if after, _ := w.policyOnRole(actors.ProdID); after != document {
		t.Errorf("the next start wrote again: %s, before: %s", after, document)
	}
	next.WantCleanEnd()
	wantCleanLog(t, next.Stderr.String(), append(w.secrets(), "zanzibar"))
}

func TestARevocationWhoseBotIsKilledBeforeTheWriteIsDoneByTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gate := newGate(t, w.printed["AWS_ENDPOINT_URL"])
	bot, _ := w.startBot(map[string]string{"AWS_ENDPOINT_URL": gate.address})
	w.command(actors.Rosa, messages.Command+" prod/DeployRole")
	card := w.openCard()
	w.click(actors.Bob, card, messages.ActionApprove)
	gate.waitForWrite(t)
	bot.Kill()
	gate.refuse()
	if document, ok := w.policyOnRole(actors.ProdID); ok {
		t.Fatalf("the write came through: %s", document)
	}

	next, _ := w.startBot(nil)
	w.inThread(card, "On the role: yes")
	if _, ok := w.policyOnRole(actors.ProdID); !ok {
		t.Error("there is no policy on the role")
	}
	if n := w.countInThread(card, "*Revoked:*"); n != 1 {
		t.Errorf("the thread says %d times that it was applied", n)
	}
	next.WantCleanEnd()
}

func TestTheBotStopsCleanlyWhileSlackIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bot, readyz := w.startBot(nil)
	w.standIns.Kill()
	bot.Stderr.WaitForText(t, "no connection to Slack")
	w.until("a bot that says it is not ready", func() bool { return w.status(readyz) == http.StatusServiceUnavailable })
	bot.WantCleanEnd()
	wantCleanLog(t, bot.Stderr.String(), w.secrets())
}

// gate stands between the bot and AWS and holds back writes of policies until it is opened.
type gate struct {
	address string
	reached chan struct{} // closed when the first write has come
	opened  chan struct{}
	refused chan struct{}

	first, once sync.Once
}

func newGate(t *testing.T, endpoint string) *gate {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{reached: make(chan struct{}), opened: make(chan struct{}), refused: make(chan struct{})}
	transport := &http.Transport{}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // which is signed
	}}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the bot is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte("Action=PutRolePolicy")) {
			g.first.Do(func() { close(g.reached) })
			select {
			case <-g.opened:
			case <-g.refused:
				rw.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		}
		proxy.ServeHTTP(rw, r)
	}))
	g.address = server.URL
	t.Cleanup(func() {
		g.refuse()
		server.Close()
		transport.CloseIdleConnections()
	})
	return g
}

// waitForWrite waits until the bot wants to write a policy.
func (g *gate) waitForWrite(t *testing.T) {
	t.Helper()
	wait(t, g.reached, "write of a policy")
}

// open lets the writes through.
func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// refuse answers them with an error, unless the gate was opened.
func (g *gate) refuse() { g.once.Do(func() { close(g.refused) }) }

package bot

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestAWrongTokenAtTheStartEndsTheRunWithItsReason(t *testing.T) {
	for name, test := range map[string]struct {
		trouble func(h *house, c *Config)
		code    string
	}{
		"a wrong bot token": {func(_ *house, c *Config) { c.BotToken = "xoxb-wrong" }, "invalid_auth"},
		"a wrong app token": {func(_ *house, c *Config) { c.AppToken = "xapp-wrong" }, "invalid_auth"},
		"a revoked bot token": {
			func(h *house, _ *Config) {
				h.slack.Inject(slack.Fault{Method: "auth.test", Error: "token_revoked"})
			}, "token_revoked",
		},
		"a deactivated account": {
			func(h *house, _ *Config) {
				h.slack.Inject(slack.Fault{Method: "auth.test", Error: "account_inactive"})
			}, "account_inactive",
		},
		"a scope that is missing": {func(h *house, _ *Config) {
			h.slack.Inject(slack.Fault{Method: "apps.connections.open", Error: "missing_scope"})
		}, "missing_scope"},
		"after Slack was away": {func(h *house, c *Config) {
			c.BotToken = "xoxb-wrong"
			h.slack.Inject(slack.Fault{Method: "auth.test", HTTPStatus: 500, Times: 5})
		}, "invalid_auth"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				cfg := h.config()
				test.trouble(h, &cfg)
				b, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				started := time.Now()
				err = b.Run(t.Context())
				refused, ok := errors.AsType[*StartError](err)
				if !ok || refused.Store || !strings.Contains(err.Error(), test.code) || strings.Contains(err.Error(), "wrong") {
					t.Errorf("got %v", err)
				}
				if e, ok := errors.AsType[*deliver.SlackError](err); !ok || e.Kind != deliver.SlackToken {
					t.Errorf("the cause is %v", err)
				}
				if took := time.Since(started); took > 2*time.Minute {
					t.Errorf("it took %v", took)
				}
				if b.Health().Ready {
					t.Error("ready after the end")
				}
			})
		})
	}
}

// unprepared is a store that cannot be made ready.
type unprepared struct{ Store }

func (unprepared) Prepare(context.Context) error { return errors.New("connection refused") }

func TestAStoreThatIsNotReadyAtTheStartEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		cfg := h.config()
		cfg.Store = unprepared{h.store}
		b, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if refused, ok := errors.AsType[*StartError](b.Run(t.Context())); !ok || !refused.Store ||
			!strings.Contains(refused.Error(), "the store is not ready") {
			t.Errorf("got %v", refused)
		}
	})
}

func TestABotWithoutAnAddressIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := newHouse(t).config()
		cfg.SlackAPI = "slack"
		if b, err := New(cfg); err == nil || b != nil {
			t.Errorf("%v, %v", b, err)
		}
	})
}

func TestABotStopsAtAnyMomentOfItsStart(t *testing.T) {
	moments := []time.Duration{0, time.Nanosecond, 5 * time.Millisecond, time.Second, slackPatience, time.Minute}
	for name, trouble := range map[string]func(h *house){
		"all is well":      func(*house) {},
		"Slack is away":    func(h *house) { h.slackAway(true) },
		"Slack hangs":      func(h *house) { h.slack.Inject(slack.Fault{Delay: time.Hour}) },
		"Slack is limited": func(h *house) { h.slack.Inject(slack.Fault{RetryAfter: time.Hour}) },
		"the open fails": func(h *house) {
			h.slack.Inject(slack.Fault{Method: "apps.connections.open", HTTPStatus: 500})
		},
		"the open hangs": func(h *house) {
			h.slack.Inject(slack.Fault{Method: "apps.connections.open", Delay: time.Hour})
		},
		"it is switched off": func(h *house) {
			h.slack.Inject(slack.Fault{Method: "apps.connections.open", Error: "fatal_error"})
		},
		"the app is inactive": func(h *house) { h.slack.Inject(slack.Fault{Method: "auth.test", Error: "fatal_error"}) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, after := range moments {
				synctest.Test(t, func(t *testing.T) {
					h := newHouse(t)
					trouble(h)
					r := h.start(h.config())
					time.Sleep(after)
					if took := r.stop(t); took > 2*time.Second {
						t.Errorf("stopped after %v: it took %v", after, took)
					}
					if h := r.Health(); h.Ready || !h.Stopping {
						t.Errorf("health %+v", h)
					}
				})
			}
		})
	}
}

// Rule 16, at a start.
func TestWhenTheProcessStartsWhileSlackIsAwayWhatWasApprovedGoesOnAndWhatPeopleSentWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		cfg := h.config()
		cfg.StopTimeout = time.Second
		first := h.start(cfg)
		h.ready(first)
		card, request := h.ask()
		h.aws.Inject(awsstandin.Fault{Action: "PutRolePolicy", Hang: true})
		h.approve(card)
		until(t, "the write is under way", func() bool { return h.state(request) == approvals.StateExecuting })
		first.stop(t)
		if h.state(request) != approvals.StateExecuting {
			t.Fatalf("the request is %s", h.state(request))
		}
		h.slackAway(true)
		told := len(h.slack.Messages(actors.Incident))

		body, err := json.Marshal(handlers.Command{
			RequestID: "SECOND", Place: approvals.Place{Team: "T0SANDBOX", App: "A0SANDBOX", Channel: actors.Incident},
			User: actors.Rosa,
			Text: "prod/NightlyBackup " + typed,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.store.Accept(t.Context(), approvals.Item{
			Kind: handlers.KindCommand, Source: envelopeSource + "E-1", Body: body,
		}, "E-1"); err != nil {
			t.Fatal(err)
		}
		second := h.start(h.config())
		at := time.Now()
		until(t, "the deny is on the role", func() bool { return h.state(request) == approvals.StateApplied })
		t.Logf("applied %v after the start", time.Since(at))
		// of which until looks a hundred times
		if took := time.Since(at); took > slackPatience+abandoned+claimEvery+time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(3 * time.Minute)
		if n := len(h.slack.Messages(actors.Incident)); n != told || second.Health().Ready {
			t.Fatalf("Slack is not away: %d messages more", n-told)
		}
		if s := h.state("SECOND"); s != approvals.StateUnknown {
			t.Errorf("the command was judged while the bot did not know its workspace: %s", s)
		}
		h.slackAway(false)
		until(t, "the command is taken up", func() bool { return h.state("SECOND") == approvals.StateOpen })
		until(t, "the thread has caught up", func() bool {
			for _, m := range h.slack.Messages(actors.Incident) {
				if m.ThreadTS == card.TS && strings.Contains(m.Text, "*Revoked:*") {
					return true
				}
			}
			return false
		})
		h.ready(second)
	})
}

func TestATokenThatIsRevokedLaterIsLoggedAndTriedAgainAndIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "Slack refuses the app-level token")
		r := h.start(h.config())
		h.ready(r)
		// One whose address was asked for before the token was revoked would still open.
		until(t, "all connections are there", func() bool { return len(r.Health().Connections) == 2 })
		h.slack.Inject(slack.Fault{Method: "apps.connections.open", Error: "token_revoked"})
		h.slack.DropConnections()
		time.Sleep(5 * time.Minute) // the waits have grown by then
		before := strings.Count(h.log.String(), "level=ERROR")
		time.Sleep(10 * time.Minute)
		if n := strings.Count(h.log.String(), "level=ERROR") - before; n < 10 || n > 20 {
			t.Errorf("%d ERROR lines in ten minutes, want about one a minute", n)
		}
		if r.Health().Ready {
			t.Error("ready without a connection")
		}
		h.slack.ClearFaults()
		h.ready(r)
		h.ask()
	})
}

func TestAStopFinishesARevocationThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		r := h.start(h.config())
		h.ready(r)
		card, request := h.ask()
		h.aws.Inject(awsstandin.Fault{Action: "PutRolePolicy", Delay: 4 * time.Second})
		h.approve(card)
		until(t, "the write is under way", func() bool { return h.state(request) == approvals.StateExecuting })
		took := r.stop(t)
		if took < 3*time.Second || took > 8*time.Second || h.state(request) != approvals.StateApplied {
			t.Errorf("after %v the request is %s", took, h.state(request))
		}
	})
}

func TestAStopGivesUpWhatTakesTooLongAndTheNextStartDoesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		r := h.start(h.config())
		h.ready(r)
		card, request := h.ask()
		// longer than a stop may take, shorter than AWS is waited for
		h.aws.Inject(awsstandin.Fault{Action: "PutRolePolicy", Delay: 25 * time.Second})
		h.aws.Inject(awsstandin.Fault{Action: "PutRolePolicy", Hang: true})
		h.approve(card)
		until(t, "the write is under way", func() bool { return h.state(request) == approvals.StateExecuting })
		if took := r.stop(t); took > 25*time.Second {
			t.Errorf("the stop took %v", took)
		}
		h.aws.ClearFaults()
		if s := h.state(request); s != approvals.StateExecuting {
			t.Fatalf("the request is %s", s)
		}
		next := h.start(h.config())
		until(t, "the next start has done it", func() bool { return h.state(request) == approvals.StateApplied })
		h.ready(next)
	})
}

func TestAStopIsNotHeldUpBySlackThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		r := h.start(h.config())
		h.ready(r)
		card, request := h.ask()
		for _, method := range []string{"*", "response_url"} {
			h.slack.Inject(slack.Fault{Method: method, Delay: time.Hour})
		}
		h.approve(card)
		time.Sleep(time.Second)
		if took := r.stop(t); took > 25*time.Second {
			t.Errorf("the stop took %v", took)
		}
		h.slack.ClearFaults()
		if s := h.state(request); s == approvals.StateFailed {
			t.Error("the request failed because of a stop")
		}
		h.ready(h.start(h.config()))
		until(t, "all is told", func() bool {
			d, err := h.store.Delivered(t.Context(), request)
			req, _, loadErr := h.store.Load(t.Context(), request)
			return err == nil && loadErr == nil && d.Cursor == req.Seq
		})
	})
}

func TestAConfigurationThatIsLeftOutHasItsDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		cfg := h.config()
		cfg.Logger = nil
		b, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if b.cfg.Connections != 2 || b.cfg.Workers != 16 || b.cfg.StopTimeout != 20*time.Second || b.log == nil {
			t.Errorf("%+v", b.cfg)
		}
	})
}

// A command that reached the inbox from another workspace is refused once the bot knows its own.
func TestACommandOfAnotherWorkspaceIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.ready(h.start(h.config()))
		payload := `{"team_id":"T9OTHER","channel_id":"` + actors.Incident + `","user_id":"` + actors.Rosa + `","command":"` +
			messages.Command + `","text":"prod/DeployRole","trigger_id":"1"}`
		if d, err := h.slack.SendEnvelope(t.Context(), []byte(envelope("E-1", frameSlash, payload))); err != nil || !d.Acked {
			t.Fatalf("%+v, %v", d, err)
		}
		until(t, "it is logged", func() bool { return h.log.has("a command of another workspace was refused") })
		time.Sleep(time.Minute)
		if len(h.cards()) != 0 {
			t.Error("there is a card")
		}
	})
}

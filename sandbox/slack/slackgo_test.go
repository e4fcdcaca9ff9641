package slack_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	slackgo "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/revokebot/revokebot/sandbox/slack"
)

// bot runs slack-go's own Socket Mode client, which acknowledges what it gets, until the test ends.
func (r *rig) bot(ack func(socketmode.Event) any) *socketmode.Client {
	r.t.Helper()
	client := socketmode.New(r.api, socketmode.OptionDialer(&websocket.Dialer{NetDialContext: r.listen.Dial}))
	ctx, cancel := context.WithCancel(r.t.Context())
	ran := make(chan error, 1)
	go func() { ran <- client.RunContext(ctx) }()
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			select {
			case event := <-client.Events:
				if event.Request == nil || event.Request.EnvelopeID == "" {
					continue
				}
				if err := client.AckCtx(ctx, event.Request.EnvelopeID, ack(event)); err != nil {
					r.t.Error(err)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	r.t.Cleanup(func() {
		cancel()
		<-read
		if err := <-ran; !errors.Is(err, context.Canceled) {
			r.t.Error(err)
		}
	})
	synctest.Wait()
	return client
}

func TestTheRealSocketModeClientParsesEveryEnvelope(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		got := make(chan socketmode.Event, 10)
		r.bot(func(e socketmode.Event) any {
			got <- e
			if e.Type == socketmode.EventTypeSlashCommand {
				return map[string]any{"text": "On it"}
			}
			return nil
		})
		if d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x y"); err != nil || !d.Acked {
			t.Fatalf("got %+v, %v", d, err)
		}
		command, ok := (<-got).Data.(slackgo.SlashCommand)
		if !ok || command.Text != "x y" || command.UserID != "U0ALICE" || command.ResponseURL == "" {
			t.Errorf("got %+v", command)
		}
		if m := r.Messages(incident); len(m) != 1 || m[0].Text != "On it" {
			t.Errorf("got %+v", m)
		}
		ts := r.card(incident)
		if d, err := r.Click(soon(t), "U0BOB", slack.Click{
			ChannelID: incident, MessageTS: ts, ActionID: "approve",
		}); err != nil || !d.Acked {
			t.Fatalf("got %+v, %v", d, err)
		}
		click, ok := (<-got).Data.(slackgo.InteractionCallback)
		if !ok || click.Type != slackgo.InteractionTypeBlockActions ||
			click.ActionCallback.BlockActions[0].Value != "req-1" ||
			click.Channel.ID != incident || click.User.ID != "U0BOB" || click.Team.ID != "T0SANDBOX" ||
			click.APIAppID != "A0SANDBOX" {
			t.Errorf("got %+v", click)
		}
		home := `{"type":"modal","title":{"type":"plain_text","text":"T"},"submit":{"type":"plain_text","text":"S"},` +
			`"blocks":[]}`
		opened := r.must("views.open", "trigger_id", click.TriggerID, "view", home)
		if d, err := r.Submit(soon(t), "U0BOB", dig(opened, "view", "id").(string), nil); err != nil || !d.Acked {
			t.Fatalf("got %+v, %v", d, err)
		}
		if submission, ok := (<-got).Data.(slackgo.InteractionCallback); !ok ||
			submission.Type != slackgo.InteractionTypeViewSubmission || submission.View.ID == "" {
			t.Errorf("got %+v", submission)
		}
	})
}

func TestTheRealSocketModeClientComesBackAfterADropARefreshAndSilence(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.bot(func(socketmode.Event) any { return nil })
		works := func(when string) {
			t.Helper()
			synctest.Wait()
			d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x")
			if err != nil || !d.Acked {
				t.Errorf("%s: got %+v, %v", when, d, err)
			}
		}
		works("at first")
		r.DropConnections()
		works("after a drop")
		r.Disconnect("refresh_requested")
		works("after a refresh")
		time.Sleep(10 * time.Minute)
		if opens := len(r.Calls("apps.connections.open")); opens != 3 {
			t.Errorf("%d opens while pings come", opens)
		}
		r.SetPings(false)
		time.Sleep(2 * time.Minute)
		if opens := len(r.Calls("apps.connections.open")); opens < 4 {
			t.Error("the client did not notice the silence")
		}
		r.SetPings(true)
		time.Sleep(time.Minute)
		works("after a silence")
	})
}

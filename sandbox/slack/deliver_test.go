package slack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestACommandIsAcknowledgedAndItsAnswerIsSeenByThePersonOnly(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		seen := s.acking(map[string]any{"text": "Working on it", "response_type": "ephemeral"})
		d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "prod/DeployRole gist")
		if err != nil || !d.Acked || d.Error != "" || d.Connection != 1 || d.AckedAfter != 0 || len(d.AckPayload) == 0 {
			t.Fatalf("got %+v, %v", d, err)
		}
		frame := <-seen
		if frame["envelope_id"] != d.EnvelopeID || frame["type"] != "slash_commands" ||
			frame["accepts_response_payload"] != true {
			t.Errorf("got %v", frame)
		}
		for field, want := range map[string]any{
			"token": "sandbox-verification-token", "team_id": "T0SANDBOX", "team_domain": "sandbox",
			"channel_id": incident, "channel_name": "incident", "user_id": "U0ALICE", "user_name": "alice",
			"command": "/revoke-sessions", "text": "prod/DeployRole gist", "api_app_id": "A0SANDBOX",
			"is_enterprise_install": "false",
		} {
			if got := dig(frame, "payload", field); got != want {
				t.Errorf("%s: got %v, want %v", field, got, want)
			}
		}
		responseURL, _ := dig(frame, "payload", "response_url").(string)
		if !strings.HasPrefix(responseURL, "http://slack.test/commands/response/") ||
			dig(frame, "payload", "trigger_id") == "" {
			t.Errorf("got %v", frame["payload"])
		}
		got := r.Messages(incident)
		if len(got) != 1 || !got[0].Ephemeral || got[0].VisibleTo != "U0ALICE" || got[0].Text != "Working on it" ||
			got[0].UserID != "U0BOT" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestTheChannelNameOfAPrivatePlaceIsNotItsName(t *testing.T) {
	inBubble(t, slack.Config{EnterpriseID: "E0CORP"}, func(t *testing.T, r *rig) {
		r.PutChannel(slack.Channel{ID: "D0BOB", DM: true, Private: true, BotMember: true, Members: []string{"U0BOB"}})
		s, _ := r.dial()
		seen := s.acking(nil)
		for channel, want := range map[string]string{secret: "privategroup", "D0BOB": "directmessage"} {
			if _, err := r.Command(soon(t), "U0BOB", channel, "/revoke-sessions", ""); err != nil {
				t.Fatal(err)
			}
			frame := <-seen
			if dig(frame, "payload", "channel_name") != want || dig(frame, "payload", "enterprise_id") != "E0CORP" {
				t.Errorf("%s: got %v", channel, frame["payload"])
			}
		}
		if len(r.Messages(secret)) != 0 {
			t.Error("an empty acknowledgement was shown")
		}
	})
}

func TestAnAnswerThatCannotBeShownIsReported(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		s.acking(map[string]any{"text": "x", "blocks": []any{map[string]any{"type": "video"}}})
		d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "")
		if err != nil || d.Error != "invalid_command_response" || len(d.Problems) != 1 || len(r.Messages(incident)) != 0 {
			t.Errorf("got %+v, %v", d, err)
		}
	})
}

func TestWithoutAConnectionTheDispatchFails(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x")
		if err != nil || d.Error != "dispatch_failed" || d.Acked || d.Connection != 0 {
			t.Errorf("got %+v, %v", d, err)
		}
	})
}

func TestSilenceIsDispatchFailedAfterThreeSecondsAndALateAckIsNothing(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		late := make(chan any, 1)
		go func() { late <- s.read()["envelope_id"] }()
		before := time.Now()
		d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x")
		if err != nil || d.Error != "dispatch_failed" || d.Acked || time.Since(before) != 3*time.Second {
			t.Errorf("got %+v, %v after %v", d, err, time.Since(before))
		}
		s.write(map[string]any{"envelope_id": <-late})
		synctest.Wait()
		if c := r.Connections()[0]; c.Acks != 0 || c.Strays != 1 || c.Sent != 1 {
			t.Errorf("got %+v", c)
		}
	})
}

func TestAnAckCountsOnlyOnItsOwnConnectionAndBelowTheFrameLimit(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		first, _ := r.dial()
		second, _ := r.dial()
		type received struct {
			s, peer *socket
			id      any
		}
		came := make(chan received, 2)
		receive := func(s, peer *socket) {
			if frame, err := s.next(); err == nil {
				came <- received{s, peer, frame["envelope_id"]}
			}
		}
		go receive(first, second)
		go receive(second, first)
		done := make(chan slack.Delivery)
		go func() {
			d, _ := r.Command(context.Background(), "U0ALICE", incident, "/revoke-sessions", "x")
			done <- d
		}()
		got := <-came
		got.peer.write(map[string]any{"envelope_id": got.id})
		got.s.write(map[string]any{"envelope_id": got.id, "payload": map[string]any{"text": strings.Repeat("x", 20_480)}})
		if d := <-done; d.Acked || d.Error != "dispatch_failed" {
			t.Errorf("got %+v", d)
		}
	})
}

func TestEnvelopesGoRoundRobinOverTheConnections(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		for range 3 {
			s, _ := r.dial()
			s.acking(nil)
		}
		count := map[int]int{}
		for range 30 {
			d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x")
			if err != nil || !d.Acked {
				t.Fatalf("got %+v, %v", d, err)
			}
			count[d.Connection]++
		}
		if len(count) != 3 || count[1] != 10 || count[2] != 10 || count[3] != 10 {
			t.Errorf("got %v", count)
		}
	})
}

func TestACommandWhoseConnectionDropsFailsAtOnce(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		go func() {
			_, _ = s.next()
			_ = s.ws.CloseNow()
		}()
		before := time.Now()
		d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x")
		if err != nil || d.Error != "dispatch_failed" || time.Since(before) != 0 {
			t.Errorf("got %+v, %v after %v", d, err, time.Since(before))
		}
	})
}

func TestAnEnvelopeIsRedeliveredUnchangedOnTheNextConnection(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		a, _ := r.dial()
		b, _ := r.dial()
		seenA, seenB := a.acking(nil), b.acking(nil)
		d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x")
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.Redeliver(soon(t), d.EnvelopeID)
		if err != nil || !again.Acked || again.EnvelopeID != d.EnvelopeID || again.Connection == d.Connection {
			t.Errorf("got %+v after %+v, %v", again, d, err)
		}
		if x, y := fmt.Sprint(<-seenA), fmt.Sprint(<-seenB); x != y {
			t.Errorf("got\n%s and\n%s", x, y)
		}
		if _, err := r.Redeliver(soon(t), "unknown"); err == nil {
			t.Error("an unknown envelope was redelivered")
		}
	})
}

func TestAnyBytesCanBeSentAsAFrame(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.dial()
		frames := make(chan string, 2)
		go func() {
			_, raw, _ := s.ws.Read(t.Context())
			frames <- string(raw)
		}()
		if d, err := r.SendEnvelope(soon(t), []byte(`{"envelope_id":`)); err != nil || d.Error != "" || d.Acked {
			t.Errorf("got %+v, %v", d, err)
		}
		if got := <-frames; got != `{"envelope_id":` {
			t.Errorf("got %s", got)
		}
		go func() {
			frame, _ := s.next()
			s.write(map[string]any{"envelope_id": frame["envelope_id"]})
		}()
		if d, err := r.SendEnvelope(soon(t), []byte(`{"envelope_id":"e-1","type":"nonsense"}`)); err != nil || !d.Acked ||
			d.EnvelopeID != "e-1" {
			t.Errorf("got %+v, %v", d, err)
		}
	})
}

func TestACommandNeedsAPersonInAnOpenChannel(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.PutChannel(slack.Channel{ID: "C0OLD", Archived: true, Members: []string{"U0ALICE"}})
		for _, c := range [][3]string{
			{"U0NOBODY", incident, "/revoke-sessions"},
			{"U0ALICE", secret, "/revoke-sessions"},
			{"U0ALICE", "C0OLD", "/revoke-sessions"},
			{"U0ALICE", incident, "revoke-sessions"},
		} {
			if d, err := r.Command(soon(t), c[0], c[1], c[2], ""); err == nil {
				t.Errorf("%v: got %+v", c, d)
			}
		}
	})
}

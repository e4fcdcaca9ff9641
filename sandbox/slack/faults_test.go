package slack_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestAFaultIsTheErrorItNamesAsOftenAsItSays(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.Inject(slack.Fault{Method: "chat.postMessage", ChannelID: secret, Times: 2, Error: "is_archived"})
		r.must("chat.postMessage", "channel", incident, "text", "another channel")
		r.must("conversations.info", "channel", secret)
		r.refused("is_archived", "chat.postMessage", "channel", secret, "text", "x")
		r.refused("is_archived", "chat.postMessage", "channel", secret, "text", "x")
		r.must("chat.postMessage", "channel", secret, "text", "x")
	})
}

func TestAFaultWithoutALimitStaysUntilItIsCleared(t *testing.T) {
	inBubble(t, slack.Config{}, func(_ *testing.T, r *rig) {
		r.Inject(slack.Fault{Method: "*", Error: "internal_error"})
		for range 5 {
			r.refused("internal_error", "auth.test")
		}
		r.ClearFaults()
		r.must("auth.test")
	})
}

func TestRateLimitsComeAs429OrInsideA200(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.Inject(slack.Fault{RetryAfter: 1500 * time.Millisecond, Times: 1})
		_, err := r.api.AuthTestContext(t.Context())
		if limited, ok := errors.AsType[*slackgo.RateLimitedError](err); !ok || limited.RetryAfter != 2*time.Second {
			t.Errorf("got %#v", err)
		}
		r.Inject(slack.Fault{RetryAfter: 3 * time.Second, In200: true, Times: 1})
		body, resp := r.post(botToken, "auth.test")
		if resp.StatusCode != http.StatusOK || body["error"] != "ratelimited" || resp.Header.Get("Retry-After") != "3" {
			t.Errorf("got %s %v", resp.Status, body)
		}
	})
}

func TestAStatusCanBeInjected(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.Inject(slack.Fault{HTTPStatus: http.StatusServiceUnavailable, Times: 1})
		_, err := r.api.AuthTestContext(t.Context())
		if status, ok := errors.AsType[slackgo.StatusCodeError](err); !ok || status.Code != http.StatusServiceUnavailable {
			t.Errorf("got %#v", err)
		}
	})
}

func TestADroppedCallWasDoneOrWasNot(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		post := func() error {
			_, _, err := r.api.PostMessageContext(t.Context(), incident, slackgo.MsgOptionText("x", false))
			return err
		}
		r.Inject(slack.Fault{Method: "chat.postMessage", Times: 1, DropBefore: true})
		if err := post(); err == nil || len(r.Messages(incident)) != 0 {
			t.Errorf("dropped before: %v, %d messages", err, len(r.Messages(incident)))
		}
		r.Inject(slack.Fault{Method: "chat.postMessage", Times: 1, DropAfter: true})
		if err := post(); err == nil || len(r.Messages(incident)) != 1 {
			t.Errorf("dropped after: %v, %d messages", err, len(r.Messages(incident)))
		}
		if err := post(); err != nil {
			t.Error(err)
		}
		if calls := r.Calls("chat.postMessage"); len(calls) != 3 || calls[0].Status != 0 || calls[1].Response != nil {
			t.Errorf("got %+v", calls)
		}
	})
}

func TestADelayHoldsTheCallUp(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.Inject(slack.Fault{Method: "auth.test", Delay: 7 * time.Second})
		before := time.Now()
		r.must("auth.test")
		if time.Since(before) != 7*time.Second {
			t.Errorf("took %v", time.Since(before))
		}
	})
}

func TestAnEnvelopeIsLostBeforeOrAfterItIsSent(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		send := func() (slack.Delivery, int) {
			s, _ := r.dial()
			got := make(chan int)
			go func() {
				n := 0
				for {
					if _, err := s.next(); err != nil {
						got <- n
						return
					}
					n++
				}
			}()
			d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x")
			if err != nil {
				t.Fatal(err)
			}
			return d, <-got
		}
		r.Inject(slack.Fault{Method: "envelope", Times: 1, DropBefore: true})
		if d, n := send(); d.Error != "dispatch_failed" || n != 0 {
			t.Errorf("before: got %+v, %d envelopes", d, n)
		}
		r.Inject(slack.Fault{Method: "envelope", Times: 1, DropAfter: true})
		if d, n := send(); d.Error != "dispatch_failed" || n != 1 {
			t.Errorf("after: got %+v, %d envelopes", d, n)
		}
	})
}

func TestAConnectionIsCutWhenItsAcknowledgementComesOrRightAfter(t *testing.T) {
	for name, test := range map[string]struct {
		fault slack.Fault
		acked bool
	}{
		"the acknowledgement is lost": {fault: slack.Fault{LoseAck: true}},
		"it has counted":              {fault: slack.Fault{DropAcked: true}, acked: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
				s, _ := r.dial()
				seen := s.acking(nil)
				test.fault.Method, test.fault.Times = "envelope", 1
				r.Inject(test.fault)
				d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x")
				if err != nil || d.Acked != test.acked || (d.Error == "dispatch_failed") == test.acked || d.AckedAfter != 0 {
					t.Errorf("got %+v, %v", d, err)
				}
				<-seen
				if _, open := <-seen; open || len(r.Connections()) != 0 {
					t.Error("the connection is not cut")
				}
				other, _ := r.dial()
				other.acking(nil)
				if d, err := r.Redeliver(soon(t), d.EnvelopeID); err != nil || !d.Acked {
					t.Errorf("sent again: %+v, %v", d, err)
				}
			})
		})
	}
}

func TestAnEnvelopeComesTwiceWithoutWaitingForTheFirstAcknowledgement(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		a, _ := r.dial()
		b, _ := r.dial()
		r.Inject(slack.Fault{Method: "envelope", Times: 1, Twice: true})
		answered := make(chan slack.Delivery, 1)
		go func() {
			d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x")
			if err != nil {
				t.Error(err)
			}
			answered <- d
		}()
		first, err := a.next()
		if err != nil {
			t.Fatal(err)
		}
		second, err := b.next()
		if err != nil || fmt.Sprint(first) != fmt.Sprint(second) {
			t.Fatalf("got %v and %v, %v", first, second, err)
		}
		for _, s := range []*socket{a, b} {
			s.write(map[string]any{"envelope_id": first["envelope_id"], "payload": map[string]any{"text": "done"}})
		}
		if d := <-answered; !d.Acked {
			t.Errorf("got %+v", d)
		}
		synctest.Wait()
		if n := len(r.Messages(incident)); n != 1 {
			t.Errorf("the answer is shown %d times", n)
		}
		for _, c := range r.Connections() {
			if c.Sent != 1 || c.Acks != 1 || c.Strays != 0 {
				t.Errorf("got %+v", c)
			}
		}
	})
}

func TestOneConnectionOfSeveralIsToldToGoOrIsCut(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		var seen []<-chan map[string]any
		for range 3 {
			s, _ := r.dial()
			seen = append(seen, s.acking(nil))
		}
		ids := r.Connections()
		r.Disconnect("refresh_requested", ids[0].ID)
		r.DropConnections(ids[1].ID)
		if frame := <-seen[0]; frame["reason"] != "refresh_requested" {
			t.Errorf("got %v", frame)
		}
		if _, open := <-seen[1]; open {
			t.Error("the second is not cut")
		}
		synctest.Wait()
		if left := r.Connections(); len(left) != 1 || left[0].ID != ids[2].ID {
			t.Errorf("left are %+v", left)
		}
		if d, err := r.Command(soon(t), "U0ALICE", incident, "/revoke-sessions", "x"); err != nil || !d.Acked {
			t.Errorf("got %+v, %v", d, err)
		}
	})
}

func TestAFaultForAnyMethodLeavesResponseURLsAlone(t *testing.T) {
	inBubble(t, slack.Config{}, func(t *testing.T, r *rig) {
		address := r.commandURL()
		r.Inject(slack.Fault{Error: "fatal_error"})
		if status, text := r.respond(address, `{"text":"x"}`); status != http.StatusOK {
			t.Errorf("got %d %s", status, text)
		}
		r.Inject(slack.Fault{Method: "response_url", HTTPStatus: http.StatusInternalServerError})
		if status, text := r.respond(address, `{"text":"x"}`); status != http.StatusInternalServerError {
			t.Errorf("got %d %s", status, text)
		}
	})
}

package bot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestAnEnvelopeIsAcknowledgedOnlyAfterTheStoreHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stored atomic.Bool
		l := newLine(t, 2, func(ctx context.Context, item approvals.Item, ids ...string) (bool, error) {
			time.Sleep(900 * time.Millisecond)
			stored.Store(true)
			return true, nil
		})
		d := l.command()
		if !d.Acked || !stored.Load() || d.AckedAfter < 900*time.Millisecond || d.AckedAfter > time.Second ||
			len(d.AckPayload) != 0 {
			t.Errorf("stored %v, delivery %+v", stored.Load(), d)
		}
	})
}

func TestAnAcknowledgementTravelsOnTheConnectionThatBroughtTheEnvelope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 3, func(context.Context, approvals.Item, ...string) (bool, error) {
			time.Sleep(100 * time.Millisecond) // so that many are under way at a time
			return true, nil
		})
		used := map[int]int{}
		var mu sync.Mutex
		var senders sync.WaitGroup
		for range 60 {
			senders.Go(func() {
				d := l.command()
				if !d.Acked {
					t.Errorf("not acknowledged: %+v", d)
				}
				mu.Lock()
				defer mu.Unlock()
				used[d.Connection]++
			})
		}
		senders.Wait()
		if len(used) != 3 {
			t.Errorf("the envelopes came by %v", used)
		}
		for _, c := range l.Connections() {
			if c.Acks != used[c.ID] || c.Strays != 0 {
				t.Errorf("connection %d brought %d envelopes, got %d acknowledgements and %d strays", c.ID, used[c.ID], c.Acks,
					c.Strays)
			}
		}
	})
}

func TestAStoreThatHangsMeansNothingWasRecordedInTimeAndReadingGoesOn(t *testing.T) {
	for name, obeys := range map[string]bool{"a store that obeys deadlines": true, "a store that does not": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				var hang atomic.Bool
				hang.Store(true)
				l := newLine(t, 2, func(ctx context.Context, _ approvals.Item, _ ...string) (bool, error) {
					if !hang.Load() {
						return true, nil
					}
					if obeys {
						<-ctx.Done()
						return false, context.Cause(ctx)
					}
					<-release
					return true, nil
				})
				var senders sync.WaitGroup
				for range 50 {
					senders.Go(func() {
						d := l.command()
						if !d.Acked || !strings.Contains(string(d.AckPayload), "nothing was recorded") || d.AckedAfter > 2*time.Second {
							t.Errorf("delivery %+v: %s", d, d.AckPayload)
						}
					})
				}
				senders.Wait()
				hang.Store(false)
				if d := l.command(); !d.Acked || len(d.AckPayload) != 0 {
					t.Errorf("the store is back, and the delivery is %+v", d)
				}
				if n := len(l.open()); n != 2 {
					t.Errorf("%d connections are left", n)
				}
				close(release)
				synctest.Wait()
				if late := l.log.has("recorded after its sender was told that it was not"); late == obeys {
					t.Errorf("late records are logged: %v", late)
				}
				synctest.Wait()
				if away, taken := l.witness.count("busy", "not_recorded"), l.witness.count("accepted"); away != 50 || taken != 1 {
					t.Errorf("%d were turned away, %d taken", away, taken)
				}
			})
		})
	}
}

func TestMoreThanCanBeTakenAtOnceIsToldBusyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := newLine(t, 2, func(context.Context, approvals.Item, ...string) (bool, error) {
			<-release
			return true, nil
		})
		answers := make(chan slack.Delivery, intakeSlots)
		for range intakeSlots {
			go func() { answers <- l.command() }()
		}
		synctest.Wait()
		for range 20 {
			d := l.command()
			if !d.Acked || d.AckedAfter > 50*time.Millisecond || !strings.Contains(string(d.AckPayload), messages.Busy().Text) {
				t.Errorf("%+v: %s", d, d.AckPayload)
			}
		}
		// A click shows nothing of its acknowledgement: it is answered by the response URL.
		if d, err := l.Click(t.Context(), rosa, slack.Click{
			ChannelID: incident, MessageTS: "1.1", BlockID: "decide", ActionID: messages.ActionApprove, Value: "R1",
		}); err != nil || !d.Acked {
			t.Errorf("the click: %+v, %v", d, err)
		}
		until(t, "the clicker is told", func() bool {
			return slices.ContainsFunc(l.Messages(incident), func(m slack.Message) bool {
				return m.VisibleTo == rosa && m.Text == messages.Busy().Text
			})
		})
		close(release)
		for range intakeSlots {
			if d := <-answers; !d.Acked || len(d.AckPayload) != 0 {
				t.Errorf("one that was taken: %+v: %s", d, d.AckPayload)
			}
		}
		synctest.Wait()
		if away, taken := l.witness.count("busy"), l.witness.count("accepted"); away != 21 || taken != intakeSlots {
			t.Errorf("%d were turned away, %d taken", away, taken)
		}
	})
}

func TestTheSameEnvelopeTwiceAndTheSameActInAnotherEnvelopeAreOneItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, db := newRedis(t)
		l := newLine(t, 2, store.Accept)
		first := l.command()
		for range 3 {
			if d, err := l.Redeliver(t.Context(), first.EnvelopeID); err != nil || !d.Acked || len(d.AckPayload) != 0 {
				t.Errorf("sent again: %+v, %v", d, err)
			}
		}
		click := `{"type":"block_actions","user":{"id":"U0ROSA"},"team":{"id":"T0SANDBOX"},"trigger_id":"1.2.3",` +
			`"actions":[{"action_id":"revokebot_approve","value":"R1","action_ts":"1.1"}]}`
		for i := range 3 {
			if d, err := l.SendEnvelope(t.Context(), []byte(envelope(fmt.Sprintf("E-%d", i), frameClick, click))); err != nil ||
				!d.Acked {
				t.Errorf("the same act: %+v, %v", d, err)
			}
		}
		if n := db.XLen(t.Context(), "{revokebot}:work").Val(); n != 2 {
			t.Errorf("%d items, want the command and the click", n)
		}
		second := l.command()
		if second.EnvelopeID == first.EnvelopeID || db.XLen(t.Context(), "{revokebot}:work").Val() != 3 {
			t.Error("the same words sent again by the person are not another item")
		}
	})
}

func TestWhatCannotBeReadIsAcknowledgedAndTheReadingGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var accepted atomic.Int64
		l := newLine(t, 1, func(context.Context, approvals.Item, ...string) (bool, error) {
			accepted.Add(1)
			return true, nil
		})
		for _, frame := range []string{
			envelope("E-1", "telepathy", `{"response_url":"https://hooks.slack.com/x","text":"`+typed+`"}`),
			envelope("E-2", frameSlash, `[]`),
			envelope("E-3", frameClick, `{"type":"block_actions","user":{"id":"U0ROSA"},"channel":{"id":"C0INCIDENT"},`+
				`"actions":7}`),
			envelope("E-4", frameClick, `{"type":"view_submission","user":{"id":"U0ROSA"},"view":7}`),
			`{"envelope_id":"E-5","type":7,"payload":{"text":"` + typed + `"}}`,
			`{"envelope_id":"E-6"}`,
		} {
			d, err := l.SendEnvelope(t.Context(), []byte(frame))
			if err != nil || !d.Acked {
				t.Errorf("%s: %+v, %v", frame, d, err)
			}
		}
		for _, frame := range []string{
			``, `{`, `null`, `[]`, `"` + typed + `"`, `{"type":"` + typed[:4] + `"}`, "\x00\xff",
			strings.Repeat(`{"a":`, 100_000),
		} {
			if _, err := l.SendEnvelope(t.Context(), []byte(frame)); err != nil {
				t.Errorf("%.20q: %v", frame, err)
			}
		}
		if d := l.command(); !d.Acked || accepted.Load() != 1 {
			t.Errorf("after all that a command: %+v, %d accepted", d, accepted.Load())
		}
		if n := len(l.Connections()); n != 1 || l.Connections()[0].ID != 1 {
			t.Errorf("connections %+v", l.Connections())
		}
		synctest.Wait()
		if u, un, i := l.witness.count("unreadable"), l.witness.count("unknown"), l.witness.count("ignored"); u != 10 ||
			un != 4 || i != 0 {
			t.Errorf("unreadable %d, unknown %d, ignored %d", u, un, i)
		}
		kept := strings.Join(l.notes.kept(), "\n")
		for _, part := range []string{
			`envelope envelope E-1 {"why":"unknown type of envelope","type":"telepathy","bytes":70,"outline":"{response_url: ` +
				`text of 25 bytes, text: text of 16 bytes}"}`,
			`envelope envelope E-3 {"why":"unreadable: interaction","type":"interactive"`, `{actions: number, `,
			`envelope envelope E-5 {"why":"unreadable: frame","type":"malformed","bytes":68,"outline":"{envelope_id: \"E-5\", ` +
				`payload: {text: text of 16 bytes}, type: number}"}`,
			`"outline":"no JSON, 1 bytes"`,
		} {
			if !strings.Contains(strings.ReplaceAll(kept, `\"`, `"`), strings.ReplaceAll(part, `\"`, `"`)) {
				t.Errorf("kept is\n%s\nwithout %s", kept, part)
			}
		}
		for _, secret := range []string{typed, "hooks.slack.com"} {
			if strings.Contains(kept, secret) {
				t.Errorf("kept is %s", secret)
			}
		}
	})
}

func TestWhenTooMuchWorkWaitsThePersonIsToldBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1, func(context.Context, approvals.Item, ...string) (bool, error) {
			return false, fmt.Errorf("accept: %w", approvals.ErrFull)
		})
		if d := l.command(); !d.Acked || !strings.Contains(string(d.AckPayload), messages.Busy().Text) {
			t.Errorf("%+v: %s", d, d.AckPayload)
		}
		synctest.Wait()
		if away, taken := l.witness.count("busy"), l.witness.count("accepted"); away != 1 || taken != 0 {
			t.Errorf("%d were turned away, %d taken", away, taken)
		}
	})
}

func TestOutlinesAreFewAndNothingWaitsForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1, takeAll)
		send := func(n int) {
			t.Helper()
			for range n {
				if d, err := l.SendEnvelope(t.Context(), []byte(envelope(rand.Text(), "telepathy", `{}`))); err != nil ||
					!d.Acked || d.AckedAfter != 0 {
					t.Errorf("%+v, %v", d, err)
				}
				synctest.Wait()
			}
		}
		send(2 * noteBurst)
		if n := len(l.notes.kept()); n != noteBurst {
			t.Errorf("%d are kept", n)
		}
		time.Sleep(noteEvery)
		send(2)
		if n := len(l.notes.kept()); n != noteBurst+1 {
			t.Errorf("after a while %d are kept", n)
		}
		if n := l.witness.count("unknown"); n != 2*noteBurst+2 {
			t.Errorf("%d were counted", n)
		}
		l.notes.hang.Store(true)
		time.Sleep(time.Hour)
		send(noteBurst)
	})
}

func TestAStoreThatRefusesIsNotRecordedAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1, func(context.Context, approvals.Item, ...string) (bool, error) {
			return false, errors.New("OOM command not allowed")
		})
		if d := l.command(); !d.Acked || !strings.Contains(string(d.AckPayload), "nothing was recorded") {
			t.Errorf("%+v: %s", d, d.AckPayload)
		}
		form := `{"type":"view_submission","user":{"id":"U0ROSA"},"team":{"id":"T0SANDBOX"},"view":{"id":"V1",` +
			`"callback_id":"` + messages.FormDeny + `","private_metadata":"{}"}}`
		if d, err := l.SendEnvelope(t.Context(), []byte(envelope("E-1", frameClick, form))); err != nil ||
			!strings.Contains(string(d.AckPayload), `"response_action":"errors"`) {
			t.Errorf("a form: %+v, %v", d, err)
		}
	})
}

func TestWhatIsTypedIntoAMenuAndAWrongFormAreAnsweredWithTheAcknowledgementWhateverTheStoreDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1, func(context.Context, approvals.Item, ...string) (bool, error) {
			t.Error("it was recorded")
			return true, nil
		})
		view := `"view":{"id":"V1","callback_id":"revokebot_ask_form","private_metadata":"{\"channel\":\"C0INCIDENT\",` +
			`\"user\":\"U0ROSA\"}","state":{"values":{"account":{"account":{"selected_option":{"value":"prod"}}}}}}`
		for name, c := range map[string]struct{ payload, want string }{
			"a menu": {
				`{"type":"block_suggestion","action_id":"revokebot_role","value":"Deploy","user":{"id":"U0ROSA"},` +
					`"team":{"id":"T0SANDBOX"},` + view + `}`, `"value":"prod/Deploy"`,
			},
			"another menu":  {`{"type":"block_suggestion","action_id":"other","value":"Deploy",` + view + `}`, ``},
			"a broken menu": {`{"type":"block_suggestion","action_id":"revokebot_role","value":7}`, ``},
			"a form":        {`{"type":"view_submission","user":{"id":"U0ROSA"},"team":null,` + view + `}`, `"errors":{"role":`},
		} {
			d, err := l.SendEnvelope(t.Context(),
				[]byte(`{"envelope_id":"e-`+name+`","type":"interactive","accepts_response_payload":true,"payload":`+c.payload+`}`))
			if err != nil || !d.Acked || d.AckedAfter > 10*time.Millisecond || !strings.Contains(string(d.AckPayload), c.want) ||
				c.want == "" && len(d.AckPayload) != 0 {
				t.Errorf("%s: %v, %+v, %s", name, err, d, d.AckPayload)
			}
		}
	})
}

package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// seen commits what CloudTrail is said to show; the count tells one from the other.
func seen(t *testing.T, card bench.Card, store approvals.Store, source string, denied int) {
	t.Helper()
	detail, err := json.Marshal(record.Enforcement{
		State: record.SeenDenied, Denied: denied, FirstDenied: time.Now(), At: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	err = store.Commit(t.Context(), approvals.Transition{
		RequestID: card.ID, Expect: approvals.AppendOnly,
		Events: []approvals.Event{{Type: approvals.EventSeenDenied, Source: source, Detail: detail}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// proofs are the messages of the thread that list what is proven.
func proofs(b *bench.Bench, card bench.Card) []slack.Message {
	var all []slack.Message
	for _, m := range b.Slack.Messages(actors.Incident) {
		if m.ThreadTS == card.TS && strings.Contains(m.Text, "Seen blocked in CloudTrail") {
			all = append(all, m)
		}
	}
	return all
}

// edits counts the edits of a message.
func edits(b *bench.Bench, ts string) int {
	n := 0
	for _, call := range b.Slack.Calls("chat.update") {
		if call.Args["ts"] == ts && call.Status == 200 {
			n++
		}
	}
	return n
}

func applied(b *bench.Bench) bench.Card {
	card := b.Ask()
	card.Approve(actors.Bob)
	card.Becomes(approvals.StateApplied)
	b.Settle()
	return card
}

func TestAProofIsOneMessageThatIsEditedInPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := applied(b)
		checked(b, card)
		b.Settle()
		before := proofs(b, card)
		told := len(card.Thread())
		if len(before) != 1 {
			t.Fatalf("%d proofs:\n%s", len(before), b.Transcript())
		}
		for n := 1; n <= 3; n++ {
			seen(t, card, b.Store, "look "+string(rune('0'+n)), n+10)
			b.Settle()
		}
		after := proofs(b, card)
		if len(after) != 1 || after[0].TS != before[0].TS || !strings.Contains(after[0].Text, "13 calls since") ||
			len(card.Thread()) != told {
			t.Errorf("%d proofs, %d messages:\n%s", len(after), len(card.Thread()), b.Transcript())
		}
		if !strings.Contains(string(after[0].Blocks), "13 calls since") {
			t.Errorf("the blocks say %s", after[0].Blocks)
		}
	})
}

func TestSeveralEventsThatComeTogetherAreOneEdit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := applied(b)
		ts := proofs(b, card)[0].TS
		before := edits(b, ts)
		b.Slack.Inject(slack.Fault{Method: "chat.update", HTTPStatus: 503})
		for n := 1; n <= 4; n++ {
			seen(t, card, b.Store, "look "+string(rune('0'+n)), n+10)
		}
		time.Sleep(time.Minute)
		b.Slack.ClearFaults()
		b.Until("the proof is up to date", func() bool {
			return strings.Contains(proofs(b, card)[0].Text, "14 calls since")
		})
		b.Settle()
		if n := edits(b, ts) - before; n != 1 {
			t.Errorf("%d edits", n)
		}
	})
}

// Slack took the message, its answer was lost, and the log has grown by the time it is found.
func TestALivingMessageThatMayHaveBeenPostedIsFoundAndEdited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.CaughtUp()
		b.Slack.Inject(slack.Fault{Method: "chat.postMessage", DropAfter: true, Times: 1}) // the proof
		b.Slack.Inject(slack.Fault{Method: "conversations.replies", HTTPStatus: 503, Times: 3})
		card.Approve(actors.Bob)
		b.Until("the proof is there", func() bool { return len(proofs(b, card)) == 1 })
		if d, err := b.Store.Delivered(t.Context(), card.ID); err != nil || len(d.Posted) > 2 || d.Intent <= d.Cursor {
			t.Fatalf("its answer was not lost: %+v, %v", d, err)
		}
		seen(t, card, b.Store, "look 1", 11)
		b.Until("the proof is up to date", func() bool {
			return strings.Contains(proofs(b, card)[0].Text, "11 calls since")
		})
		card.CaughtUp()
		b.Settle()
		if all := proofs(b, card); len(all) != 1 {
			t.Errorf("%d proofs:\n%s", len(all), b.Transcript())
		}
	})
}

func TestALivingMessageThatIsGoneHoldsUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := applied(b)
		b.Slack.DeleteMessage(actors.Incident, proofs(b, card)[0].TS)
		seen(t, card, b.Store, "look 1", 11)
		card.PressLate(actors.Nils, messages.ActionApprove)
		b.Until("the record goes on", func() bool { return card.Says("1 rejected click") })
		card.CaughtUp()
		if all := proofs(b, card); len(all) != 0 {
			t.Errorf("%d proofs:\n%s", len(all), b.Transcript())
		}
		if !strings.Contains(b.Log.String(), "a message of the thread is gone") {
			t.Errorf("the log says nothing:\n%s", b.Log)
		}
	})
}

// What Slack does not take as blocks is shown as text.
func TestAnEditThatSlackRefusesIsMadeInASimplerForm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := applied(b)
		b.Slack.Inject(slack.Fault{Method: "chat.update", Error: "invalid_blocks", Times: 1})
		seen(t, card, b.Store, "look 1", 11)
		b.Until("the proof is up to date", func() bool {
			return strings.Contains(proofs(b, card)[0].Text, "11 calls since")
		})
		card.CaughtUp()
	})
}

// A replica stops between two events; another one goes on with the same message.
func TestAnotherReplicaEditsTheSameMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := applied(b)
		b.Stop(0)
		seen(t, card, b.Store, "look 1", 11)
		b.Start()
		b.Until("the proof is up to date", func() bool {
			return strings.Contains(proofs(b, card)[0].Text, "11 calls since")
		})
		if all := proofs(b, card); len(all) != 1 {
			t.Errorf("%d proofs:\n%s", len(all), b.Transcript())
		}
	})
}

package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// Rule 14.
func TestNothingIsAcceptedFromSlackBeforeRedisHasIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		b.RedisAway(true)
		if d := b.Command(actors.Nils, "staging/DeployRole"); !strings.Contains(string(d.AckPayload),
			"nothing was recorded") {
			t.Errorf("the command is answered with %s", d.AckPayload)
		}
		if d := card.Press(actors.Bob, messages.ActionApprove); !d.Acked {
			t.Errorf("the click: %+v", d)
		}
		b.Whispered(actors.Bob, "nothing was recorded")
		b.RedisAway(false)
		b.Settle()
		if card.State() != approvals.StateOpen || b.Puts() != 0 || len(b.Cards()) != 1 {
			t.Errorf("something happened: state %s, %d writes, %d cards", card.State(), b.Puts(), len(b.Cards()))
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
	})
}

// Rule 15. The crash test runs the real process; this is the same on fake time, at the points where
// AWS has answered or has not.
func TestKilledBetweenTheWriteAndItsRecordTheBotResumes(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]awsstandin.Fault{
		"the write never came":           {Action: "PutRolePolicy", HangUp: true, Times: 3},
		"the write came, the answer not": {Action: "PutRolePolicy", HangUp: true, AfterDoing: true, Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Replicas: 2})
				card := b.Ask()
				b.AWS.Inject(fault)
				card.Approve(actors.Bob)
				b.Until("the cutoff is promised", func() bool { return card.State() == approvals.StateExecuting })
				promised := card.Request().Promise
				card.Becomes(approvals.StateApplied)
				_, cutoff := written(t, b)
				if promised == nil || !strings.Contains(string(promised.Detail), cutoff.Format("2006-01-02T15:04:05Z")) &&
					fault.AfterDoing {
					t.Errorf("the cutoff %v is not the promised one: %s", cutoff, promised.Detail)
				}
				if n := count(card, approvals.EventApplied); n != 1 {
					t.Errorf("applied %d times", n)
				}
			})
		})
	}
}

// Rule 16.
func TestIfSlackIsAwayTheWorkGoesOnAndTheThreadCatchesUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault slack.Fault
		away  time.Duration
	}{
		"503":                         {slack.Fault{HTTPStatus: 503}, 10 * time.Minute},
		"a 200 that says ratelimited": {slack.Fault{RetryAfter: 20 * time.Second, In200: true}, 40 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := b.Ask()
				card.CaughtUp()
				before := len(card.Thread())
				for _, method := range []string{"chat.postMessage", "chat.update", "chat.postEphemeral"} {
					c.fault.Method, c.fault.ChannelID = method, actors.Incident
					b.Slack.Inject(c.fault)
				}
				card.Approve(actors.Bob)
				b.Until("the deny is on the role", func() bool { return card.State() == approvals.StateApplied })
				time.Sleep(c.away)
				if n := len(card.Thread()); n != before {
					t.Fatalf("%d messages came through", n-before)
				}
				b.Slack.ClearFaults()
				card.CaughtUp()
				if card.HasButtons() || !card.Says("*Revoked:*") || !card.Says("On the role: yes") || !card.Says("*CloudTrail*") {
					t.Errorf("the thread did not catch up:\n%s", b.Transcript())
				}
				seen := map[string]int{}
				for _, text := range card.Thread() {
					if seen[text]++; text != "" && seen[text] > 1 { // a file comes without words
						t.Errorf("told twice: %s", text)
					}
				}
			})
		})
	}
}

// Rule 16. A message that Slack took without an answer is found again and not told twice, and the
// order stays.
func TestAMessageThatMayHaveBeenPostedIsLookedForFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Slack.Inject(slack.Fault{Method: "chat.postMessage", DropAfter: true, Times: 1}) // the card
		b.Command(actors.Rosa, "prod/DeployRole")
		b.Until("there is a card", func() bool { return len(b.Cards()) > 0 })
		card := b.Cards()[0]
		card.CaughtUp()
		for range 4 {
			b.Slack.Inject(slack.Fault{Method: "chat.postMessage", DropAfter: true, Times: 1})
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Until("the evidence is posted", func() bool { return card.Says("*CloudTrail*") })
		card.CaughtUp()
		if n := len(b.Cards()); n != 1 {
			t.Errorf("%d cards", n)
		}
		var order []string
		for _, word := range []string{
			"Approve or deny on the card", "*Revoked:*", "*CloudTrail*",
		} {
			n := 0
			for _, text := range card.Thread() {
				if strings.Contains(text, word) {
					n++
					order = append(order, word)
				}
			}
			if n != 1 {
				t.Errorf("%q is told %d times", word, n)
			}
		}
		if got, want := strings.Join(thread(card), "|"), strings.Join(order, "|"); got != want {
			t.Errorf("order %s, want %s", got, want)
		}
	})
}

// thread is the known lines of a thread in their order.
func thread(card bench.Card) []string {
	var order []string
	for _, text := range card.Thread() {
		for _, word := range []string{
			"Approve or deny on the card", "*Revoked:*", "*CloudTrail*",
		} {
			if strings.Contains(text, word) {
				order = append(order, word)
			}
		}
	}
	return order
}

// Rule 17.
func TestRefusedClicksAreRecordedToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		for _, user := range []string{actors.Rosa, actors.Nils, actors.Gina} {
			card.Approve(user)
			b.Until(user+" is told", func() bool { return len(b.Whispers(user)) > 0 })
		}
		card.CaughtUp()
		if n := card.Request().Refused; n != 3 {
			t.Errorf("%d refusals in the log", n)
		}
		for _, user := range []string{actors.Rosa, actors.Nils, actors.Gina} {
			if !card.Says("<@" + user + "> (Approve, ") {
				t.Errorf("the thread does not name %s:\n%s", user, b.Transcript())
			}
		}
		// One that leads to no request is kept as well.
		if _, err := b.Slack.Click(t.Context(), actors.Bob, slack.Click{
			ChannelID: actors.Incident, MessageTS: card.TS, BlockID: "decide", ActionID: messages.ActionApprove,
			Value: "NOSUCHREQUEST",
		}); err != nil {
			t.Fatal(err)
		}
		b.Whispered(actors.Bob, "There is no request behind this button")
		notes, err := b.DB.XRange(t.Context(), "{revokebot}:notes", "-", "+").Result()
		if err != nil || len(notes) != 1 || notes[0].Values["by"] != actors.Bob {
			t.Errorf("notes %v, %v", notes, err)
		}
	})
}

// A log is read as a whole at every step. A person who presses a button for days must not make it
// long; the notes, which have room for so many, have the rest.
func TestRefusedClicksOfOnePersonAreRecordedAndDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	const pressed, logged = 28, 20
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		for range pressed {
			card.Approve(actors.Nils)
			time.Sleep(100 * time.Millisecond)
		}
		b.Settle()
		notes, err := b.DB.XRange(t.Context(), "{revokebot}:notes", "-", "+").Result()
		if n := card.Request().RefusedBy(actors.Nils); err != nil || n != logged || len(notes) != pressed-logged {
			t.Errorf("%d refusals in the log, the notes have %v, %v", n, notes, err)
		}
		if told := len(b.Whispers(actors.Nils)); told != pressed {
			t.Errorf("they were told %d times", told)
		}
		card.Approve(actors.Gina) // others have room of their own
		b.Until("it is recorded", func() bool { return card.Request().RefusedBy(actors.Gina) == 1 })
	})
}

// Nothing that was acknowledged is lost when a replica stops in the middle.
func TestAStoppedReplicaFinishesWhatItHasAndAnotherTakesOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Replicas: 2})
		card := b.Ask()
		b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Delay: 3 * time.Second})
		card.Approve(actors.Bob)
		b.Until("the write is under way", func() bool { return card.State() == approvals.StateExecuting })
		b.Stop(0)
		b.Stop(1)
		b.Start()
		card.Becomes(approvals.StateApplied)
		b.Until("the evidence is posted", func() bool { return card.Says("*CloudTrail*") })
		if b.Puts() != 1 {
			t.Errorf("%d writes", b.Puts())
		}
	})
}

// Rule 15. An execution that fails for a reason of the bot's own ends the request, visibly.
func TestAnExecutionThatIsParkedEndsTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{ErrorsAllowed: true})
		card := b.Ask()
		approved := approvals.Transition{
			RequestID: card.ID, Expect: card.Request().Seq, Next: approvals.StateApproved,
			Events: []approvals.Event{{Type: approvals.EventApproved, By: actors.Bob, Source: "by hand"}},
			Work:   []approvals.Item{{Kind: "execute", Request: card.ID, Source: "execute " + card.ID}},
		}
		b.Stop(0) // nobody takes the item yet
		if err := b.Store.Commit(t.Context(), approved); err != nil {
			t.Fatal(err)
		}
		for range 6 { // six replicas take it and die
			time.Sleep(10 * time.Second)
			if claimAndDie(b) > 0 {
				continue
			}
			if _, err := b.Store.Take(t.Context(), "dying", 10, 0); err != nil {
				t.Fatal(err)
			}
		}
		b.Start()
		card.Becomes(approvals.StateFailed)
		if !card.Says("given up after 5 tries") || !card.Says("failed at this several times") || b.Puts() != 0 {
			t.Errorf("%d writes:\n%s", b.Puts(), b.Transcript())
		}
	})
}

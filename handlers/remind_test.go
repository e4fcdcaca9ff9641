package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// reminded are the reminders in a thread, and how long after the request each event came.
func reminded(card bench.Card) (told []string, after []time.Duration) {
	for _, text := range card.Thread() {
		if strings.Contains(text, "eminder") {
			told = append(told, text)
		}
	}
	for _, e := range card.Events() {
		if e.Type == approvals.EventReminded {
			after = append(after, e.At.Sub(card.Request().Opened).Round(time.Second))
		}
	}
	return told, after
}

func TestApproversAreRemindedAtHalfOfTheTimeAndShortlyBeforeItsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expireAfter time.Duration
		want        []time.Duration
	}{
		"a quarter of an hour": {
			15 * time.Minute, []time.Duration{7*time.Minute + 30*time.Second, 13*time.Minute + 30*time.Second},
		},
		"twenty-four minutes": {24 * time.Minute, []time.Duration{12 * time.Minute, 22 * time.Minute}},
		"half a minute":       {30 * time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{ExpireAfter: c.expireAfter})
				card := b.Ask()
				time.Sleep(c.expireAfter)
				card.Becomes(approvals.StateExpired)
				told, after := reminded(card)
				if len(told) != len(c.want) || len(after) != len(c.want) {
					t.Fatalf("reminders in the thread: %q, in the log: %v", told, after)
				}
				for i, want := range c.want {
					if off := after[i] - want; off < 0 || off > 2*time.Second {
						t.Errorf("reminder %d after %v, want %v", i+1, after[i], want)
					}
					if !strings.HasPrefix(told[i], "<!subteam^"+actors.Group+"> ") ||
						strings.Contains(told[i], "Last reminder") != (i == 1) {
						t.Errorf("reminder %d: %s", i+1, told[i])
					}
				}
			})
		})
	}
}

func TestARequestThatIsDecidedRemindsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		time.Sleep(15 * time.Minute)
		if told, after := reminded(card); len(told)+len(after) > 0 {
			t.Errorf("told %q, recorded %v", told, after)
		}
	})
}

func TestAReminderSaysHowManyAreMissingAndDoesNotMentionThoseWhoApproved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Required: 2, Approvers: []string{actors.Group, actors.Nils, actors.Rosa}})
		card := b.Ask()
		card.CaughtUp()
		card.Approve(actors.Bob)
		time.Sleep(8 * time.Minute)
		card.CaughtUp()
		told, _ := reminded(card)
		if len(told) != 1 {
			t.Fatalf("told: %q", told)
		}
		for text, want := range map[string]bool{
			"1 approval needed by ": true, "<@" + actors.Ines + ">": true, "<@" + actors.Nils + ">": true,
			"<@" + actors.Bob + ">": false, "<@" + actors.Rosa + ">": false, "subteam": false,
		} {
			if strings.Contains(told[0], text) != want {
				t.Errorf("%q in it: %v, want %v\n%s", text, !want, want, told[0])
			}
		}
	})
}

func TestAReminderThatSlackDidNotTakeInTimeIsNotTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.CaughtUp()
		time.Sleep(7 * time.Minute)
		b.Slack.Inject(slack.Fault{Method: "chat.postMessage", HTTPStatus: 503})
		time.Sleep(time.Minute)
		card.Approve(actors.Bob)
		b.Until("it is applied", func() bool { return card.State() == approvals.StateApplied })
		b.Slack.ClearFaults()
		card.CaughtUp()
		if told, after := reminded(card); len(told) != 0 || len(after) != 1 {
			t.Errorf("told %q, recorded %v", told, after)
		}
	})
}

// While nobody worked, both have come due. People are told once.
func TestOfTwoRemindersThatCameDueTogetherOneIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.CaughtUp()
		b.Stop(0)
		time.Sleep(14 * time.Minute)
		b.Start()
		b.Until("the reminder is told", func() bool { told, _ := reminded(card); return len(told) > 0 })
		b.Settle()
		told, after := reminded(card)
		if len(told) != 1 || len(after) != 1 || !strings.Contains(told[0], "Last reminder") {
			t.Errorf("told %q, recorded %v", told, after)
		}
		// The same item once more, as after a crash.
		again := approvals.Item{
			Kind: deliver.KindRemind, Request: card.ID, Source: "remind last", Body: []byte(`{"last":true}`),
		}
		if err := b.Queue(again, "again"); err != nil {
			t.Fatal(err)
		}
		b.Settle()
		if told, after = reminded(card); len(told) != 1 || len(after) != 1 {
			t.Errorf("told again: %q, %v", told, after)
		}
	})
}

package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestACardThatIsFoundAgainLaterShowsWhatIsSoThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{ExpireAfter: 10 * time.Second})
		b.Slack.Inject(slack.Fault{Method: "chat.postMessage", DropAfter: true, Times: 1})
		b.Slack.Inject(slack.Fault{Method: "conversations.history", HTTPStatus: 503})
		b.Command(actors.Rosa, "prod/DeployRole")
		b.Until("the request expired", func() bool {
			return len(b.Cards()) == 1 && b.Cards()[0].State() == approvals.StateExpired
		})
		b.Slack.ClearFaults()
		card := b.Cards()[0]
		card.CaughtUp()
		if text := card.Message().Text; !strings.HasPrefix(text, "Expired") || card.HasButtons() {
			t.Errorf("the card says %q, buttons: %v", text, card.HasButtons())
		}
		if n := len(b.Cards()); n != 1 {
			t.Errorf("%d cards", n)
		}
	})
}

// The command and the queued delivery start at once. Whichever is second waits, and does not say
// that Slack rejects the card.
func TestNobodyIsToldThatTheCardIsLateWhileAnotherWorkerPostsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Replicas: 2})
		b.Slack.Inject(slack.Fault{Method: "chat.postMessage", Delay: 300 * time.Millisecond})
		for i := range 14 {
			name := fmt.Sprintf("Role%d", i)
			if _, err := b.World.Prod.NewRole(awsstandin.RoleSpec{Name: name, Trust: trustLambda}); err != nil {
				t.Fatal(err)
			}
			b.AskFor(actors.Rosa, "prod/"+name).CaughtUp()
		}
		if told := b.Whispers(actors.Rosa); len(told) > 0 {
			t.Errorf("told: %q", told)
		}
	})
}

const trustLambda = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// lines are the known lines of a request in the channel, in the thread or beside it, in their
// order.
func lines(b *bench.Bench) (inThread, beside []string) {
	for _, m := range b.Slack.Messages(actors.Incident) {
		for _, word := range []string{
			"Approve or deny on the card", "*Revoked:*", "*CloudTrail*",
		} {
			switch {
			case m.Ephemeral || !strings.Contains(m.Text, word):
			case m.ThreadTS != "":
				inThread = append(inThread, word)
			default:
				beside = append(beside, word)
				if !strings.HasPrefix(m.Text, "About the request `") || !strings.Contains(m.Text, "`prod/DeployRole`") ||
					!strings.Contains(string(m.Blocks), "About the request") {
					b.T.Errorf("it does not say what it is about: %s", m.Text)
				}
			}
		}
	}
	return inThread, beside
}

// An administrator deletes the card. What happens then is posted in the channel: in order, each
// once, and each line says what it is about.
func TestWhatHappensAfterTheCardWasDeletedIsToldInTheChannel(t *testing.T) {
	t.Parallel()
	const all = "*Revoked:*|*CloudTrail*"
	for name, faults := range map[string][]slack.Fault{
		"plainly": nil,
		"when Slack does not say whether it took the messages": {
			{Method: "chat.postMessage", DropAfter: true, Times: 1}, {Method: "chat.postMessage", DropAfter: true, Times: 1},
		},
		"when the card cannot be changed anyway": {{Method: "chat.update", Error: "edit_window_closed", Times: 1}},
		"when the change is not taken at once": {
			{Method: "chat.update", Error: "edit_window_closed", Times: 1}, {Method: "chat.update", HTTPStatus: 503, Times: 2},
		},
		"when Slack refuses the reply": {
			{
				Method: "chat.update", Error: "edit_window_closed", Times: 1,
			}, {Method: "chat.postMessage", ChannelID: actors.Incident, Error: "thread_not_found", Times: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := b.Ask()
				card.CaughtUp()
				b.Slack.Inject(slack.Fault{Method: "users.info", Delay: time.Second, Times: 1})
				for _, f := range faults {
					b.Slack.Inject(f)
				}
				card.Approve(actors.Bob)
				b.Slack.DeleteMessage(actors.Incident, card.TS) // while it is looked up who Bob is
				b.Until("it is applied", func() bool { return card.State() == approvals.StateApplied })
				b.Until("the evidence is posted", func() bool { _, beside := lines(b); return len(beside) > 1 })
				card.CaughtUp()
				b.Settle()
				if _, beside := lines(b); strings.Join(beside, "|") != all {
					t.Errorf("told in the channel: %q\n%s", beside, b.Transcript())
				}
				for _, user := range []string{actors.Rosa, actors.Bob} {
					if told := direct(b, user); len(told) != 1 || !strings.HasPrefix(told[0], "Revoked: ") ||
						!strings.Contains(told[0], "is gone") {
						t.Errorf("%s was told directly: %q", user, told)
					}
				}
				if told := direct(b, actors.Ines); len(told) > 0 {
					t.Errorf("Ines was told: %q", told)
				}
				if h := b.Health(0); !h.Ready || len(h.Channels) != 1 || h.Channels[0].Code != "message_deleted" {
					t.Errorf("health: %+v", h)
				}
			})
		})
	}
}

// No approver can decide without the card, so the request does not wait for its deadline once that
// is noticed.
func TestAnOpenRequestWhoseCardWasDeletedEndsAndItsPeopleAreToldDirectly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Required: 2})
		card := b.Ask()
		card.CaughtUp()
		card.Approve(actors.Bob)
		card.CaughtUp()
		b.Slack.DeleteMessage(actors.Incident, card.TS)
		time.Sleep(6 * time.Minute) // the first reminder comes after half of the fifteen minutes
		b.Until("a reminder notices it", func() bool { return card.State() == approvals.StateFailed })
		card.CaughtUp()
		for _, user := range []string{actors.Rosa, actors.Bob} {
			if told := direct(b, user); len(told) != 1 || !strings.HasPrefix(told[0], "Failed: ") ||
				!strings.Contains(told[0], "Its card was deleted") {
				t.Errorf("%s was told directly: %q", user, told)
			}
		}
		b.Settle()
		if b.Puts() != 0 {
			t.Errorf("%d writes", b.Puts())
		}
	})
}

// The second command for a role points at the first card. One that is not there any more must not
// keep the role from being asked for.
func TestTheRoleOfADeletedCardCanBeAskedForAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		first := b.Ask()
		first.CaughtUp()
		time.Sleep(time.Minute)
		b.Slack.Inject(slack.Fault{Method: "conversations.history", Error: "missing_scope", Times: 1})
		b.Slack.DeleteMessage(actors.Incident, first.TS)
		b.Command(actors.Ines, "prod/DeployRole again")
		// it cannot be looked for; the card has to name Ines, too, and is found to be gone then
		b.Until("Ines is pointed at the card", func() bool { return len(b.Whispers(actors.Ines)) == 1 })
		second := b.AskFor(actors.Ines, "prod/DeployRole")
		b.Until("the first request is ended and its outcome told", func() bool {
			return first.State() == approvals.StateFailed && len(direct(b, actors.Rosa)) == 1
		})
		second.Approve(actors.Bob)
		b.Until("the second is applied", func() bool { return second.State() == approvals.StateApplied })
		if b.Puts() != 1 {
			t.Errorf("%d writes", b.Puts())
		}
	})
}

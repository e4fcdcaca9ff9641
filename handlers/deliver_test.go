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
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{ExpireAfter: 10 * time.Second})
		b.Slack.Inject(slack.Fault{Method: "chat.postMessage", DropAfter: true, Times: 1})
		b.Slack.Inject(slack.Fault{Method: "conversations.history", HTTPStatus: 503})
		b.Command(actors.Rosa, "prod/DeployRole")
		b.Until("the request expired", func() bool { return len(b.Cards()) == 1 && b.Cards()[0].State() == approvals.StateExpired })
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

// The command and the queued delivery start at once. Whichever is second waits, and nobody is told that Slack does not
// take the card.
func TestNobodyIsToldThatTheCardIsLateWhileAnotherWorkerPostsIt(t *testing.T) {
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

const trustLambda = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/actors"
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

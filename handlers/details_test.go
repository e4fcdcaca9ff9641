package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// details presses Details on a card, and returns what opens.
func details(b *bench.Bench, card bench.Card, user string) string {
	b.T.Helper()
	card.PressLate(user, messages.ActionDetails)
	b.Until("the details open", func() bool { return len(b.Slack.Views(user)) == 1 })
	view := b.Slack.Views(user)[0]
	if _, err := b.Slack.CloseView(b.T.Context(), user, view.ID); err != nil {
		b.T.Fatal(err)
	}
	return string(view.JSON)
}

func TestWhoeverSeesTheCardSeesItsDetailsWhichAreOfTheStoredRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		b.Settle()
		events := len(card.Events())
		for _, user := range []string{actors.Rosa, actors.Bob, actors.Nils, actors.Gina} {
			said := details(b, card, user)
			for _, words := range []string{
				"arn:aws:iam::111122223333:role/DeployRole", card.ID, "Who may assume it", "key pasted in a gist",
				"What Approve does", "Not touched", "GitHub acme/shop main",
			} {
				if !strings.Contains(said, words) {
					t.Errorf("%s: the details lack %q: %s", user, words, said)
				}
			}
		}
		if n := len(card.Events()); n != events || !card.HasButtons() {
			t.Errorf("%d events more, and buttons: %v", n-events, card.HasButtons())
		}
		// A form that does not open is said, and the next press works.
		b.Slack.Inject(slack.Fault{Method: "views.open", Error: "expired_trigger_id", Times: 1})
		card.Press(actors.Bob, messages.ActionDetails)
		b.Whispered(actors.Bob, "The details may not have opened")
		details(b, card, actors.Bob)
		// A card that still has its buttons shows what became of the request since.
		card.Press(actors.Rosa, messages.ActionCancel)
		card.Becomes(approvals.StateCancelled)
		if said := details(b, card, actors.Bob); !strings.Contains(said, "cancelled") {
			t.Errorf("the details of a cancelled request: %s", said)
		}
	})
}

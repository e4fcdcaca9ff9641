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
)

// handOut lets workers that die take what there is, more often than an item is tried.
func handOut(b *bench.Bench) {
	b.T.Helper()
	for range 7 {
		time.Sleep(10 * time.Second)
		claimAndDie(b)
		if _, err := b.Store.Promote(b.T.Context(), 10); err != nil {
			b.T.Fatal(err)
		}
		if _, err := b.Store.Take(b.T.Context(), "dying", 10, 0); err != nil {
			b.T.Fatal(err)
		}
	}
}

// claimAndDie lets a worker begin with what others left, and die over it; it reports how many items
// that were.
func claimAndDie(b *bench.Bench) int {
	b.T.Helper()
	items, err := b.Store.Claim(b.T.Context(), "dying", time.Second, 10)
	if err != nil {
		b.T.Fatal(err)
	}
	for _, item := range items {
		if ok, err := b.Store.Begin(b.T.Context(), "dying", item); err != nil || !ok {
			b.T.Fatalf("begun: %v, %v", ok, err)
		}
	}
	return len(items)
}

func TestAnExpiryThatFailedTooOftenStillComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{ErrorsAllowed: true, ExpireAfter: time.Minute})
		card := b.Ask()
		card.CaughtUp()
		b.Stop(0)
		time.Sleep(time.Minute)
		handOut(b)
		b.Start()
		card.Becomes(approvals.StateExpired)
		if card.HasButtons() {
			t.Error("the card still has buttons")
		}
		b.Ask() // the role is free again
	})
}

func TestADenialThatFailedTooOftenIsToldToWhoeverDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{ErrorsAllowed: true})
		card := b.Ask()
		card.Press(actors.Bob, messages.ActionDeny)
		b.Until("a form opens", func() bool { return len(b.Slack.Views(actors.Bob)) == 1 })
		b.Settle()
		b.Stop(0)
		if _, err := b.Store.Accept(t.Context(), approvals.Item{
			Kind: "submit", Source: "envelope lost",
			Body: []byte(`{"team":"T0SANDBOX","app":"A0SANDBOX","user":"` + actors.Bob + `","form":"revokebot_deny_form",` +
				`"origin":{"request":"` + card.ID + `","channel":"` + actors.Incident + `","message":"` + card.TS + `"}}`),
		}, "lost"); err != nil {
			t.Fatal(err)
		}
		handOut(b)
		b.Start()
		b.Whispered(actors.Bob, "failed at what you sent several times")
		b.Until("the thread tells", func() bool { return card.Says("given up after 5 tries") })
	})
}

// Rule 13. A thief who takes the policy off the role at once is not told of as if it held.
func TestAPolicyThatIsGoneWhenItIsReadBackIsNotCalledApplied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		calls := b.AWS.Subscribe(t.Context())
		go func() { // the thief
			for call := range calls {
				if call.Action == "PutRolePolicy" {
					_ = b.World.Prod.DeleteRolePolicy(actors.DeployRole, "AWSRevokeOlderSessions")
				}
			}
		}()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		text := card.Message().Text + strings.Join(card.Thread(), "\n")
		if !strings.HasPrefix(card.Message().Text, "Written, but not on the role") {
			t.Errorf("the card says %s", card.Message().Text)
		}
		if strings.Contains(text, "*Revoked:*") || strings.Contains(text, "(verified)") ||
			strings.Contains(text, "On the role: yes") {
			t.Errorf("it claims what is not so:\n%s", b.Transcript())
		}
	})
}

// Rule 13. Where nothing could be read, nothing is said about sessions.
func TestWhereNoRegionCouldBeReadNothingIsSaidAboutSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		b.AWS.Inject(awsstandin.Fault{Action: "LookupEvents", Times: -1, Code: "AccessDenied"})
		card.Approve(actors.Bob)
		b.Until("the evidence is posted", func() bool { return card.Says("*CloudTrail could not be read*") })
		if card.Says("*CloudTrail*") || !card.Says("*CloudTrail could not be read*") || !card.Says("eu-west-1") {
			t.Errorf("it is told as if CloudTrail had answered:\n%s", b.Transcript())
		}
	})
}

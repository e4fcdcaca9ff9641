package handlers_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// asides is the sandbox with all its thefts going on.
func asides(t *testing.T) *bench.Bench {
	t.Helper()
	b := bench.New(t, bench.Options{
		FollowUps: []time.Duration{10 * time.Minute}, Guard: []time.Duration{time.Minute, 30 * time.Minute},
		TrailDelay: 20 * time.Second, Propagation: 2 * time.Second,
	})
	loot, err := actors.SeedLife(t.Context(), b.AWS, b.World)
	if err != nil {
		t.Fatal(err)
	}
	sdk := b.SDK(b.World.CI)
	cast := actors.New(actors.Config{
		HTTPClient: sdk.HTTPClient.(*http.Client), Endpoint: *sdk.BaseEndpoint, RoleARN: b.World.Role, Key: b.World.Key(),
		Rival: awssdk.Credentials{AccessKeyID: b.World.Rival.AccessKeyID}, Loot: &loot, Interval: 4 * time.Second,
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- cast.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	time.Sleep(30 * time.Second)
	return b
}

// judged waits for the verdict that no other check follows.
func judged(b *bench.Bench, card bench.Card) {
	for count(card, approvals.EventVerdict) == 0 || last(card).Next.Add(2*time.Minute).After(time.Now()) {
		time.Sleep(time.Minute)
	}
	b.Settle()
	card.CaughtUp()
}

func TestTheTheftOfAServiceRoleLeadsFromARevocationToARestrictionThatHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := asides(t)
		card := revoke(b, "prod/"+actors.ServiceRole)
		judged(b, card)
		if last(card).Word != record.WordNotContained ||
			!card.Says("restrict: services use this role, and the attacker is outside") {
			t.Fatalf("%s", b.Transcript())
		}
		pressIn(b, card, actors.Rosa, messages.ActionFurther)
		b.Until("the form opens", func() bool { return len(b.Slack.Views(actors.Rosa)) == 1 })
		send(b, actors.Rosa, b.Slack.Views(actors.Rosa)[0].ID, nil) // as it is
		b.Until("a restriction is asked for", func() bool { return len(b.Cards()) == 2 })
		restricted := b.Cards()[1]
		facts, err := record.FactsOf(restricted.Request())
		if err != nil || strings.Contains(facts.Known.String(), "203.0.113.") ||
			!strings.Contains(facts.Known.String(), "198.51.100.160/32") {
			t.Errorf("%v, %v", facts.Known, err)
		}
		restricted.Approve(actors.Bob)
		restricted.Becomes(approvals.StateApplied)
		judged(b, restricted)
		if last(restricted).Word != record.WordContained {
			t.Errorf("%+v\n%s", last(restricted), b.Transcript())
		}
	})
}

func TestTheTheftOfAnOpenersKeyIsNotStoppedByARevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := asides(t)
		card := revoke(b, "prod/"+actors.ReportRole)
		judged(b, card)
		if last(card).Word != record.WordNotContained || !card.Says("freeze: the caller's own key is stolen") {
			t.Errorf("%+v\n%s", last(card), b.Transcript())
		}
	})
}

func TestTheTheftOfAnExternalIdLeadsFromARevocationToARotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := asides(t)
		card := revoke(b, "prod/"+actors.VendorRole)
		judged(b, card)
		if last(card).Word != record.WordNotContained ||
			!card.Says("rotate-external-id: a third party's session is unusual") {
			t.Fatalf("%+v\n%s", last(card), b.Transcript())
		}
	})
}

package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// allowAll is what an attacker writes into a policy's place.
const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// putOn is the attacker's or an administrator's write into a place of the deny.
func putOn(b *bench.Bench, name, text string) {
	b.T.Helper()
	if err := b.World.Prod.PutRolePolicy(actors.DeployRole, name, text); err != nil {
		b.T.Fatal(err)
	}
}

// inPlace is what a place of the deny says, "" nothing.
func inPlace(b *bench.Bench, name string) string {
	text, _ := b.World.Prod.RolePolicy(actors.DeployRole, name)
	return text
}

// besideOf is the second place of a request's deny.
func besideOf(card bench.Card) string { return "RevokebotOlderSessions-" + card.ID[:8] }

// parkedItems has an attacker take the console's place of a card's deny, and the guard write
// beside.
func parkedItems(b *bench.Bench, card bench.Card) {
	b.T.Helper()
	putOn(b, denyPolicy, allowAll)
	b.Until("it is written beside", func() bool { return inPlace(b, besideOf(card)) != "" })
	b.Until("it is posted", func() bool { return card.Says("Restored (") })
}

// approvedAs is a request that Bob approved, at its end.
func approvedAs(b *bench.Bench, card bench.Card, end approvals.State) {
	b.T.Helper()
	card.Approve(actors.Bob)
	card.Becomes(end)
	card.CaughtUp()
}

func says(t *testing.T, card bench.Card, words ...string) {
	t.Helper()
	for _, said := range words {
		if !card.Says(said) && !strings.Contains(card.Message().Text, said) {
			t.Errorf("neither card nor thread says %q: %s\n%s", said, card.Message().Text, strings.Join(card.Thread(), "\n"))
		}
	}
}

func saysNot(t *testing.T, card bench.Card, words ...string) {
	t.Helper()
	for _, said := range words {
		if card.Says(said) || strings.Contains(card.Message().Text, said) {
			t.Errorf("card or thread says %q: %s\n%s", said, card.Message().Text, strings.Join(card.Thread(), "\n"))
		}
	}
}

// Rule 13. A policy that would be put back and is not on the role any more keeps no session out.
func TestAnUndoAsksForTheWordsWhenTheAdoptedPolicyWasReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		stolen := b.Session("deploy-stolen")
		putOn(b, denyPolicy, denyText(b.AWS.Now().Add(50*time.Minute).Truncate(time.Second)))
		card := b.Ask()
		approvedAs(b, card, approvals.StateApplied)
		parkedItems(b, card)
		b.Command(actors.Rosa, "undo prod/DeployRole because")
		b.Whispered(actors.Rosa, "*they work again*")
		undo := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions because")
		approvedAs(b, undo, approvals.StateApplied)
		b.Until("the revocation tells it", func() bool { return card.Says("*Undone* at") })
		if err := b.Works(stolen); err != nil {
			t.Errorf("the session stays out: %v", err)
		}
		says(t, undo, "*work again*", "`AWSRevokeOlderSessions` *stays*: it is not what revokebot wrote")
		saysNot(t, undo, "denies the same sessions", "was there before back", "before the deny.")
		says(t, card, "*work again*")
		saysNot(t, card, "before the revocation is back", "No old session works again")
	})
}

func TestAnUndoOfWhichAPolicyStaysDoesNotSayThatTheEarlierOneIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		putOn(b, denyPolicy, denyText(b.AWS.Now().Add(-time.Hour)))
		card := b.Ask()
		approvedAs(b, card, approvals.StateApplied)
		parkedItems(b, card)
		undo := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions because")
		says(t, undo, "`AWSRevokeOlderSessions` *stays*", "`"+besideOf(card)+"` is removed from the role")
		approvedAs(b, undo, approvals.StateApplied)
		b.Until("the revocation tells it", func() bool { return card.Says("*Undone* at") })
		if inPlace(b, denyPolicy) != allowAll || inPlace(b, besideOf(card)) != "" {
			t.Fatal("the undo did something else")
		}
		says(t, undo, "`"+besideOf(card)+"` was removed")
		saysNot(t, undo, "put back", "put the earlier policy back", "says what it said before")
		says(t, card, "is off the role (verified)", "`AWSRevokeOlderSessions` *stays*")
		saysNot(t, card, "The earlier policy is back")
		a, err := record.Detail[record.Applied](undo.Request().Closing)
		if err != nil || a.Slots.Restores() || len(a.Slots) != 2 || !a.RestoreCutoff.IsZero() {
			t.Errorf("%v: %+v", err, a)
		}
	})
}

// What an older request wrote is not on the role any more, so it is not in force, and its thread
// says so.
func TestAnUndoThatLeavesSomeoneElsesPolicyTellsTheOlderRequestOfThatPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		older := b.Ask()
		approvedAs(b, older, approvals.StateApplied)
		time.Sleep(5 * time.Minute)
		card := b.AskFor(actors.Rosa, "prod/DeployRole again")
		approvedAs(b, card, approvals.StateApplied)
		parkedItems(b, card)
		undo := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions because")
		approvedAs(b, undo, approvals.StateApplied)
		b.Until("the older thread says so", func() bool { return older.Says("is gone: someone else") })
		b.Command(actors.Rosa, "undo prod/DeployRole revive old sessions because")
		b.Whispered(actors.Rosa, "no applied measure on record")
	})
}

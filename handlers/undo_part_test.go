package handlers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// Rule 13. Between the card and its approval the policy that the card promised to put back can go.
func TestAnUndoWithoutWordsEndsWhenTheAdoptedPolicyIsReplacedBeforeItsApproval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		stolen := b.Session("deploy-stolen")
		putOn(b, denyPolicy, denyText(b.AWS.Now().Add(50*time.Minute).Truncate(time.Second)))
		card := b.Ask()
		approvedAs(b, card, approvals.StateApplied)
		adopted := inPlace(b, denyPolicy)
		parkedItems(b, card)
		putOn(b, denyPolicy, adopted) // an administrator puts it back
		undo := b.AskFor(actors.Rosa, "undo prod/DeployRole because")
		says(t, undo, "denies the same sessions", "`"+besideOf(card)+"` is removed from the role")
		putOn(b, denyPolicy, allowAll)
		approvedAs(b, undo, approvals.StateFailed)
		if err := b.Works(stolen); err == nil {
			t.Error("the session works again, and the requester did not type the words")
		}
		says(t, undo, "old sessions would work again")
		if card.Request().Undone != nil {
			t.Error("the revocation is undone")
		}
	})
}

func TestAnUndoEndsWhenTheGuardHasWrittenMoreSinceItWasAskedFor(t *testing.T) {
	t.Parallel()
	for name, removed := range map[string]bool{
		"the attacker's policy stays": false, "the attacker's policy is gone": true,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Guard: looks})
				card := b.Ask()
				approvedAs(b, card, approvals.StateApplied)
				undo := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions because")
				parkedItems(b, card)
				if removed {
					if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, denyPolicy); err != nil {
						t.Fatal(err)
					}
				}
				approvedAs(b, undo, approvals.StateFailed)
				says(t, undo, "revokebot has restored the policy since this undo was requested", "Ask again")
				b.Settle()
				if card.Request().Undone != nil || inPlace(b, besideOf(card)) == "" {
					t.Error("the revocation is undone")
				}
			})
		})
	}
}

// half is an undo of two places of which AWS refuses to touch the first for some time.
func half(t *testing.T, fault awsstandin.Fault) (b *bench.Bench, card, undo bench.Card) {
	b = bench.New(t, bench.Options{Guard: looks})
	card = b.Ask()
	approvedAs(b, card, approvals.StateApplied)
	first := onRole(b)
	parkedItems(b, card)
	putOn(b, denyPolicy, first) // an administrator puts ours back
	undo = b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions because")
	b.AWS.Inject(fault)
	undo.Approve(actors.Bob)
	return b, card, undo
}

func TestHalfAnUndoIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, card, undo := half(t, awsstandin.Fault{Action: "DeleteRolePolicy", Code: "ServiceFailure", Status: 500, Times: 3})
		undo.Becomes(approvals.StateApplied)
		b.Until("the revocation tells it", func() bool { return card.Says("*Undone* at") })
		if onRole(b) != "" || inPlace(b, besideOf(card)) != "" || undo.Request().Delays != 1 {
			t.Errorf("%q, %q, %d delays", onRole(b), inPlace(b, besideOf(card)), undo.Request().Delays)
		}
	})
}

func TestHalfAnUndoThatAWSRefusesForGoodIsNoUndo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, card, undo := half(t, awsstandin.Fault{Action: "DeleteRolePolicy", Code: "AccessDenied", Status: 403, Times: 1})
		undo.Becomes(approvals.StateFailed)
		undo.CaughtUp()
		b.Settle()
		if card.Request().Undone != nil || onRole(b) == "" {
			t.Errorf("undone %v, %q", card.Request().Undone, onRole(b))
		}
		says(t, undo, "done in part", "Still there: AWSRevokeOlderSessions.", "Undone: "+besideOf(card))
	})
}

// The earlier request was superseded while an attacker replaced its policy, and its last look was
// over.
func TestAfterAnUndoTheGuardChecksWhatAnEarlierRequestHasInForce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		stolen := b.Session("deploy-stolen")
		a := b.Ask()
		approvedAs(b, a, approvals.StateApplied)
		time.Sleep(5 * time.Minute)
		says(t, a, "at every check for")
		putOn(b, denyPolicy, allowAll)
		c := b.AskFor(actors.Rosa, "prod/DeployRole again")
		approvedAs(b, c, approvals.StateApplied)
		time.Sleep(5 * time.Minute)
		undo := b.AskFor(actors.Rosa, "undo prod/DeployRole revive old sessions because")
		approvedAs(b, undo, approvals.StateApplied)
		b.Until("the earlier request's deny is written again", func() bool { return a.Says("Restored (") })
		if err := b.Works(stolen); err == nil || inPlace(b, besideOf(a)) == "" {
			t.Errorf("the stolen session: %v", err)
		}
		time.Sleep(time.Minute)
		if count(a, approvals.EventTampered) != 1 || inPlace(b, besideOf(a)) == "" {
			t.Errorf("%d losses are told", count(a, approvals.EventTampered))
		}
	})
}

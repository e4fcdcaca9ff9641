package handlers_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// Rule 10. What another request has promised is the least, also when it is off the role.
func TestARevocationWritesNoLessThanAnotherRequestHasPromised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		high := b.AWS.Now().Add(50 * time.Minute).UTC().Truncate(time.Second)
		putOn(b, denyPolicy, denyText(high))
		approvedAs(b, b.Ask(), approvals.StateApplied)
		removeAs(t, b, b.World.Rival)
		again := b.AskFor(actors.Rosa, "prod/DeployRole again")
		approvedAs(b, again, approvals.StateApplied)
		if got := record.Since(again.Events()); !got.Equal(high) {
			t.Errorf("it wrote %v, another request has promised %v", got, high)
		}
	})
}

// Rule 10. While the guard reads the role, another request can promise more.
func TestTheGuardWritesNoLessThanWhatIsPromisedWhileItReadsTheRole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		older := b.Ask()
		approvedAs(b, older, approvals.StateApplied)
		time.Sleep(2 * time.Minute)
		card := b.AskFor(actors.Rosa, "prod/DeployRole again")
		approvedAs(b, card, approvals.StateApplied)
		b.Settle()
		removeAs(t, b, b.World.Rival)
		b.AWS.Inject(awsstandin.Fault{Action: "GetRolePolicy", Delay: 3 * time.Second, Times: 1})
		reads := len(b.AWS.Calls("GetRolePolicy"))
		b.Until("the guard reads the role", func() bool { return len(b.AWS.Calls("GetRolePolicy")) > reads })
		high := b.AWS.Now().Add(50 * time.Minute).UTC().Truncate(time.Second)
		detail, err := json.Marshal(record.Tampered{
			State: role.Gone, Promise: high, Rewrite: 1, Changes: []contain.Change{{
				Slot: contain.Slot{Kind: contain.RoleInline, Name: denyPolicy}, After: denyText(high), Guard: true,
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Store.Commit(t.Context(), approvals.Transition{
			RequestID: older.ID, Expect: approvals.AppendOnly,
			Events: []approvals.Event{{Type: approvals.EventTampered, Source: "of a worker that was held up", Detail: detail}},
		}); err != nil {
			t.Fatal(err)
		}
		b.Until("it is written again", func() bool { return card.Says("Restored (") })
		for _, e := range card.Events() {
			if lost, err := record.Detail[record.Tampered](e); err == nil && e.Type == approvals.EventTampered &&
				lost.Promise.Before(high) {
				t.Errorf("the guard promised %v, another request has promised %v", lost.Promise, high)
			}
		}
	})
}

// The guard of a later request can write into a place after an undo of it was asked for.
func TestAnUndoEndsWhenALaterRequestHasWrittenIntoItsPlaceSinceItWasAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		a := b.Ask()
		approvedAs(b, a, approvals.StateApplied)
		ours := inPlace(b, denyPolicy)
		time.Sleep(2 * time.Minute)
		putOn(b, denyPolicy, allowAll)
		later := b.AskFor(actors.Rosa, "prod/DeployRole again")
		approvedAs(b, later, approvals.StateApplied) // beside it
		putOn(b, denyPolicy, ours)                   // an administrator puts ours back
		pressIn(b, a, actors.Rosa, messages.ActionUndo)
		fillUndo(b, actors.Rosa, messages.ReviveWords, "because")
		b.Until("a card appears", func() bool { return len(b.Cards()) == 3 })
		undo := b.Cards()[2]
		putOn(b, besideOf(later), allowAll)
		b.Until("the guard writes into the first place", func() bool { return later.Says("Restored (") })
		time.Sleep(2 * time.Minute) // the looks are over
		putOn(b, denyPolicy, ours)
		approvedAs(b, undo, approvals.StateFailed)
		says(t, undo, messages.UndoNotNewest)
		if inPlace(b, denyPolicy) != ours || a.Request().Undone != nil {
			t.Error("the undo was done")
		}
	})
}

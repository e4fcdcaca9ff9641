package handlers_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// Rule 15. A replica that died with a click had committed the approval. The replica that takes
// the click over goes on.
func TestAClickWhoseApprovalIsInTheLogIsCarriedOutByWhoeverTakesItOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.CaughtUp()
		if err := b.Store.Commit(t.Context(), approvals.Transition{
			RequestID: card.ID, Expect: card.Request().Seq, Next: approvals.StateApproved,
			Events: []approvals.Event{{Type: approvals.EventApproved, By: actors.Bob, Source: "envelope left"}},
		}); err != nil {
			t.Fatal(err)
		}
		diesWith(t, b, card, actors.Bob, messages.ActionApprove)
		card.Becomes(approvals.StateApplied)
		if n := len(card.Request().Votes); n != 1 || b.Puts() != 1 || card.Request().Refused != 0 {
			t.Errorf("%d votes, %d writes, %d refusals", n, b.Puts(), card.Request().Refused)
		}
	})
}

// Rule 15. If no replica has the click any more, the queue takes the approved request up; when it
// is done already, that comes to nothing.
func TestTheQueueTakesUpWhatWasApprovedAndNotCarriedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Settle()
		waiting, err := b.DB.ZRangeWithScores(t.Context(), "{revokebot}:due", 0, -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		var later approvals.Item
		for _, z := range waiting {
			var item approvals.Item
			if err := json.Unmarshal([]byte(z.Member.(string)), &item); err != nil {
				t.Fatal(err)
			}
			if item.Kind == handlers.KindExecute {
				later = item
			}
		}
		if later.Request != card.ID {
			t.Fatalf("what waits is %v", waiting)
		}
		checked(b, card) // the first look at CloudTrail is done
		calls := len(b.AWS.Calls(""))
		time.Sleep(time.Minute)
		if n := len(b.AWS.Calls("")); n != calls {
			t.Errorf("AWS was asked %d times more: %+v", n-calls, b.AWS.Calls("")[calls:])
		}

		second := b.AskFor(actors.Rosa, "staging/DeployRole")
		if err := b.Store.Commit(t.Context(), approvals.Transition{
			RequestID: second.ID, Expect: second.Request().Seq, Next: approvals.StateApproved,
			Events: []approvals.Event{{Type: approvals.EventApproved, By: actors.Bob, Source: "nobody has it any more"}},
			Due: []approvals.Due{
				{
					Item:  approvals.Item{Kind: later.Kind, Request: second.ID, Source: "execute " + second.ID},
					After: 30 * time.Second,
				},
			},
		}); err != nil {
			t.Fatal(err)
		}
		second.Becomes(approvals.StateApplied)
	})
}

// What AWS does not take at once is tried again by the queue, soon, and the click is done.
func TestWhatIsDelayedWhereItWasApprovedIsTriedAgainSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.CaughtUp()
		b.AWS.Inject(awsstandin.Fault{Action: "AssumeRole", Code: "ServiceUnavailable", Status: 503, Times: 6})
		clicked := time.Now()
		card.Approve(actors.Bob)
		b.Until("it is applied", func() bool { return card.State() == approvals.StateApplied })
		if took := time.Since(clicked); took > 15*time.Second {
			t.Errorf("it took %v", took)
		}
		if r := card.Request(); r.Delays == 0 || len(r.Votes) != 1 || r.Refused != 0 || b.Puts() != 1 {
			t.Errorf("%d delays, %d votes, %d refusals, %d writes", r.Delays, len(r.Votes), r.Refused, b.Puts())
		}
		b.Until("no work is in hand", func() bool {
			pending, err := b.DB.XPending(t.Context(), "{revokebot}:work", "bot").Result()
			return err == nil && pending.Count == 0
		})
	})
}

// Rule 4. What is prepared for somebody who turns out not to be an approver is dropped.
func TestNothingIsWrittenForAClickThatIsRefusedAfterItWasPreparedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		sessions := len(b.AWS.Calls("AssumeRole"))
		b.Slack.Inject(slack.Fault{Method: "users.info", Delay: time.Second, Times: 1})
		card.Approve(actors.Nils) // who may be in the group, by all that is known
		b.Whispered(actors.Nils, "You are not on the list of approvers")
		if n := len(b.AWS.Calls("AssumeRole")); n != sessions+1 {
			t.Errorf("%d sessions were opened", n-sessions)
		}
		b.Settle()
		if b.Puts() != 0 || card.State() != approvals.StateOpen {
			t.Errorf("%d writes, the request is %s", b.Puts(), card.State())
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		puts := b.AWS.Calls("PutRolePolicy")
		opened := b.AWS.Calls("AssumeRole")
		if last := opened[len(opened)-1]; len(puts) != 1 || last.Params["Tags.member.3.Value"] != actors.Bob {
			t.Errorf("%d writes, the session is of %v", len(puts), last.Params)
		}
	})
}

// Where nobody is an approver but those who are named, nothing at all is done for anybody else.
func TestNothingIsPreparedForSomebodyWhoCannotBeAnApprover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Approvers: []string{actors.Bob}})
		card := b.Ask()
		calls := len(b.AWS.Calls(""))
		for _, user := range []string{actors.Nils, actors.Rosa, actors.Gina} {
			card.Approve(user)
			b.Until(user+" is told", func() bool { return len(b.Whispers(user)) > 0 })
		}
		if n := len(b.AWS.Calls("")); n != calls {
			t.Errorf("AWS was asked: %+v", b.AWS.Calls("")[calls:])
		}
	})
}

// Rule 4. AWS takes so long that the first approver's minute is over when it has answered: they are
// looked up before anything is written.
func TestAnApproverWhoseMinuteIsOverWhileAWSAnswersIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	for gone, end := range map[bool]approvals.State{false: approvals.StateApplied, true: approvals.StateFailed} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{Required: 2, Approvers: []string{actors.Bob, actors.Ines}})
			card := b.Ask()
			card.Approve(actors.Bob)
			b.Until("Bob's approval is counted", func() bool { return len(card.Request().Votes) == 1 })
			time.Sleep(46 * time.Second)
			// What was prepared is too old by then and is asked for once more: eighteen seconds in all.
			b.AWS.Inject(awsstandin.Fault{Action: "AssumeRole", Delay: 9 * time.Second, Times: 2})
			card.Approve(actors.Ines)
			b.Until("Ines' approval is counted", func() bool { return len(card.Request().Votes) == 2 })
			b.Slack.PutUser(slack.User{ID: actors.Bob, Name: "bob", RealName: "Bob", Deactivated: gone})
			card.Becomes(end)
			if (b.Puts() == 0) != gone || card.Says("may not approve any more") != gone {
				t.Errorf("%d writes:\n%s", b.Puts(), b.Transcript())
			}
		})
	}
}

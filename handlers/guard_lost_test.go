package handlers_test

import (
	"cmp"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// An attacker who holds both places is reported once, and again when what the guard finds changes.
func TestALossThatTheGuardCannotMakeGoodIsToldOnceUntilItChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := b.Ask()
		approvedAs(b, card, approvals.StateApplied)
		parkedItems(b, card) // three looks follow within 15 s
		told := count(card, approvals.EventTampered)
		putOn(b, besideOf(card), allowAll)
		time.Sleep(20 * time.Second)
		if n := count(card, approvals.EventTampered) - told; n != 1 {
			t.Errorf("the loss is reported %d times", n)
		}
		time.Sleep(2 * time.Minute)
		if n := count(card, approvals.EventTampered) - told; n != 2 {
			t.Errorf("with the last check the loss is reported %d times, want 2", n)
		}
	})
}

// A change that CloudTrail has reported before hides nobody, and one that does no harm accuses
// nobody.
func TestWhoTookThePolicyAwayIsNamedWhateverElseWasChangedBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		decoy   func(t *testing.T, b *bench.Bench, written string) // as shop-migration, minutes before the removal
		accused bool                                               // of what it did before
		own     bool                                               // the attacker has become revokebot's role
	}{
		"nothing":       {},
		"the same text": {decoy: func(t *testing.T, b *bench.Bench, written string) { putAs(t, b, b.World.Rival, written) }},
		"a later cutoff": {decoy: func(t *testing.T, b *bench.Bench, _ string) {
			putAs(t, b, b.World.Rival, denyText(cutoffOnRole(t, b).Add(time.Minute)))
		}},
		"away and back": {decoy: func(t *testing.T, b *bench.Bench, written string) {
			removeAs(t, b, b.World.Rival)
			time.Sleep(5 * time.Second)
			putAs(t, b, b.World.Rival, written)
		}, accused: true},
		"as revokebot's own role": {own: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{
				Guard: []time.Duration{5 * time.Second, 8 * time.Minute}, TrailDelay: 90 * time.Second,
			})
			eve, who := b.World.Prod.AddUser(awsstandin.UserSpec{
				Name: "eve", Policies: map[string]string{"all": policyOfAll},
			}), "• By `user eve`"
			card := applied(b)
			time.Sleep(20 * time.Second)
			if c.decoy != nil {
				c.decoy(t, b, onRole(b))
			}
			time.Sleep(7 * time.Minute)
			if c.own {
				eve, who = spoke(b), "• By `role revokebot-spoke (session R1)`"
			}
			removeAs(t, b, eve)
			time.Sleep(25 * time.Minute)
			card.CaughtUp()
			if !card.Says("Restored (1 of 5)") || !card.Says(who) || card.Says("• By `user shop-migration`") != c.accused ||
				card.Says("CloudTrail does not show") {
				t.Errorf("%s:\n%s", name, b.Transcript())
			}
		})
	}
}

// A full quota is no fight.
func TestAPolicyThatCouldNotBeRestoredIsNotSaidToHaveBeenRestored(t *testing.T) {
	t.Parallel()
	for taken := range 3 {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{Guard: []time.Duration{5 * time.Second, time.Minute, 2 * time.Minute}})
			card := applied(b)
			for range taken {
				time.Sleep(10 * time.Second)
				removeAs(t, b, b.World.Rival)
				b.Until("it is restored", func() bool { return onRole(b) != "" })
			}
			time.Sleep(20 * time.Second)
			b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Code: "LimitExceeded", Times: -1})
			removeAs(t, b, b.World.Rival)
			time.Sleep(30 * time.Minute)
			card.CaughtUp()
			if !card.Says(fmt.Sprintf("Restoring it was tried 5 times, and it worked %d times.", taken)) ||
				card.Says("It was restored 5 times") || !card.Says("leave no room for the revocation policy") {
				t.Errorf("after %d times:\n%s", taken, b.Transcript())
			}
		})
	}
}

func TestACheckThatMissedThePolicyIsToldThoughItWasBackBeforeTheRestore(t *testing.T) {
	t.Parallel()
	for missed := range 3 {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{Guard: []time.Duration{
				5 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute,
			}})
			card := applied(b)
			time.Sleep(20 * time.Second)
			for range missed {
				b.AWS.Inject(awsstandin.Fault{Action: "GetRolePolicy", Code: "NoSuchEntity", Times: 2}) // both places
				time.Sleep(time.Minute)
			}
			time.Sleep(10 * time.Minute)
			card.CaughtUp()
			if n := told(card, "missed the revocation policy, and it was back before it was restored"); n != min(missed, 1) ||
				card.Says("at every check") != (missed == 0) || missed > 0 && !card.Says("Earlier checks missed it") ||
				count(card, approvals.EventRewritten) > 0 {
				t.Errorf("after %d: told %d times\n%s", missed, n, b.Transcript())
			}
		})
	}
}

// What is missed is what stood there, not what AWS refused later.
func TestAPromiseThatAWSRefusedIsNotSaidToHaveBeenRemoved(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"an Allow":             allowAll,
		"a lock in the future": denyText(time.Date(2999, 12, 31, 0, 0, 0, 0, time.UTC)),
		"nothing":              "",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{Guard: []time.Duration{5 * time.Second, time.Minute, 2 * time.Minute}})
			card := applied(b)
			time.Sleep(20 * time.Second)
			putOn(b, denyPolicy, cmp.Or(text, allowAll))
			b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Code: "LimitExceeded", Times: -1})
			if text == "" {
				time.Sleep(time.Minute)
				removeAs(t, b, b.World.Rival)
			}
			time.Sleep(30 * time.Minute)
			card.CaughtUp()
			if !card.Says("found the inline policy `AWSRevokeOlderSessions`") || card.Says("policy `RevokebotOlderSessions-") {
				t.Errorf("%s:\n%s", name, b.Transcript())
			}
		})
	}
}

// IAM's reads can be late or come from a replica that has not heard of the role: one answer of that
// kind ends no guard.
func TestOneAnswerThatTheRoleIsNotThereEndsNoGuard(t *testing.T) {
	t.Parallel()
	for last := range 2 {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{Guard: []time.Duration{5 * time.Second, time.Minute, 2 * time.Minute}})
			card := applied(b)
			time.Sleep(time.Duration(20+60*last) * time.Second)
			b.AWS.Inject(awsstandin.Fault{Action: "GetRole", Code: "NoSuchEntity"})
			time.Sleep(10 * time.Minute)
			card.CaughtUp()
			if card.Says("is gone") || card.Request().Watched.Type != approvals.EventHeld {
				t.Errorf("%d:\n%s", last, b.Transcript())
			}
		})
	}
}

func TestOneAnswerThatTheRoleIsNotThereEndsNoApprovedRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.CaughtUp()
		b.AWS.Inject(awsstandin.Fault{Action: "GetRole", Code: "NoSuchEntity", Times: 2}) // of the preparation, too
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if onRole(b) == "" {
			t.Errorf("nothing is written:\n%s", b.Transcript())
		}
	})
}

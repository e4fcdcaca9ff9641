package handlers_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// lockRole locks a role with two people.
func lockRole(b *bench.Bench, role string) bench.Card {
	b.T.Helper()
	card := b.AskFor(actors.Rosa, "lock "+role+" key pasted in a gist")
	card.Approve(actors.Bob)
	card.Becomes(approvals.StateApplied)
	return card
}

// locked reports whether a role of prod is locked.
func locked(b *bench.Bench, role string) bool {
	r, _ := b.World.Prod.Role(role)
	return slices.Contains(r.Attached, b.World.Prod.DenyAllARN())
}

// undoBy asks for an undo and approves it.
func undoBy(b *bench.Bench, text string) bench.Card {
	b.T.Helper()
	card := b.AskFor(actors.Rosa, text)
	card.Approve(actors.Bob)
	card.Becomes(approvals.StateApplied)
	return card
}

func TestALockDeniesOldAndNewSessionsIsProvenAndIsTakenOffAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		old := b.Session("deploy-1840")
		card := b.AskFor(actors.Rosa, "LOCK prod/DeployRole key pasted in a gist")
		if r := card.Request(); r.Purpose != "lock" || r.Reason != "key pasted in a gist" {
			t.Fatalf("%s, %q", r.Purpose, r.Reason)
		}
		card.CaughtUp()
		for _, words := range []string{
			"Approval needed: lock prod/DeployRole", "Collect evidence first",
		} {
			if !strings.Contains(string(card.Message().Blocks), words) {
				t.Errorf("the card lacks %q:\n%s", words, card.Message().Blocks)
			}
		}
		if blocks := details(b, card, actors.Bob); !strings.Contains(blocks, "presigned EKS tokens") {
			t.Errorf("the details lack the tokens: %s", blocks)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Settle()
		if !locked(b, actors.DeployRole) || policyOn(b, actors.DeployRole) != "" {
			t.Fatal("the role is not locked, or something else was written")
		}
		if b.Works(old) == nil || b.Works(b.Session("deploy-1841")) == nil {
			t.Error("a session of the locked role works")
		}
		b.Until("the lock is simulated", func() bool {
			p := record.Proven(card.Events())
			return p.Simulated != nil && p.Simulated.Proven
		})
		undo := undoBy(b, "undo prod/DeployRole over")
		if r := undo.Request(); r.Purpose != "undo:lock" || r.About != card.ID {
			t.Errorf("%s of %s", r.Purpose, r.About)
		}
		b.Settle()
		if locked(b, actors.DeployRole) || b.Works(old) != nil {
			t.Error("the role is still locked")
		}
		b.Until("the lock's card says so",
			func() bool { return card.Says("Sessions of the role that have not expired *work again*") })
	})
}

func TestTheGuardAttachesALockAgainUnderTheSameApproval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := lockRole(b, "prod/DeployRole")
		if err := b.World.Prod.DetachRolePolicy(actors.DeployRole, b.World.Prod.DenyAllARN()); err != nil {
			t.Fatal(err)
		}
		b.Until("the lock is back", func() bool { return locked(b, actors.DeployRole) && card.Says("Restored (") })
		for _, words := range []string{
			"Someone changed the lock", "OnlyRevokebotDetaches", "iam:PolicyARN", "from removing `AWSDenyAll` from the role",
		} {
			if !card.Says(words) && !strings.Contains(b.Transcript(), words) {
				t.Errorf("the thread lacks %q:\n%s", words, b.Transcript())
			}
		}
		b.Until("the guard ends", func() bool { return card.Request().Watched.Type == approvals.EventHeld })
	})
}

func TestALockThatWasThereBeforeIsLeftThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		if err := b.World.Prod.AttachRolePolicy(actors.DeployRole, b.World.Prod.DenyAllARN()); err != nil {
			t.Fatal(err)
		}
		card := lockRole(b, "prod/DeployRole")
		undo := undoBy(b, "undo lock prod/DeployRole")
		if !locked(b, actors.DeployRole) {
			t.Error("the undo took off what was there before")
		}
		for _, said := range []bool{
			undo.Says("Undone, what was there before stays"),
			undo.Says("No session works again"),
		} {
			if !said {
				t.Errorf("it is not told:\n%s", b.Transcript())
			}
		}
		b.Until("the lock's card says so", func() bool { return card.Says("No session works again") })
	})
}

func TestTwoMeasuresOnOneRoleAreUndoneInEitherOrderAndTheOtherHolds(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"revoke, then lock": true, "lock, then revoke": false} {
		for _, lockFirst := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Guard: looks})
				old := b.Session("deploy-1840")
				var revoked, lockCard bench.Card
				if first {
					revoked = revoke(b, "prod/DeployRole")
					lockCard = lockRole(b, "prod/DeployRole")
				} else {
					lockCard = lockRole(b, "prod/DeployRole")
					revoked = revoke(b, "prod/DeployRole")
				}
				earlier, second := revoked, lockCard
				if !first {
					earlier, second = lockCard, revoked
				}
				if text := second.Message().Text; !strings.Contains(text, "In force on this role") ||
					!strings.Contains(text, earlier.ID) {
					t.Errorf("%s: the second card does not name the first:\n%s", name, text)
				}
				b.Command(actors.Rosa, "undo prod/DeployRole")
				b.Whispered(actors.Rosa, "several measures are in force")
				told := strings.Join(b.Whispers(actors.Rosa), "\n")
				for _, words := range []string{
					"/revoke-sessions undo lock prod/DeployRole",
					"/revoke-sessions undo revoke prod/DeployRole", revoked.ID, lockCard.ID,
				} {
					if !strings.Contains(told, words) {
						t.Errorf("%s: the answer lacks %q:\n%s", name, words, told)
					}
				}
				time.Sleep(2 * time.Minute) // the guards of both end
				if lockFirst {
					undoBy(b, "undo Lock prod/DeployRole")
					b.Settle()
					if locked(b, actors.DeployRole) || policyOn(b, actors.DeployRole) == "" || b.Works(old) == nil {
						t.Errorf("%s: after the undo of the lock the revocation does not hold alone", name)
					}
					undoBy(b, "undo prod/DeployRole revive old sessions")
				} else {
					undoBy(b, "undo REVOKE prod/DeployRole revive old sessions")
					b.Settle()
					if !locked(b, actors.DeployRole) || policyOn(b, actors.DeployRole) != "" || b.Works(old) == nil {
						t.Errorf("%s: after the undo of the revocation the lock does not hold alone", name)
					}
					undoBy(b, "undo prod/DeployRole")
				}
				b.Settle()
				if locked(b, actors.DeployRole) || policyOn(b, actors.DeployRole) != "" || b.Works(old) != nil {
					t.Errorf("%s: something is left after both undos", name)
				}
				b.Command(actors.Rosa, "undo prod/DeployRole")
				b.Whispered(actors.Rosa, "no applied measure on record")
			})
		}
	}
}

func TestAMeasureThatAnAccountDoesNotListDoesNotExistThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Bot: func(c *bot.Config) {
			for name, p := range c.Handlers.Policies {
				p.Measures = []approvals.Measure{approvals.Revoke}
				c.Handlers.Policies[name] = p
			}
		}})
		for _, text := range []string{"lock prod/DeployRole leaked", "drill lock prod/DeployRole"} {
			before := len(b.Whispers(actors.Rosa))
			b.Command(actors.Rosa, text)
			b.Until(text+" is answered", func() bool { return len(b.Whispers(actors.Rosa)) > before })
			if told := b.Whispers(actors.Rosa)[before]; !strings.Contains(told, "accounts.prod.measures") {
				t.Errorf("%s: %s", text, told)
			}
		}
		b.Command(actors.Rosa, "help")
		b.Whispered(actors.Rosa, "alone opens a form")
		if told := strings.Join(b.Whispers(actors.Rosa), "\n"); strings.Contains(told, "/revoke-sessions lock") {
			t.Errorf("the help offers it:\n%s", told)
		}
		if n := len(b.Cards()); n != 0 {
			t.Errorf("%d cards", n)
		}
	})
}

func TestADrillOfALockWritesNothingAndProvesItOnPaper(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.AskFor(actors.Rosa, "Drill LOCK prod/DeployRole first Monday")
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateRehearsed)
		d, err := record.Detail[record.Rehearsed](card.Request().Closing)
		if err != nil || !d.Clean() || card.Request().Purpose != "drill:lock" {
			t.Errorf("%+v, %v", d, err)
		}
		if locked(b, actors.DeployRole) || len(b.AWS.Calls("AttachRolePolicy")) != 0 {
			t.Error("a drill has written")
		}
	})
}

// A role that is named like a word of the command is written with its account.
func TestARoleNamedLikeAWordIsAskedForWithItsAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		for _, text := range []string{"lock", "drill lock", "undo lock"} {
			before := len(b.Whispers(actors.Rosa))
			b.Command(actors.Rosa, text)
			b.Until(text+" is answered", func() bool { return len(b.Whispers(actors.Rosa)) > before })
			if told := b.Whispers(actors.Rosa)[before]; !strings.Contains(strings.ToLower(told), "name the role") {
				t.Errorf("%s: %s", text, told)
			}
		}
	})
}

func TestAVerdictThatIsNotContainedOffersTheNextMeasure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{
			FollowUps: []time.Duration{3 * time.Minute}, Guard: []time.Duration{time.Minute, 2 * time.Minute, 20 * time.Minute},
		})
		card := revoke(b, "prod/DeployRole")
		for i := range 2 {
			time.Sleep(10 * time.Second)
			removeAs(t, b, b.World.Rival)
			b.Until("it is restored", func() bool { return count(card, approvals.EventRewritten) == i+1 })
		}
		b.Until("there is a verdict", func() bool { return card.Request().Judged.Type == approvals.EventVerdict })
		card.CaughtUp()
		if !card.Says("lock: the policy was removed twice") {
			t.Errorf("%s", b.Transcript())
		}
		pressIn(b, card, actors.Nils, messages.ActionFurther)
		b.Until("a lock is asked for", func() bool { return len(b.Cards()) == 2 })
		if r := b.Cards()[1].Request(); r.Purpose != "lock" || r.Requester != actors.Nils {
			t.Errorf("%s by %s", r.Purpose, r.Requester)
		}
	})
}

func TestAVerdictOnARevocationThatIsGoneNamesTheLockThatHoldsInItsPlace(t *testing.T) {
	t.Parallel()
	for name, isLocked := range map[string]bool{"a lock on the role": true, "a lock that is gone, too": false} {
		synctest.Test(t, func(t *testing.T) {
			b := burgled(t, bench.Options{FollowUps: []time.Duration{6 * time.Minute}, Guard: []time.Duration{20 * time.Minute}})
			card := b.revoked()
			lockRole(b.Bench, "prod/DeployRole")
			time.Sleep(time.Minute)
			b.call()
			removeAs(t, b.Bench, b.World.Rival)
			if !isLocked {
				if err := b.World.Prod.DetachRolePolicy(actors.DeployRole, b.World.Prod.DenyAllARN()); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(10 * time.Minute)
			card.CaughtUp()
			if card.Says("so old sessions work again") == isLocked || card.Says("keeps the old sessions out") != isLocked ||
				slices.Contains(verdicts(card), record.WordNotContained) == isLocked {
				t.Errorf("%s: %v\n%s", name, verdicts(card), b.Transcript())
			}
		})
	}
}

// A thief who calls from a known address is let in by a restriction.
func TestARestrictionIsNotSaidToKeepOldSessionsOutInPlaceOfARevocationThatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{FollowUps: []time.Duration{6 * time.Minute}, Guard: []time.Duration{20 * time.Minute}})
		card := b.revoked()
		restrictRole(b.Bench, "restrict prod/DeployRole 198.51.100.0/24 vpc-0a1b2c3d as well")
		time.Sleep(time.Minute)
		b.call()
		removeAs(t, b.Bench, b.World.Rival)
		time.Sleep(10 * time.Minute)
		card.CaughtUp()
		if !card.Says("so old sessions work again") || card.Says("keeps the old sessions out") ||
			strings.Contains(b.Transcript(), "Also in force on this role: revoke") {
			t.Errorf("%v\n%s", verdicts(card), b.Transcript())
		}
	})
}

// The later of two locks has attached nothing, and the earlier one waits for it to be undone.
func TestOfTwoLocksOfARoleBothAreUndoneTheLaterOneFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		first := lockRole(b, "prod/DeployRole")
		second := lockRole(b, "prod/DeployRole")
		pressIn(b, first, actors.Rosa, messages.ActionUndo)
		b.Whispered(actors.Rosa, "First undo request `"+second.ID)
		for i, card := range []bench.Card{second, first} {
			pressIn(b, card, actors.Rosa, messages.ActionUndo)
			b.Until("an undo is asked for", func() bool { return len(b.Cards()) == 3+i })
			undo := b.Cards()[2+i]
			undo.Approve(actors.Bob)
			undo.Becomes(approvals.StateApplied)
			if locked(b, actors.DeployRole) != (i == 0) {
				t.Errorf("after %d: locked %t\n%s", i, locked(b, actors.DeployRole), b.Transcript())
			}
		}
	})
}

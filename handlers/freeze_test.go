package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

const frozenBy = `{"Sid":"RevokebotFreeze","Effect":"Deny"`

// trustOf is the trust policy of DeployRole.
func trustOf(b *bench.Bench) string {
	r, _ := b.World.Prod.Role(actors.DeployRole)
	return r.Trust
}

// opens tries a new session of DeployRole by a service.
func opens(b *bench.Bench) error {
	_, err := b.World.Prod.ServiceSession(actors.DeployRole, "lambda.amazonaws.com", "fn", "us-east-1")
	return err
}

// byTwo asks, and two people approve.
func byTwo(b *bench.Bench, text string) bench.Card {
	b.T.Helper()
	card := b.AskFor(actors.Rosa, text)
	card.Approve(actors.Bob)
	card.Approve(actors.Ines)
	card.Becomes(approvals.StateApplied)
	return card
}

// freezeRole revokes DeployRole and freezes it.
func freezeRole(b *bench.Bench) bench.Card {
	b.T.Helper()
	revoke := b.AskFor(actors.Rosa, "prod/DeployRole key pasted in a gist")
	revoke.Approve(actors.Bob)
	revoke.Becomes(approvals.StateApplied)
	return byTwo(b, "freeze prod/DeployRole the caller's key is stolen")
}

func TestAFreezeNeedsTwoApprovalsIsProvenByASessionThatIsRefusedAndIsUndoneByteForByte(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		before := trustOf(b)
		revoke := b.AskFor(actors.Rosa, "prod/DeployRole key pasted in a gist")
		card := b.AskFor(actors.Rosa, "Freeze prod/DeployRole the caller's key is stolen")
		if r := card.Request(); r.Purpose != "freeze" || r.Required != 2 || r.Reason != "the caller's key is stolen" {
			t.Fatalf("%s, %d, %q", r.Purpose, r.Required, r.Reason)
		}
		card.CaughtUp()
		for _, words := range []string{"Approval needed: freeze prod/DeployRole", "Running sessions go on", "*It breaks*"} {
			if !strings.Contains(string(card.Message().Blocks)+details(b, card, actors.Bob), words) {
				t.Errorf("the card lacks %q:\n%s", words, card.Message().Blocks)
			}
		}
		if strings.Contains(string(card.Message().Blocks), "already") {
			t.Errorf("the card warns that there is a trust policy:\n%s", card.Message().Blocks)
		}
		revoke.Approve(actors.Bob)
		revoke.Becomes(approvals.StateApplied)
		time.Sleep(time.Minute) // past the margin of the revocation
		session := b.Session("deploy-1841")
		card.Approve(actors.Bob)
		b.Settle()
		if trustOf(b) != before {
			t.Fatal("one approval froze the role")
		}
		card.Approve(actors.Ines)
		card.Becomes(approvals.StateApplied)
		b.Settle()
		if got := trustOf(b); !strings.Contains(got, frozenBy) || len(got) <= len(before) {
			t.Fatalf("the trust policy is %s", got)
		}
		if opens(b) == nil {
			t.Error("a session of the frozen role was opened")
		}
		if err := b.Works(session); err != nil {
			t.Errorf("a running session does not go on: %v", err)
		}
		b.Until("a session was tried", func() bool {
			p := record.Proven(card.Events())
			return p.Simulated != nil && p.Simulated.Tried && p.Simulated.Proven
		})
		undo := byTwo(b, "undo freeze prod/DeployRole over")
		if r := undo.Request(); r.Purpose != "undo:freeze" || r.Required != 2 || r.About != card.ID {
			t.Errorf("%s, %d", r.Purpose, r.Required)
		}
		b.Settle()
		if got := trustOf(b); got != before {
			t.Errorf("the trust policy is %s, and was %s", got, before)
		}
		if err := opens(b); err != nil {
			t.Errorf("no session can be opened: %v", err)
		}
	})
}

func TestAFreezeWithoutARevocationOrALockIsRefusedInOneSentence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Command(actors.Rosa, "freeze prod/DeployRole why")
		b.Whispered(actors.Rosa, "a freeze leaves running sessions alone")
		if len(b.Cards()) != 0 {
			t.Error("there is a card")
		}
	})
}

func TestTheGuardFreezesARoleAgainWhoseTrustPolicySomeoneChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		before := trustOf(b)
		card := freezeRole(b)
		frozen := trustOf(b)
		if err := b.World.Prod.SetTrust(actors.DeployRole, before); err != nil {
			t.Fatal(err)
		}
		b.Until("the role is frozen again", func() bool { return trustOf(b) == frozen && card.Says("Restored (") })
	})
}

func TestADrillOfAFreezeWritesNothingAndSaysThatItWasNotSimulated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		before := trustOf(b)
		card := b.AskFor(actors.Rosa, "drill freeze prod/DeployRole practice")
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateRehearsed)
		b.Until("the drill says so", func() bool { return card.Says("not simulated") })
		if trustOf(b) != before {
			t.Error("the drill wrote")
		}
	})
}

func TestTheUndoOfAFreezeIsRefusedWhenAPrincipalWasMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		freezeRole(b)
		frozen := trustOf(b)
		if err := b.World.Prod.DeleteUser("ci-deploy"); err != nil {
			t.Fatal(err)
		}
		b.World.Prod.AddUser(awsstandin.UserSpec{Name: "ci-deploy", Path: "/ci/"})
		b.Command(actors.Rosa, "undo freeze prod/DeployRole over")
		b.Whispered(actors.Rosa, "user/ci/ci-deploy")
		if got := trustOf(b); got != frozen {
			t.Errorf("the trust policy is %s", got)
		}
	})
}

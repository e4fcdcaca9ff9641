package handlers_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/deploy"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// usersMayNot takes an action from the bot's role for users of prod.
func usersMayNot(b *bench.Bench, action string) {
	b.T.Helper()
	text := strings.ReplaceAll(deploy.UsersPolicy, `"iam:`+action+`"`, `"iam:GetGroup"`)
	if err := b.World.Prod.PutRolePolicy("revokebot-users", "contain-keys", text); err != nil {
		b.T.Fatal(err)
	}
}

func TestASlotThatIsRefusedDoesNotStopTheOtherAndTheOutcomeNamesEach(t *testing.T) {
	t.Parallel()
	for action, c := range map[string]struct{ done, not, status string }{
		"PutUserPolicy":   {"status of access key", "inline policy `RevokebotOlderSessions`", "Inactive"},
		"UpdateAccessKey": {"inline policy `RevokebotOlderSessions`", "status of access key", "Active"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{Guard: looks})
			leaked := b.World.CI.AccessKeyID
			card := b.AskFor(actors.Rosa, leaked+" pasted")
			usersMayNot(b, action)
			card.Approve(actors.Bob)
			card.Becomes(approvals.StateApplied)
			denied := userPolicy(b, ciUser) != ""
			if got := keyStatus(b, ciUser, leaked); got != c.status || denied != (action != "PutUserPolicy") {
				t.Errorf("%s: the key is %s", action, got)
			}
			text := card.Message().Text
			for _, words := range []string{
				"Done in part: access key", "*Done in part:* the " + c.done, "*Not done:* the " + c.not,
			} {
				if !strings.Contains(text, words) {
					t.Errorf("%s: the card lacks %q: %s", action, words, text)
				}
			}
			if !strings.Contains(b.Transcript(), "does not allow revokebot iam:"+action) {
				t.Errorf("%s: the thread does not say why:\n%s", action, b.Transcript())
			}
			b.Until("the guard ends", func() bool { return card.Request().Watched.Type == approvals.EventHeld })
			if strings.Contains(b.Transcript(), "Someone changed") {
				t.Errorf("%s: what was never written is told as changed:\n%s", action, b.Transcript())
			}
		})
	}
}

func TestTheGuardMakesAKeyInactiveAgainAndDeniesTheSessionsThatItMadeMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		leaked := b.World.CI.AccessKeyID
		card := deactivate(b, leaked+" pasted")
		first := userPolicy(b, ciUser)
		if err := b.World.Prod.SetKeyStatus(ciUser, leaked, "Active"); err != nil {
			t.Fatal(err)
		}
		b.Until("the key is inactive again", func() bool { return keyStatus(b, ciUser, leaked) == "Inactive" })
		b.Until("it is told", func() bool { return card.Says("Restored (") })
		if policy := userPolicy(b, ciUser); policy == first || policy == "" {
			t.Error("sessions that the key made meanwhile are not denied")
		}
		for _, words := range []string{
			"status of access key `" + leaked + "` active again", "OnlyRevokebotChangesKeysAndInlinePolicies",
			"iam:UpdateAccessKey", "arn:aws:iam::111122223333:role/revokebot-users",
		} {
			if !strings.Contains(b.Transcript(), words) {
				t.Errorf("the thread lacks %q:\n%s", words, b.Transcript())
			}
		}
		if err := b.World.Prod.DeleteUserPolicy(ciUser, "RevokebotOlderSessions"); err != nil {
			t.Fatal(err)
		}
		b.Until("the policy is back", func() bool { return userPolicy(b, ciUser) != "" })
		b.Until("the guard ends", func() bool { return card.Request().Watched.Type == approvals.EventHeld })
		for _, c := range b.AWS.Calls("UpdateAccessKey") {
			if c.Params["Status"] == "Active" && strings.Contains(c.PrincipalARN, "revokebot") {
				t.Error("the bot made a key active")
			}
		}
	})
}

func TestANewKeyOfTheUserIsAFinding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := deactivate(b, b.World.CI.AccessKeyID+" pasted")
		other, err := b.World.Prod.NewUser(awsstandin.UserSpec{Name: ciUser, Path: "/ci/"})
		if err != nil {
			t.Fatal(err)
		}
		b.Until("it is told", func() bool { return card.Says(other.AccessKeyID) })
		if !card.Says("/revoke-sessions prod/" + other.AccessKeyID) {
			t.Errorf("no command:\n%s", b.Transcript())
		}
		b.Until("the guard ends", func() bool { return card.Request().Watched.Type == approvals.EventHeld })
		if n := strings.Count(b.Transcript(), "which it did not have when this was asked for"); n != 1 {
			t.Errorf("it is told %d times", n)
		}
	})
}

func TestTwoKeysOfOneUserAreTwoRequestsThatShareThePolicy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		first := b.World.CI.AccessKeyID
		second, err := b.World.Prod.NewUser(awsstandin.UserSpec{Name: ciUser, Path: "/ci/"})
		if err != nil {
			t.Fatal(err)
		}
		one := b.AskFor(actors.Rosa, first+" pasted")
		two := b.AskFor(actors.Rosa, second.AccessKeyID+" pasted, too") // the first does not keep the second out
		one.Approve(actors.Bob)
		time.Sleep(time.Second)
		two.Approve(actors.Bob)
		one.Becomes(approvals.StateApplied)
		two.Becomes(approvals.StateApplied)
		for _, card := range []bench.Card{one, two} {
			b.Until("both guards end", func() bool { return card.Request().Watched.Type == approvals.EventHeld })
			if keyStatus(b, ciUser, card.Request().Subject.Part) != "Inactive" {
				t.Error("a key is active")
			}
		}
		if text := b.Transcript(); strings.Contains(text, "Someone changed") {
			t.Errorf("one request takes the other for an attacker:\n%s", text)
		}
		b.Command(actors.Rosa, "undo arn:aws:iam::111122223333:user/ci/ci-deploy revive old sessions")
		b.Whispered(actors.Rosa, "several measures are in force")
		b.Command(actors.Rosa, "undo "+first+" revive old sessions")
		b.Whispered(actors.Rosa, "has written over this")
		undoBy(b, "undo "+second.AccessKeyID+" revive old sessions")
		b.Settle()
		if userPolicy(b, ciUser) == "" {
			t.Error("the undo of the second took what the first holds")
		}
		undoBy(b, "undo "+first+" revive old sessions")
		b.Settle()
		u, _ := b.World.Prod.User(ciUser)
		if len(u.Policies) != 1 || u.Keys[first] != "Inactive" || u.Keys[second.AccessKeyID] != "Inactive" {
			t.Errorf("%+v", u)
		}
	})
}

func TestAnotherUserOfTheNameVoidsTheApproval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.AskFor(actors.Rosa, b.World.CI.AccessKeyID+" pasted")
		if err := b.World.Prod.DeleteUser(ciUser); err != nil {
			t.Fatal(err)
		}
		if _, err := b.World.Prod.NewUser(awsstandin.UserSpec{Name: ciUser, Path: "/ci/"}); err != nil {
			t.Fatal(err)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateVoid)
		if text := card.Message().Text; !strings.Contains(text, "Void, the user changed") || userPolicy(b, ciUser) != "" {
			t.Errorf("%s", text)
		}
	})
}

func TestAnInactiveKeyIsAskedForBecauseItsSessionsLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		if err := b.World.Prod.SetKeyStatus(ciUser, b.World.CI.AccessKeyID, "Inactive"); err != nil {
			t.Fatal(err)
		}
		card := b.AskFor(actors.Rosa, b.World.CI.AccessKeyID+" pasted")
		if blocks := string(card.Message().Blocks); !strings.Contains(blocks, "is inactive already") {
			t.Errorf("%s", blocks)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if userPolicy(b, ciUser) == "" {
			t.Error("its sessions are not denied")
		}
	})
}

func TestADrillOfAKeyWritesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.AskFor(actors.Rosa, "drill "+b.World.CI.AccessKeyID+" first Monday")
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateRehearsed)
		d, err := record.Detail[record.Rehearsed](card.Request().Closing)
		if err != nil || !d.Clean() || card.Request().Purpose != "drill:key" || d.Policy != "RevokebotOlderSessions" {
			t.Errorf("%+v, %v", d, err)
		}
		if keyStatus(b, ciUser, b.World.CI.AccessKeyID) != "Active" || userPolicy(b, ciUser) != "" {
			t.Error("a drill has written")
		}
	})
}

func TestWhatCannotBeContainedIsRefusedWithOneSentence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{
			Cloud: func(c *aws.Config) {
				c.ProtectedUsers = []string{"arn:aws:iam::*:user/people/*"}
				c.Accounts[1].UsersRole = ""
			},
		})
		elsewhere, err := b.World.Staging.NewUser(awsstandin.UserSpec{Name: ciUser, Path: "/ci/"})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.World.Prod.PutUserPolicy("shop-migration", "full",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::`+
				strings.Repeat("x", 1700)+`"}]}`); err != nil {
			t.Fatal(err)
		}
		for text, words := range map[string][]string{
			b.World.Admin.AccessKeyID + " x":         {"prod/kim is protected by the configuration"},
			b.World.Bot.AccessKeyID + " x":           {"revokebot itself works with"},
			elsewhere.AccessKeyID + " x":             {"Account staging has no users_role", "aws iam update-access-key"},
			b.World.Rival.AccessKeyID + " x":         {"leave no room", "2048"},
			"lock " + b.World.CI.AccessKeyID:         {"`lock` is not for a user"},
			"drill revoke " + b.World.CI.AccessKeyID: {"`revoke` is not for a user"},
			"key prod/DeployRole":                    {"`key` is not for a role"},
		} {
			before := len(b.Whispers(actors.Rosa))
			b.Command(actors.Rosa, text)
			b.Until(text+" is answered", func() bool { return len(b.Whispers(actors.Rosa)) > before })
			answer := strings.Join(b.Whispers(actors.Rosa)[before:], "\n")
			for _, want := range words {
				if !strings.Contains(answer, want) {
					t.Errorf("%s: %q does not say %q", text, answer, want)
				}
			}
			time.Sleep(time.Minute) // more would be a flood
		}
		if n := len(b.Cards()); n != 0 {
			t.Errorf("%d cards", n)
		}
	})
}

// The guard of one request can restore the policy that a later one had written over.
func TestTwoKeysAreUndoneAlsoAfterTheGuardOfTheFirstHasRestoredThePolicy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: []time.Duration{20 * time.Second, 40 * time.Second, time.Minute}})
		first := b.World.CI.AccessKeyID
		second, err := b.World.Prod.NewUser(awsstandin.UserSpec{Name: ciUser, Path: "/ci/"})
		if err != nil {
			t.Fatal(err)
		}
		one := deactivate(b, first+" pasted")
		time.Sleep(2 * time.Second)
		two := deactivate(b, second.AccessKeyID+" pasted, too")
		time.Sleep(15 * time.Second)
		if err := b.World.Prod.DeleteUserPolicy(ciUser, "RevokebotOlderSessions"); err != nil {
			t.Fatal(err)
		}
		b.Until("a guard restores it", func() bool { return userPolicy(b, ciUser) != "" })
		b.Until("both guards end", func() bool {
			return one.Request().Watched.Type == approvals.EventHeld && two.Request().Watched.Type == approvals.EventHeld
		})
		undoBy(b, "undo "+second.AccessKeyID+" revive old sessions")
		b.Settle()
		if userPolicy(b, ciUser) == "" {
			t.Error("the undo of the second took what the first holds")
		}
		undoBy(b, "undo "+first+" revive old sessions")
		b.Settle()
		if userPolicy(b, ciUser) != "" {
			t.Error("the policy is left")
		}
	})
}

func TestTheCleanUpOfAKeyIsOfferedWhenItsSessionsHaveExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := deactivate(b, b.World.CI.AccessKeyID+" pasted")
		time.Sleep(35 * time.Hour)
		if card.Says("*Expired.*") {
			t.Error("it is offered before the sessions have expired")
		}
		time.Sleep(2 * time.Hour)
		b.Until("the clean-up is offered", func() bool {
			return card.Says("*Expired.* All sessions of the user issued before")
		})
		undoBy(b, "undo "+b.World.CI.AccessKeyID)
		b.Settle()
		if userPolicy(b, ciUser) != "" || keyStatus(b, ciUser, b.World.CI.AccessKeyID) != "Inactive" {
			t.Error("the policy is left, or the key is active")
		}
	})
}

// An attacker who may rename users takes the user away from under its name: the guard follows, and
// the thread says so.
func TestTheGuardFollowsAUserThatWasRenamedAndSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		leaked := b.World.CI.AccessKeyID
		card := deactivate(b, leaked+" pasted")
		if err := errors.Join(b.World.Prod.RenameUser(ciUser, "releaser"),
			b.World.Prod.SetKeyStatus("releaser", leaked, "Active"),
			b.World.Prod.DeleteUserPolicy("releaser", "RevokebotOlderSessions")); err != nil {
			t.Fatal(err)
		}
		b.Until("the key is inactive again", func() bool { return keyStatus(b, "releaser", leaked) == "Inactive" })
		b.Until("the policy is back", func() bool { return userPolicy(b, "releaser") != "" })
		b.Until("the guard ends", func() bool { return card.Request().Watched.Type == approvals.EventHeld })
		if !card.Says("was renamed") || !card.Says("user/ci/releaser") || card.Says("is gone") {
			t.Errorf("the thread:\n%s", b.Transcript())
		}
		if n := strings.Count(b.Transcript(), "was renamed"); n != 1 {
			t.Errorf("it is told %d times", n)
		}
	})
}

// IAM does not distinguish a deleted user from one that was renamed after its key was deleted. Its
// sessions live on in both cases that are not a deletion.
func TestAUserOfWhichThereIsNoTraceIsNotSaidToHaveLostItsSessions(t *testing.T) {
	t.Parallel()
	for name, swapped := range map[string]bool{"gone": false, "another has the name": true} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{Guard: looks})
			leaked := b.World.CI.AccessKeyID
			card := deactivate(b, leaked+" pasted")
			err := errors.Join(b.World.Prod.RenameUser(ciUser, "releaser"), b.World.Prod.DeleteAccessKey("releaser", leaked),
				b.World.Prod.DeleteUserPolicy("releaser", "RevokebotOlderSessions"))
			if swapped {
				b.World.Prod.AddUser(awsstandin.UserSpec{Name: ciUser, Path: "/ci/"})
			}
			if err != nil {
				t.Fatal(err)
			}
			b.Until("it is told", func() bool { return card.Says("Monitoring has ended") })
			card.CaughtUp()
			if card.Says("sessions with it") || card.Says("ended with it") || card.Says("was deleted, seen") ||
				!card.Says("or renamed") {
				t.Errorf("%s:\n%s", name, b.Transcript())
			}
		})
	}
}

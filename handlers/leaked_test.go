package handlers_test

import (
	"slices"
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

func TestALeakedSessionsKeyAsksForItsRoleAndTheSessionIsTakenForTheStolenOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Session("deploy-1")
		leaked := b.Session("deploy-2")
		b.Session("deploy-3")
		time.Sleep(10 * time.Minute) // CloudTrail is late
		card := b.AskFor(actors.Rosa, "`"+leaked.AccessKeyID+"` found in a gist")
		if r := card.Request(); r.Reason != "found in a gist" || r.Subject.Group != "prod" ||
			!strings.Contains(card.Message().Text, "prod/DeployRole") {
			t.Errorf("%+v", r)
		}
		if want := "Asked for by access key " + leaked.AccessKeyID; !strings.Contains(string(card.Message().Blocks), want) {
			t.Errorf("the card does not say %q: %s", want, card.Message().Blocks)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Until("the evidence marks its session", func() bool {
			return card.Says("*Leaked:*") && card.Says("deploy-2")
		})
	})
}

func TestAKeyThatStandsForNoRoleGetsOneSentenceAndWhatToDo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		user := b.World.CI.AccessKeyID
		// IAM knows no user with root's key, as with one that was deleted.
		if err := b.World.Prod.DeleteAccessKey(ciUser, user); err != nil {
			t.Fatal(err)
		}
		foreign := b.AWS.AddAccount("777788889999", "").AddUser(awsstandin.UserSpec{Name: "foreign"}).AccessKeyID
		time.Sleep(10 * time.Minute)
		for text, words := range map[string][]string{
			user + " pasted":                 {"No user in prod has access key", "sign in as root", "give the user's ARN"},
			"ASIAAAAAAAAAAAAAAAAA x":         {"AWS knows no access key"},
			"prod/ASIAAAAAAAAAAAAAAAAA x":    {"AWS knows no access key"},
			"ASIAAAAAAAAAAAAAA22 x":          {"has 19 characters and those have 20"},
			foreign + " x":                   {"is of account 777788889999, which is not configured here."},
			user + " " + foreign + " x":      {"one access key id at a time"},
			user + "," + foreign:             {"one access key id at a time"},
			"staging/" + user + " x":         {"is of account prod, not of staging. Write prod/" + user},
			"undo ASIAAAAAAAAAAAAAAAAA":      {"AWS knows no access key"},
			"drill prod/AKIAIOSFODNN7EXAMPL": {"No role `AKIAIOSFODNN7EXAMPL` in prod"},
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
		before := len(b.AWS.Calls("GetAccessKeyInfo"))
		b.Command(actors.Gina, user+" x")
		b.Settle()
		if n := len(b.AWS.Calls("GetAccessKeyInfo")); n != before {
			t.Error("a person who may not ask has AWS asked whose a key is")
		}
		if n := len(b.Cards()); n != 0 {
			t.Errorf("%d cards", n)
		}
	})
}

func TestALeakedKeyOfIdentityCenterIsRefusedWithThePersonAndOneOfADeletedRoleIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		const reserved = "AWSReservedSSO_AdministratorAccess_0a1b2c3d4e5f6a7b"
		portal, err := b.World.Prod.SAMLSession(reserved, awsstandin.SAMLSpec{
			Provider: "AWSSSO_0a1b2c3d4e5f6a7b_DO_NOT_DELETE", User: "rosa@acme.example",
		})
		if err != nil {
			t.Fatal(err)
		}
		gone := b.Session("deploy-2")
		if _, err := b.World.Prod.RecreateRole(actors.DeployRole); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		b.Command(actors.Rosa, portal.AccessKeyID+" x")
		b.Whispered(actors.Rosa, `its session "rosa@acme.example"`)
		b.Whispered(actors.Rosa, "belongs to IAM Identity Center")
		card := b.AskFor(actors.Rosa, gone.AccessKeyID+" x")
		const want = "another role of the same name, which was deleted"
		if blocks := string(card.Message().Blocks); !strings.Contains(blocks, want) {
			t.Errorf("the card does not say %q: %s", want, blocks)
		}
	})
}

func TestTheFormTakesALeakedKeyAsItTakesARole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		leaked := b.Session("deploy-2").AccessKeyID
		time.Sleep(10 * time.Minute)
		for _, account := range []string{"", "prod"} {
			view := askForm(b, actors.Rosa)
			value := strings.TrimPrefix(account+"/"+leaked, "/")
			want := []string{value + " (the role or user that this access key stands for)"}
			if got := typing(b, actors.Rosa, view.ID, account, leaked); !slices.Equal(got, want) {
				t.Errorf("offered %q, want %q", got, want)
			}
			before := len(b.Cards())
			send(b, actors.Rosa, view.ID, filled(account, value, "a gist"))
			b.Until("a card appears", func() bool { return len(b.Cards()) > before })
			card := b.Cards()[before]
			if !strings.Contains(card.Message().Text, "prod/DeployRole") {
				t.Errorf("%s", card.Message().Text)
			}
			card.Press(actors.Rosa, messages.ActionCancel)
			card.Becomes(approvals.StateCancelled)
			time.Sleep(time.Minute)
		}
		view := askForm(b, actors.Rosa)
		if got := typing(b, actors.Rosa, view.ID, "", leaked[:19]); len(got) != 0 {
			t.Errorf("a key that was cut is offered: %q", got)
		}
	})
}

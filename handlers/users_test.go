package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

func surveyed(card bench.Card) int {
	n := 0
	for _, e := range card.Events() {
		if e.Type == approvals.EventUsers {
			n++
		}
	}
	return n
}

func TestTheCardSaysWhoUsesTheRoleAndApproversNeedNotWaitForThat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		if err := b.Works(b.Session("deploy-1840")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute) // CloudTrail is late
		b.AWS.Inject(awsstandin.Fault{Action: "LookupEvents", Times: -1, Delay: 2 * time.Second})
		card := b.Ask()
		if text := card.Message().Text; !strings.Contains(text, "not known yet") || !card.HasButtons() {
			t.Errorf("at first the card says %q", text)
		}
		b.AWS.ClearFaults()
		b.Until("the card names them", func() bool { return strings.Contains(card.Message().Text, "*Who uses it now* (") })
		text := card.Message().Text
		for _, words := range []string{"`GitHub acme/shop main`: ", "last call 00:0", "2 regions", "minutes late"} {
			if !strings.Contains(text, words) {
				t.Errorf("the card lacks %q: %s", words, text)
			}
		}
		if strings.Contains(text, "github-18211") || !card.HasButtons() || surveyed(card) != 1 {
			t.Errorf("%d surveys; the card says %s", surveyed(card), text)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		card.CaughtUp()
		if text := card.Message().Text; strings.Contains(text, "Who uses it now") {
			t.Errorf("once it is decided the card says %s", text)
		}
	})
}

func TestASurveyForACardAsksLittleAndNothingOnceItIsDecided(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		for range 120 { // more than a page
			b.Session("deploy-0")
		}
		b.Settle()
		before := len(b.AWS.Calls("LookupEvents"))
		card := b.Ask()
		b.Until("there is a survey", func() bool { return surveyed(card) == 1 })
		// Two pages, and the newest calls of three callers, in each of two regions.
		if n := len(b.AWS.Calls("LookupEvents")) - before; n > 10 {
			t.Errorf("it took %d questions", n)
		}
		b.AWS.Inject(awsstandin.Fault{Action: "LookupEvents", Times: -1, Hang: true})
		next := b.AskFor(actors.Rosa, "staging/"+actors.DeployRole)
		next.Approve(actors.Bob)
		next.Becomes(approvals.StateApplied)
		b.AWS.ClearFaults()
		b.Until("there is a verdict", func() bool { return next.Says("CloudTrail") })
		b.Settle()
		if n := surveyed(next); n != 0 {
			t.Errorf("%d surveys of a request that was decided", n)
		}
	})
}

func TestWhenCloudTrailRefusesTheCardSaysThatTheUsersAreNotKnownAndWhy(t *testing.T) {
	t.Parallel()
	for code, why := range map[string]string{
		"AccessDenied": "reading CloudTrail is not allowed there", "": "it did not answer in time",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{})
			b.AWS.Inject(awsstandin.Fault{Action: "LookupEvents", Times: -1, Code: code, Hang: code == ""})
			card := b.Ask()
			b.Until("the card says why", func() bool { return strings.Contains(card.Message().Text, why) })
			if text := card.Message().Text; !strings.Contains(text, "*Who uses it now:* not known.") || !card.HasButtons() {
				t.Errorf("the card says %s", text)
			}
		})
	}
}

func TestOnlyARequestThatCanHurtItsUsersIsSurveyed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.AskFor(actors.Rosa, "drill prod/DeployRole")
		b.Settle()
		if n := len(b.AWS.Calls("LookupEvents")); n != 0 || strings.Contains(card.Message().Text, "Who uses it") {
			t.Errorf("CloudTrail was asked %d times: %s", n, card.Message().Text)
		}
	})
}

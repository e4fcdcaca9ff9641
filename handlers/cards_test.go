package handlers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// crowded is a bench in which three members have asked for so many roles each.
func crowded(t *testing.T, each int) *bench.Bench {
	t.Helper()
	b := bench.New(t, bench.Options{Approvers: []string{actors.Bob, actors.Rosa, actors.Ines}})
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},` +
		`"Action":"sts:AssumeRole"}]}`
	for n := range each {
		for _, who := range []string{actors.Bob, actors.Ines, actors.Nils} {
			name := fmt.Sprintf("Role%s%02d", who, n)
			if _, err := b.World.Prod.NewRole(awsstandin.RoleSpec{Name: name, Trust: trust}); err != nil {
				t.Fatal(err)
			}
			b.Command(who, "prod/"+name)
		}
	}
	return b
}

// cardAfter is how long it takes until the card of Rosa's request is there.
func cardAfter(b *bench.Bench) time.Duration {
	started := time.Now()
	b.Command(actors.Rosa, "prod/"+actors.DeployRole)
	for time.Since(started) < 2*time.Minute {
		time.Sleep(500 * time.Millisecond)
		if slices.ContainsFunc(b.Slack.Messages(actors.Incident), func(m slack.Message) bool {
			return strings.Contains(m.Text, "Requested by <@"+actors.Rosa+">")
		}) {
			return time.Since(started)
		}
	}
	return time.Since(started)
}

func TestManyRequestsOfOthersDoNotDelayTheCardOfAResponder(t *testing.T) { // C4
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := crowded(t, 14)
		if took := cardAfter(b); took > 12*time.Second {
			t.Errorf("the card came after %v", took)
		}
		b.Until("every request has its card", func() bool { return len(b.Cards()) == 3*14+1 })
	})
}

func TestRequestsThatAreOpenedAndCancelledDoNotDelayTheCardOfAResponder(t *testing.T) { // C4
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := crowded(t, 1)
		for range 10 {
			time.Sleep(time.Second)
			for _, card := range b.Cards() {
				if r := card.Request(); !r.State.Ended() {
					card.PressLate(r.Requester, messages.ActionCancel)
					b.Command(r.Requester, "prod/Role"+r.Requester+"00")
				}
			}
		}
		if took := cardAfter(b); took > 4*time.Second {
			t.Errorf("the card came after %v", took)
		}
	})
}

func TestManyMessagesInThreadsDoNotDelayACard(t *testing.T) { // C4
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := crowded(t, 9)
		b.Until("every request has its card", func() bool { return len(b.Cards()) == 3*9 })
		time.Sleep(15*time.Minute - time.Since(b.Cards()[0].Request().Opened)) // they expire, and each thread says so
		time.Sleep(time.Second)
		if took := cardAfter(b); took > 4*time.Second {
			t.Errorf("the card came after %v", took)
		}
	})
}

package handlers_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// Rule 6, at scale: two replicas, fifty requests, each approved by several people at once,
// every envelope sent twice and each to whichever connection comes next.
func TestTwoReplicasAndFiftyRequestsAreOneRevocationEach(t *testing.T) {
	t.Parallel()
	const requests, people = 50, 20
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Replicas: 2, ExpireAfter: 12 * time.Hour, Approvers: []string{"S0MANY"}})
		channel := b.Slack.Channels()[0]
		var asking, approving []string
		for i := range people {
			asking, approving = append(asking, fmt.Sprintf("U0ASK%02d", i)), append(approving, fmt.Sprintf("U0YES%02d", i))
		}
		for _, id := range slices.Concat(asking, approving) {
			b.Slack.PutUser(slack.User{ID: id, Name: id, RealName: id})
			channel.Members = append(channel.Members, id)
		}
		b.Slack.PutChannel(channel)
		b.Slack.PutGroup(slack.Group{ID: "S0MANY", Handle: "many", Name: "Many", Members: approving})
		trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},` +
			`"Action":"sts:AssumeRole"}]}`
		var commands sync.WaitGroup
		for i := range requests {
			name := fmt.Sprintf("Role%03d", i)
			if _, err := b.World.Prod.NewRole(awsstandin.RoleSpec{Name: name, Trust: trust}); err != nil {
				t.Fatal(err)
			}
			commands.Go(func() { twice(b, b.Command(asking[i%people], "prod/"+name)) })
			time.Sleep(1100 * time.Millisecond) // a channel takes sixty a minute
		}
		commands.Wait()
		waitLong(t, "all cards are there", func() bool { return len(b.Cards()) >= requests }, b.Log.String)

		var clicks sync.WaitGroup
		for i, card := range b.Cards() {
			for n := range 3 {
				clicks.Go(func() { twice(b, card.PressLate(approving[(i+n)%people], messages.ActionApprove)) })
			}
			time.Sleep(20 * time.Millisecond) // all of them in one moment are more than is taken
		}
		clicks.Wait()
		waitLong(t, "all are applied", func() bool {
			for _, card := range b.Cards() {
				if card.State() != approvals.StateApplied {
					return false
				}
			}
			return true
		}, func() string {
			var open strings.Builder
			for _, card := range b.Cards() {
				if card.State() != approvals.StateApplied {
					fmt.Fprintf(&open, "%s %s: %v\n", card.ID, card.State(), card.Thread())
				}
			}
			return open.String()
		})
		writes := map[string]int{}
		for _, put := range b.AWS.Calls("PutRolePolicy") {
			writes[put.Params["RoleName"]]++
		}
		if len(b.Cards()) != requests || len(writes) != requests {
			t.Errorf("%d cards, %d roles written to", len(b.Cards()), len(writes))
		}
		for role, n := range writes {
			if n != 1 {
				t.Errorf("%s was written %d times", role, n)
			}
		}
		for _, card := range b.Cards() {
			if n := len(card.Request().Votes); n != 1 {
				t.Errorf("%s has %d votes", card.ID, n)
			}
		}
	})
}

// twice delivers an envelope once more.
func twice(b *bench.Bench, d slack.Delivery) {
	if again, err := b.Slack.Redeliver(b.T.Context(), d.EnvelopeID); err != nil || !again.Acked {
		b.T.Errorf("redelivery: %+v, %v", again, err)
	}
}

// waitLong waits hours of fake time: Slack takes about one message a second in a channel.
func waitLong(t *testing.T, what string, is func() bool, why func() string) {
	t.Helper()
	for range 720 {
		if is() {
			return
		}
		time.Sleep(10 * time.Second)
	}
	t.Fatalf("waited two hours in vain until %s\n%s", what, why())
}

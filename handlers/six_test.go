package handlers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// read is what a person reads of a thread: the bot's messages, and their words. The choices of a
// menu and the labels of buttons are not read.
func read(t *testing.T, b *bench.Bench, card bench.Card) (all []slack.Message, words int) {
	t.Helper()
	var text func(node any) string
	text = func(node any) (out string) {
		switch n := node.(type) {
		case []any:
			for _, child := range n {
				out += " " + text(child)
			}
		case map[string]any:
			for key, child := range n {
				if s, ok := child.(string); ok && key == "text" {
					out += " " + s
				} else if key != "options" && key != "elements" || n["type"] == "context" {
					out += " " + text(child)
				}
			}
		}
		return out
	}
	for _, m := range b.Slack.Messages(actors.Incident) {
		if m.ThreadTS != card.TS || m.Ephemeral {
			continue
		}
		said := m.Text
		if len(m.Blocks) > 0 {
			var blocks any
			if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
				t.Fatal(err)
			}
			said = text(blocks)
		}
		all, words = append(all, m), words+len(strings.Fields(said))
	}
	return all, words
}

// theft is the sandbox's story on fake time: a day lies behind the role, the attacker and the job
// go on calling, and the settings are the program's own.
func theft(t *testing.T, fights bool) (*bench.Bench, bench.Card) {
	t.Helper()
	b := bench.New(t, bench.Options{
		FollowUps: []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute}, // as in the settings
		Guard: []time.Duration{
			5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		},
		TrailDelay: 20 * time.Second, Propagation: 2 * time.Second,
	})
	loot, err := actors.SeedLife(t.Context(), b.AWS, b.World)
	if err != nil {
		t.Fatal(err)
	}
	sdk := b.SDK(b.World.CI)
	rival := b.World.Rival
	cast := actors.New(actors.Config{
		HTTPClient: sdk.HTTPClient.(*http.Client), Endpoint: *sdk.BaseEndpoint, RoleARN: b.World.Role, Key: b.World.Key(),
		Rival: awssdk.Credentials{AccessKeyID: rival.AccessKeyID, SecretAccessKey: rival.SecretAccessKey},
		Loot:  &loot, Interval: 10 * time.Second,
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- cast.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	time.Sleep(30 * time.Second)
	card := b.Ask()
	card.Approve(actors.Nils) // who may not
	card.Approve(actors.Bob)
	card.Becomes(approvals.StateApplied)
	if fights {
		cast.FightBack(true)
		time.Sleep(5 * time.Minute)
		cast.FightBack(false)
	}
	for count(card, approvals.EventVerdict) == 0 || last(card).Next.After(time.Now()) {
		time.Sleep(time.Minute)
	}
	b.Settle()
	card.CaughtUp()
	return b, card
}

// last is the latest verdict.
func last(card bench.Card) (c record.Conclusion) {
	for _, e := range card.Events() {
		if v := record.Known[record.Conclusion](e); e.Type == approvals.EventVerdict && v != nil {
			c = *v
		}
	}
	return c
}

func TestTheThreadOfTheStoryHasSixMessagesAndUnderSixHundredWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, card := theft(t, false)
		all, words := read(t, b, card)
		if t.Logf("%d messages, %d words", len(all), words); len(all) > 6 || words >= 600 {
			t.Errorf("it is too much:\n%s", b.Transcript())
		}
	})
}

func TestTheThreadOfAnAttackerWhoFightsBackHasEightMessagesAndUnderNineHundredWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, card := theft(t, true)
		all, words := read(t, b, card)
		if t.Logf("%d messages, %d words", len(all), words); len(all) > 8 || words >= 900 {
			t.Errorf("it is too much:\n%s", b.Transcript())
		}
	})
}

// What needs a person is in one message that mentions people, before the next check.
func TestWhatTheFirstCheckFindsIsMentionedWithinThatCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{FollowUps: []time.Duration{5 * time.Minute}})
		client := iam.NewFromConfig(from(b.Bench, thiefAddress, b.key))
		user := "svc-monitoring"
		if _, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &user}); err != nil {
			t.Fatal(err)
		}
		key, err := client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &user})
		if err != nil {
			t.Fatal(err)
		}
		card := b.revoked()
		checked(b.Bench, card)
		m := message(b.Bench, card, "*Act now:*")
		for _, want := range []string{
			"<@U0ROSA> and <@U0BOB> *Act now:*",
			"`prod/DataRole` was assumed from session `deploy-stolen`",
			"`aws iam attach-user-policy --user-name svc-monitoring --policy-arn arn:aws:iam::aws:policy/AWSDenyAll`",
			"`/revoke-sessions " + *key.AccessKey.AccessKeyId + "`",
		} {
			if !strings.Contains(m.Text, want) {
				t.Errorf("it does not say %s:\n%s", want, m.Text)
			}
		}
		if !strings.Contains(string(m.Blocks), `"`+messages.ActionChain+`"`) {
			t.Errorf("there is no button for the role: %s", m.Blocks)
		}
		if n := count(card, approvals.EventActivity); n != 1 {
			t.Errorf("it took %d checks", n)
		}
		// What is revoked by then is marked at the next check, which brings no other message.
		press(b.Bench, actors.Rosa, m.TS, messages.ActionChain, "")
		b.Until("a card appears", func() bool { return len(b.Cards()) == 2 })
		b.Cards()[1].Approve(actors.Bob)
		b.Cards()[1].Becomes(approvals.StateApplied)
		time.Sleep(6 * time.Minute)
		card.CaughtUp()
		if told(card, "*Revoked.* `prod/DataRole`") != 1 || told(card, "found by a later check") != 0 {
			t.Errorf("it is not marked:\n%s", b.Transcript())
		}
	})
}

package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestChannelsThatAreSharedWithAnotherOrganisationAreRefusedUnlessAllowed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*slack.Channel)
		fault  slack.Fault
		answer string // "" when there is a card
	}{
		"shared": {
			func(c *slack.Channel) { c.Shared = true }, slack.Fault{}, "shared with another organisation",
		},
		"about to be": {
			func(c *slack.Channel) { c.Invited = true }, slack.Fault{}, "shared with another organisation",
		},
		"shared within the organisation": {func(c *slack.Channel) { c.OrgShared = true }, slack.Fault{}, ""},
		"shared within the organisation and with another": {
			func(c *slack.Channel) { c.OrgShared, c.Shared = true, true }, slack.Fault{}, "shared with another organisation",
		},
		"not shared": {func(*slack.Channel) {}, slack.Fault{}, ""},
		"Slack does not answer": {
			func(*slack.Channel) {}, slack.Fault{Method: "conversations.info", HTTPStatus: 503}, "Slack didn't answer",
		},
		"the app may not look": {
			func(*slack.Channel) {}, slack.Fault{Method: "conversations.info", Error: "missing_scope"}, "install the app again",
		},
		"a private one the bot is not in": {
			func(c *slack.Channel) { c.Private, c.BotMember = true, false }, slack.Fault{}, "Invite the bot",
		},
		"the connection breaks": {
			func(*slack.Channel) {}, slack.Fault{Method: "conversations.info", DropBefore: true}, "Slack didn't answer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				incident(b, c.change)
				if c.fault.Method != "" {
					b.Slack.Inject(c.fault)
				}
				for _, text := range []string{"prod/DeployRole leaked", "undo prod/DeployRole"} {
					b.Command(actors.Rosa, text)
				}
				b.Settle()
				if n := len(b.Cards()); (n == 1) != (c.answer == "") {
					t.Errorf("%d cards\n%s", n, b.Transcript())
				}
				if c.answer == "" {
					return
				}
				told := b.Whispers(actors.Rosa)
				if len(told) != 2 {
					t.Fatalf("told: %q", told)
				}
				for _, one := range told {
					if !strings.HasPrefix(one, "Nothing was requested: ") || !strings.Contains(one, c.answer) {
						t.Errorf("told: %s", one)
					}
				}
			})
		})
	}
}

func TestWhereASharedChannelIsAllowedTheCardSaysSoAndExternalPeopleAreShutOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const them = "U0THEM"
		b := bench.New(t, bench.Options{AllowShared: true, Approvers: []string{actors.Group, them}})
		b.Slack.PutUser(slack.User{ID: them, Name: "them", TeamID: "T0OTHER"})
		incident(b, func(c *slack.Channel) { c.Shared = true; c.Members = append(c.Members, them) })
		b.Command(them, "staging/DeployRole")
		b.Whispered(them, "Nothing was done")
		card := b.Ask()
		if m := card.Message(); !strings.Contains(m.Text, "shared with another organisation") ||
			!strings.Contains(string(m.Blocks), "shared with another organisation") {
			t.Errorf("the card: %s", m.Text)
		}
		card.Approve(them)
		b.Whispered(them, "not counted")
		if card.State() != approvals.StateOpen {
			t.Fatalf("it is %s", card.State())
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Command(actors.Rosa, "undo prod/DeployRole "+messages.ReviveWords)
		b.Until("the card of the undo appears", func() bool { return len(b.Cards()) == 2 })
		if m := b.Cards()[1].Message(); !strings.Contains(m.Text, "shared with another organisation") ||
			!strings.Contains(string(m.Blocks), "shared with another organisation") {
			t.Errorf("the card of the undo: %s", m.Text)
		}
	})
}

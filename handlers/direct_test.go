package handlers_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// direct is what the bot told somebody in the conversation that only they and the bot are in.
func direct(b *bench.Bench, user string) []string {
	var texts []string
	for _, c := range b.Slack.Channels() {
		if c.DM && slices.Contains(c.Members, user) {
			for _, m := range b.Slack.Messages(c.ID) {
				texts = append(texts, m.Text)
			}
		}
	}
	return texts
}

// incident puts the incident channel anew.
func incident(b *bench.Bench, change func(*slack.Channel)) {
	for _, c := range b.Slack.Channels() {
		if c.ID == actors.Incident {
			change(&c)
			b.Slack.PutChannel(c)
		}
	}
}

func leave(users ...string) func(*slack.Channel) {
	return func(c *slack.Channel) {
		c.Members = slices.DeleteFunc(c.Members, func(m string) bool { return slices.Contains(users, m) })
	}
}

func TestOnlyApproversWhoAreNotInTheChannelAreToldDirectlyAndOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Replicas: 2, Approvers: []string{actors.Group, actors.Gina, actors.Rosa, "U0NOBODY"}})
		incident(b, leave(actors.Ines, actors.Gina, actors.Rosa))
		incident(b, func(c *slack.Channel) { c.Members = append(c.Members, actors.Rosa) })
		card := b.Ask()
		b.Until("Ines is told", func() bool { return len(direct(b, actors.Ines)) > 0 })
		// The same item once more, as after a crash.
		if err := b.Queue(approvals.Item{Kind: deliver.KindCallOut, Request: card.ID, Source: "call out"},
			"again"); err != nil {
			t.Fatal(err)
		}
		b.Settle()
		told := direct(b, actors.Ines)
		if len(told) != 1 || !strings.Contains(told[0],
			"/archives/"+actors.Incident+"/p"+strings.ReplaceAll(card.TS, ".", "")+"|its card>") {
			t.Errorf("Ines was told: %q", told)
		}
		for _, user := range []string{actors.Bob, actors.Rosa, actors.Gina, actors.Nils} {
			if told := direct(b, user); len(told) > 0 {
				t.Errorf("%s was told: %q", user, told)
			}
		}
		if card.CaughtUp(); card.Says("direct message") {
			t.Errorf("the thread speaks of it\n%s", b.Transcript())
		}
	})
}

func TestWhereNoApproverCanHaveHeardOfARequestTheThreadSaysSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault slack.Fault
		says  bool
	}{
		"the messages are refused": {slack.Fault{Method: "conversations.open", Error: "user_disabled"}, true},
		"the messages are refused in passing": {
			slack.Fault{Method: "conversations.open", HTTPStatus: 503, Times: 3}, false,
		},
		"it is not known whether they were taken": {
			slack.Fault{Method: "chat.postMessage", ChannelID: "D0INES", DropAfter: true, Times: 1}, false,
		},
		"it is not known who is in the channel": {
			slack.Fault{Method: "conversations.members", Error: "missing_scope"}, false,
		},
		"one of them gets a DM": {slack.Fault{Method: "conversations.open", Error: "user_disabled", Times: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				incident(b, leave(actors.Bob, actors.Ines))
				b.Slack.Inject(c.fault)
				card := b.Ask()
				time.Sleep(time.Minute)
				card.CaughtUp()
				if card.Says("*No approver is in this channel*") != c.says {
					t.Errorf("the thread says so: %v, want %v\n%s", !c.says, c.says, b.Transcript())
				}
				if n := len(direct(b, actors.Bob)) + len(direct(b, actors.Ines)); n > 2 {
					t.Errorf("%d direct messages", n)
				}
			})
		})
	}
}

func TestTheOutcomeIsToldDirectlyAndOnceWhenTheChannelRefusesTheBot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*slack.Channel)
		code   string
	}{
		"archived":           {func(c *slack.Channel) { c.Archived = true }, "is_archived"},
		"the bot is removed": {func(c *slack.Channel) { c.BotMember = false }, "not_in_channel"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{FollowUps: []time.Duration{75 * time.Second}})
				card := b.Ask()
				card.CaughtUp()
				b.Slack.Inject(slack.Fault{Method: "users.info", Delay: time.Second, Times: 1})
				card.Approve(actors.Bob)
				incident(b, c.change) // while it is looked up who Bob is
				b.Until("it is applied", func() bool { return card.State() == approvals.StateApplied })
				time.Sleep(30 * time.Second)
				if told := direct(b, actors.Rosa); len(told) > 0 {
					t.Errorf("told too early: %q", told)
				}
				if h := b.Health(0); !h.Ready || len(h.Channels) != 1 || h.Channels[0].Channel != actors.Incident ||
					h.Channels[0].Code != c.code {
					t.Errorf("health: %+v", h)
				}
				time.Sleep(time.Minute)
				for _, user := range []string{actors.Rosa, actors.Bob} {
					if told := direct(b, user); len(told) != 1 || !strings.HasPrefix(told[0], "Revoked: ") ||
						!strings.Contains(told[0], card.ID) {
						t.Errorf("%s was told: %q", user, told)
					}
				}
				if told := direct(b, actors.Ines); len(told) > 0 {
					t.Errorf("Ines was told: %q", told)
				}
				incident(b, func(c *slack.Channel) { c.Archived, c.BotMember = false, true })
				card.CaughtUp()
				if !card.Says("*Revoked:*") || !card.Says("Slack refused this channel for a minute (`"+c.code+"`)") ||
					len(b.Health(0).Channels) != 0 {
					t.Errorf("health %+v\n%s", b.Health(0), b.Transcript())
				}
			})
		})
	}
}

func TestARequestThatExpiresInAnArchivedChannelIsToldToWhoeverAskedForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{ExpireAfter: time.Minute})
		card := b.Ask()
		card.CaughtUp()
		incident(b, func(c *slack.Channel) { c.Archived = true })
		b.Slack.Inject(slack.Fault{Method: "conversations.open", HTTPStatus: 503, Times: 2})
		b.Until("it has expired", func() bool { return card.State() == approvals.StateExpired })
		b.Until("Rosa is told", func() bool { return len(direct(b, actors.Rosa)) > 0 })
		if told := direct(b, actors.Rosa); len(told) != 1 || !strings.HasPrefix(told[0], "Expired: ") {
			t.Errorf("told: %q", told)
		}
	})
}

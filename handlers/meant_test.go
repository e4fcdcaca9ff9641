package handlers_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// answered is the private answer to a command, and the text of the command behind each button.
func answered(b *bench.Bench, user, text string) (m slack.Message, offered []string) {
	b.T.Helper()
	whispers := func() (all []slack.Message) {
		for _, m := range b.Slack.Messages(actors.Incident) {
			if m.Ephemeral && m.VisibleTo == user {
				all = append(all, m)
			}
		}
		return all
	}
	before := len(whispers())
	b.Command(user, text)
	b.Until(text+" is answered", func() bool { return len(whispers()) > before })
	m = whispers()[before]
	var blocks []struct {
		Elements []struct {
			ActionID string `json:"action_id"`
			Value    string `json:"value"`
		} `json:"elements"`
	}
	if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
		b.T.Fatal(err)
	}
	for _, block := range blocks {
		for _, e := range block.Elements {
			if e.ActionID == messages.ActionMeant {
				offered = append(offered, e.Value)
			}
		}
	}
	return m, offered
}

func TestAMistypedRoleIsOfferedRightWithTheReasonKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		for _, c := range []struct {
			text, says string
			offered    []string
		}{
			{
				"prod/deployrole  key pasted\nin a gist", "No role `deployrole` in prod. Did you mean `DeployRole`?",
				[]string{"prod/DeployRole key pasted\nin a gist"},
			},
			{"prod/DeplyoRole", "Did you mean `DeployRole`?", []string{"prod/DeployRole"}},
			{"prod/backup why", "Did you mean `NightlyBackup`?", []string{"prod/NightlyBackup why"}},
			{"Drill REVOKE prod/DeployRol why", "DRILL: ", []string{"Drill REVOKE prod/DeployRole why"}},
			{"undo prod/DeployRole1 why", "Did you mean `DeployRole`?", []string{"undo prod/DeployRole why"}},
			{"prod/Nobody why", "No role `Nobody` in prod. Check its spelling and the account.", nil},
			{
				"DeployRole why", "Which `DeployRole` do you mean: `prod/DeployRole` or `staging/DeployRole`?",
				[]string{"prod/DeployRole why", "staging/DeployRole why"},
			},
			{"NightlyBackup why", "`prod/NightlyBackup`?", []string{"prod/NightlyBackup why"}},
			{"nightlybackups", "No role `nightlybackups`. Did you mean `prod/NightlyBackup`?", []string{"prod/NightlyBackup"}},
			{"Nobody", "`prod/Nobody` or `staging/Nobody`?", []string{"prod/Nobody", "staging/Nobody"}},
		} {
			m, offered := answered(b, actors.Rosa, c.text)
			if !strings.Contains(m.Text, c.says) || !slices.Equal(offered, c.offered) {
				t.Errorf("%q is answered by %q, offering %q", c.text, m.Text, offered)
			}
			time.Sleep(10 * time.Second)
		}
		if len(b.Cards()) != 0 {
			t.Fatal("a card was posted")
		}
	})
}

func TestTheButtonForTheRoleThatWasMeantIsACommandOfWhoPressesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		press := func(user, value string) {
			b.T.Helper()
			m, offered := answered(b, user, "prod/deployrole key pasted in a gist")
			if len(offered) != 1 {
				t.Fatalf("%q", m.Text)
			}
			click := slack.Click{
				ChannelID: actors.Incident, MessageTS: m.TS, BlockID: "meant 0",
				ActionID: messages.ActionMeant, Value: offered[0],
			}
			if value != "" {
				click.Value = value
			}
			if _, err := b.Slack.Click(t.Context(), user, click); err != nil {
				t.Fatal(err)
			}
			b.Settle()
		}
		// A made-up value is read, and allowed, as if it were typed.
		for value, told := range map[string]string{
			"prod/revokebot-spoke why": "revokebot", "prod/Nobody": "No role `Nobody`", "help": "alone opens a form",
		} {
			press(actors.Rosa, value)
			b.Whispered(actors.Rosa, told)
		}
		press(actors.Rosa, "")
		b.Until("a card appears", func() bool { return len(b.Cards()) == 1 })
		if r := b.Cards()[0].Request(); r.Requester != actors.Rosa || r.Reason != "key pasted in a gist" {
			t.Errorf("the request is %+v", r)
		}
	})
}

func TestNamesOfRolesAreToldOnlyToThoseWhoMayAskThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Requesters: []string{actors.Bob}})
		for _, text := range []string{"prod/deployrole why", "DeployRole why", "nightlybackup", "undo prod/deployrole"} {
			m, offered := answered(b, actors.Rosa, text)
			if len(offered) > 0 || strings.Contains(m.Text, "DeployRole`") || strings.Contains(m.Text, "NightlyBackup") {
				t.Errorf("%q is answered by %q, offering %q", text, m.Text, offered)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

func TestHelpIsGivenInEveryChannelAndSaysWhereToAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Slack.PutChannel(slack.Channel{ID: "D0ROSA", DM: true, Members: []string{actors.Rosa}})
		for _, channel := range []string{actors.General, "D0ROSA", actors.Incident} {
			for _, text := range []string{"help", "HELP", "--help", "-h", "Help me"} {
				before := len(b.Slack.Messages(channel))
				b.CommandIn(actors.Rosa, channel, text)
				b.Until(text+" is answered", func() bool { return len(b.Slack.Messages(channel)) > before })
				answer := b.Slack.Messages(channel)[before].Text
				where := strings.Contains(answer, "Requests can be made in <#"+actors.Incident+"> only")
				if where == (channel == actors.Incident) || !strings.Contains(answer, "alone opens a form") {
					t.Errorf("%s in %s is answered by %q", text, channel, answer)
				}
				time.Sleep(10 * time.Second)
			}
		}
	})
}

package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/bot"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// newcomer is a revocation after which a user opens a session who never had one before. It returns
// the message with the button, and the button's value.
func newcomer(t *testing.T, o bench.Options) (b *bench.Bench, card bench.Card, message slack.Message, value string) {
	t.Helper()
	o.FollowUps = []time.Duration{3 * time.Minute, 4 * time.Minute, 7 * time.Minute}
	b = bench.New(t, o)
	b.Session("deploy-41")
	card = applied(b)
	time.Sleep(2 * time.Minute)
	role, _ := b.World.Prod.Role(actors.DeployRole)
	if err := b.World.Prod.RecordEvent("us-east-1", map[string]any{
		"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "sourceIPAddress": "198.51.100.71",
		"userIdentity": map[string]any{
			"type": "IAMUser", "principalId": "AIDAMALLORY000000000", "userName": "mallory", "accountId": actors.ProdID,
			"arn": "arn:aws:iam::" + actors.ProdID + ":user/mallory", "accessKeyId": "AKIAMALLORY000000000",
		},
		"requestParameters": map[string]any{"roleArn": role.ARN, "roleSessionName": "mallory"},
		"responseElements":  map[string]any{"credentials": map[string]any{"accessKeyId": "ASIAMALLORY000000001"}},
		"resources":         []any{map[string]any{"type": "AWS::IAM::Role", "ARN": role.ARN}},
	}); err != nil {
		t.Fatal(err)
	}
	b.Until("the thread has the button", func() bool {
		for _, m := range b.Slack.Messages(actors.Incident) {
			if m.ThreadTS == card.TS && strings.Contains(string(m.Blocks), `"`+messages.ActionOurs+`"`) {
				message = m
			}
		}
		return message.TS != ""
	})
	for _, s := range record.Gather(card.Events()).Sessions {
		if s.SessionName == "mallory" {
			value = messages.ValueOf(card.ID, s.CallerMark())
		}
	}
	return b, card, message, value
}

func TestAPersonWhoMayRequestCallsACallerTheirsAndTheVerdictIsGivenAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, card, m, _ := newcomer(t, bench.Options{})
		time.Sleep(4 * time.Minute)
		b.Until("there is a verdict", func() bool { return len(verdicts(card)) == 1 })
		if !card.Says("first seen after the cutoff, has a session since") {
			t.Errorf("it does not ask\n%s", b.Transcript())
		}
		press(b, actors.Nils, m.TS, messages.ActionOurs, "")
		b.Whispered(actors.Nils, "`user mallory` counts as known: <@U0NILS> said")
		pressed := time.Now()
		b.Until("the verdict is given anew", func() bool { return len(verdicts(card)) == 2 })
		if took := time.Since(pressed); took > time.Minute {
			t.Errorf("it took %v", took)
		}
		card.CaughtUp()
		last := record.Gather(card.Events()).Verdict
		for _, why := range last.Why {
			if strings.Contains(why, "mallory") {
				t.Errorf("the verdict still says %q", why)
			}
		}
		for _, want := range []string{"<@U0NILS> said so at", "*Called ours:* `user mallory` (<@U0NILS>"} {
			if !card.Says(want) {
				t.Errorf("the thread does not say %q\n%s", want, b.Transcript())
			}
		}
		// one who sees the button still
		if _, err := b.Slack.Click(t.Context(), actors.Rosa, slack.Click{
			ChannelID: actors.Incident, MessageTS: m.TS, ActionID: messages.ActionOurs,
			Value: messages.ValueOf(card.ID, record.Gather(card.Events()).Sessions[0].CallerMark()),
		}); err != nil {
			t.Fatal(err)
		}
		b.Whispered(actors.Rosa, "counts as known: <@U0NILS> said")
		if n := count(card, approvals.EventVouched); n != 1 {
			t.Errorf("it is in the log %d times", n)
		}
	})
}

func TestACallerIsCalledTheirsByNobodyWhoMayNotRequestAndByNoOtherButton(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, card, m, value := newcomer(t, bench.Options{AllowShared: true, Bot: func(c *bot.Config) {
			c.Handlers.Requesters = []string{actors.Rosa, actors.Gina, odd}
		}})
		becomes(b, slack.User{TeamID: "T0OTHER", Stranger: true})
		incident(b, func(c *slack.Channel) { c.Members = append(c.Members, odd) })
		other := b.AskFor(actors.Rosa, "prod/NightlyBackup")
		_, mark := messages.PartsOf(value)
		var known, session string
		for _, s := range record.Gather(card.Events()).Sessions {
			if s.SessionName == "deploy-41" {
				known = s.CallerMark()
			} else if s.SessionName == "mallory" {
				session = s.Mark()
			}
		}
		refused := 0
		click := func(user, value string, as slack.Click) {
			t.Helper()
			as.ChannelID, as.MessageTS, as.ActionID, as.Value = actors.Incident, m.TS, messages.ActionOurs, value
			if _, err := b.Slack.Click(t.Context(), user, as); err != nil {
				t.Fatal(err)
			}
			refused++
			b.Until("it is refused", func() bool {
				n, err := b.DB.XLen(t.Context(), "{revokebot}:notes").Result()
				return err == nil && int(n) == refused
			})
		}
		for _, user := range []string{actors.Nils, actors.Gina, odd} {
			click(user, value, slack.Click{})
		}
		b.Whispered(actors.Nils, "you are not on the list of people who may ask revokebot")
		b.Whispered(actors.Gina, "revokebot is for full members")
		for _, forged := range []string{
			"x", card.ID, card.ID + "/", card.ID + "/0123456789abcdef", "nothing/" + mark, messages.ValueOf(other.ID, mark),
			messages.ValueOf(card.ID, known), messages.ValueOf(card.ID, session),
		} {
			click(actors.Rosa, forged, slack.Click{})
		}
		click(actors.Rosa, value, slack.Click{AsChannelID: "C0ELSEWHERE"})
		b.Settle()
		if n := count(card, approvals.EventVouched); n != 0 {
			t.Errorf("%d were believed\n%s", n, b.Transcript())
		}
		if err := b.Store.Commit(t.Context(), approvals.Transition{
			RequestID: card.ID, Expect: approvals.AppendOnly, Events: []approvals.Event{{
				Type: approvals.EventUndone, Source: "undone",
				Detail: []byte(`{"request":"4DLARAV3ISOEUUODW4FIG5ZZZZ","requester":"U0ROSA","approvers":["U0BOB"]}`),
			}},
		}); err != nil {
			t.Fatal(err)
		}
		click(actors.Rosa, value, slack.Click{})
		if n := count(card, approvals.EventVouched); n != 0 {
			t.Errorf("of what was undone %d were believed", n)
		}
	})
}

// While the last check reads the role, what the judgement knows is read already.
func TestACallerWhoIsCalledTheirsWhileTheVerdictIsMadeIsInTheNextOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, card, m, _ := newcomer(t, bench.Options{})
		b.Until("the check before the last is done", func() bool { return card.Request().Has("activity evidence 2") })
		b.AWS.Inject(awsstandin.Fault{Action: "GetRolePolicy", Delay: 20 * time.Second, Times: 1})
		time.Sleep(2 * time.Minute)
		b.Until("the last check is about to judge", func() bool { return card.Request().Has("activity evidence 3") })
		time.Sleep(time.Second)
		press(b, actors.Nils, m.TS, messages.ActionOurs, "")
		b.Whispered(actors.Nils, "counts as known")
		if len(verdicts(card)) != 0 {
			t.Fatal("the verdict was there before")
		}
		b.Until("the verdict is given anew", func() bool { return len(verdicts(card)) == 2 })
		for _, why := range record.Gather(card.Events()).Verdict.Why {
			if strings.Contains(why, "mallory") {
				t.Errorf("the verdict still says %q", why)
			}
		}
	})
}

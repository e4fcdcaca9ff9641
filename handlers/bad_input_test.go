package handlers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// Every wrong thing that people type gets one sentence that only they see, and nothing is asked of
// anybody.
func TestEveryBadCommandGetsItsOwnSentence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		for _, c := range []struct{ name, text, told string }{
			{"a role that does not exist", "prod/Nobody why", "No role `Nobody` in prod"},
			{"two accounts and none named", "DeployRole why", "prod/DeployRole"},
			{"an unknown account", "prodd/DeployRole", "prodd"},
			{"an ARN of another service", "arn:aws:s3:::bucket", "role"},
			{"the ARN of a user that does not exist", "arn:aws:iam::111122223333:user/alice", "No such user"},
			{"another partition", "arn:aws-cn:iam::111122223333:role/DeployRole", "partition"},
			{"an account that is not configured", "arn:aws:iam::999999999999:role/DeployRole", "999999999999"},
			{"control characters", "prod/Deploy\x07Role", "prod"},
			{"look-alike letters", "prod/DеployRole", "prod"}, // a Cyrillic е
			{"quotes", `prod/"DeployRole"`, "is in no role name"},
			{"a ping", "<!channel>", "role"},
			{"back-ticks", "`DeployRole`", "role"},
			{"a reason of 10,000 characters", "prod/DeployRole " + strings.Repeat("x", 10000), "10000 characters"},
			{"a drill of nothing", "drill", "Name the role, as in `/revoke-sessions drill "},
		} {
			before := len(b.Whispers(actors.Rosa))
			b.Command(actors.Rosa, c.text)
			b.Until(c.name+" is answered", func() bool { return len(b.Whispers(actors.Rosa)) > before })
			answer := b.Whispers(actors.Rosa)[before]
			if !strings.Contains(answer, c.told) {
				t.Errorf("%s: %q does not say %q", c.name, answer, c.told)
			}
			if strings.Contains(answer, "<!channel>") {
				t.Errorf("%s: the answer pings: %s", c.name, answer)
			}
			time.Sleep(10 * time.Second) // sixteen in a minute would be a flood
		}
		b.Settle()
		if len(b.Cards()) != 0 || b.Puts() != 0 {
			t.Errorf("%d cards, %d writes", len(b.Cards()), b.Puts())
		}
	})
}

func TestNoWayOfWritingARoleKeepsItFromBeingAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		const console = "https://us-east-1.console.aws.amazon.com/iam/home?region=us-east-1#/roles/details/DeployRole"
		for i, text := range []string{
			"prod/DeployRole\u3000key pasted", "prod/DeployRole\u2003key pasted", "\u202fprod/DeployRole\u202fkey pasted",
			"prod/DeployRole\u0085key pasted", "\u2028prod/DeployRole\u1680key pasted", "prod/DeployRole. key pasted",
			"PROD/DeployRole, key pasted", "111122223333/DeployRole key pasted", "prod/" + console + " key pasted",
			"https://111122223333-x1.us-east-1.console.aws.amazon.com/iam/home#/roles/DeployRole key pasted",
		} {
			card := b.AskFor(actors.Rosa, text)
			if r := card.Request(); r.Reason != "key pasted" || r.Subject.Group != "prod" ||
				!strings.Contains(card.Message().Text, "prod/DeployRole") {
				t.Errorf("%q: %+v", text, r)
			}
			card.Press(actors.Rosa, messages.ActionCancel)
			card.Becomes(approvals.StateCancelled)
			time.Sleep(time.Duration(i) * 10 * time.Second) // many in a minute would be a flood
		}
	})
}

func TestNoWordIsTakenForARoleForItsCapitals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		for _, c := range []struct{ lower, upper string }{
			{"help", "HELP"},
			{"status", "Status\u3000"},
			{"undo", "UNDO"},
			{"drill", "DRILL"},
			{"report", "\u2003Report"},
			{"undo prod/Nobody", "Undo\u00a0prod/Nobody"},
			{"drill prod/Nobody why", "dRILL\u202fprod/Nobody\u3000why"},
		} {
			var answers []string
			for _, text := range []string{c.lower, c.upper} {
				before := len(b.Whispers(actors.Rosa))
				b.Command(actors.Rosa, text)
				b.Until(text+" is answered", func() bool { return len(b.Whispers(actors.Rosa)) > before })
				answers = append(answers, b.Whispers(actors.Rosa)[before])
				time.Sleep(10 * time.Second) // many in a minute would be a flood
			}
			if answers[0] != answers[1] {
				t.Errorf("%q is answered by %q, and %q by %q", c.lower, answers[0], c.upper, answers[1])
			}
		}
	})
}

func TestNoSecretBehindAnyWhiteSpaceGetsIntoTheNotes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		for _, space := range []string{" ", "\u3000", "\u2003", "\u202f", "\u0085", "\n"} {
			b.Command(actors.Rosa, "prodd/DeployRole"+space+"wJalrXUtnFEMI")
			time.Sleep(10 * time.Second)
		}
		notes, err := b.DB.XRange(t.Context(), "{revokebot}:notes", "-", "+").Result()
		if err != nil || len(notes) != 6 || strings.Contains(fmt.Sprint(notes), "wJalr") {
			t.Errorf("%v, %v", notes, err)
		}
	})
}

func TestTheCommandWorksInItsChannelsOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Slack.PutChannel(slack.Channel{ID: "D0ROSA", DM: true, Members: []string{actors.Rosa}})
		for _, channel := range []string{actors.General, "D0ROSA"} {
			b.CommandIn(actors.Rosa, channel, "prod/DeployRole why")
			b.Whispered(actors.Rosa, "works in <#"+actors.Incident+"> only")
		}
		b.Settle()
		if len(b.Cards()) != 0 {
			t.Error("a card was posted")
		}
		notes, err := b.DB.XLen(t.Context(), "{revokebot}:notes").Result()
		if err != nil || notes != 2 {
			t.Errorf("%d notes, %v", notes, err)
		}
	})
}

func TestAReasonCanBeRequired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{RequireReason: true})
		b.Command(actors.Rosa, "prod/DeployRole")
		b.Whispered(actors.Rosa, "a reason is required")
		b.AskFor(actors.Rosa, "prod/DeployRole a reason")
	})
}

func TestOnlyThoseOnTheListOfRequestersMayAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Requesters: []string{actors.Rosa, actors.Group}})
		b.Command(actors.Nils, "prod/DeployRole")
		b.Whispered(actors.Nils, "not on the list of people who may ask")
		b.AskFor(actors.Rosa, "prod/DeployRole")
		b.AskFor(actors.Ines, "staging/DeployRole") // by the group
	})
}

// What AWS refuses for good ends the request with a sentence; what passes is waited for.
func TestWhatAWSAnswersBecomesASentenceInTheThread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault awsstandin.Fault
		end   approvals.State
		told  string
	}{
		{
			"AccessDenied",
			awsstandin.Fault{Code: "AccessDenied", Times: -1},
			approvals.StateFailed,
			"does not allow revokebot iam:PutRolePolicy",
		},
		{
			"UnmodifiableEntity",
			awsstandin.Fault{Code: "UnmodifiableEntity", Times: -1},
			approvals.StateFailed,
			"Only AWS may change this role",
		},
		{"LimitExceeded", awsstandin.Fault{Code: "LimitExceeded", Times: -1}, approvals.StateFailed, "leave no room"},
		{"NoSuchEntity", awsstandin.Fault{Code: "NoSuchEntity", Times: -1}, approvals.StateFailed, "No such role"},
		{
			"MalformedPolicyDocument",
			awsstandin.Fault{Code: "MalformedPolicyDocument", Times: -1},
			approvals.StateFailed,
			"did not accept the policy",
		},
		{"Throttling that passes", awsstandin.Fault{Code: "Throttling", Times: 5}, approvals.StateApplied, "*Delayed:*"},
		{
			"Throttling that stays",
			awsstandin.Fault{Code: "Throttling", Times: -1},
			approvals.StateFailed,
			"It was tried 10 times",
		},
		{"a timeout that passes", awsstandin.Fault{Hang: true, Times: 1}, approvals.StateApplied, "*Delayed:*"},
		{"a timeout that stays", awsstandin.Fault{Hang: true, Times: -1}, approvals.StateFailed, "not known whether"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := b.Ask()
				c.fault.Action = "PutRolePolicy"
				b.AWS.Inject(c.fault)
				card.Approve(actors.Bob)
				for range 10 { // all tries together take minutes
					if card.State().Ended() {
						break
					}
					time.Sleep(time.Minute)
				}
				card.Becomes(c.end)
				if !card.Says(c.told) && !strings.Contains(card.Message().Text, c.told) {
					t.Errorf("it does not say %q:\n%s", c.told, b.Transcript())
				}
				if card.HasButtons() {
					t.Error("the card still has buttons")
				}
				if c.end == approvals.StateFailed && !strings.HasPrefix(card.Message().Text, "Failed") {
					t.Errorf("the card says %s", card.Message().Text)
				}
			})
		})
	}
}

func TestWhatAWSRefusesWhenARoleIsAskedForIsToldTheRequesterOnly(t *testing.T) {
	t.Parallel()
	for code, told := range map[string]string{
		"AccessDenied": "does not allow revokebot iam:GetRole",
		"Throttling":   "Try again in a moment",
	} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				b.AWS.Inject(awsstandin.Fault{Action: "GetRole", Code: code, Times: -1})
				b.Command(actors.Rosa, "prod/DeployRole")
				b.Whispered(actors.Rosa, told)
				if len(b.Cards()) != 0 {
					t.Error("a card was posted")
				}
			})
		})
	}
}

// Where the bot cannot post there is no request, and the requester hears why.
func TestWhenTheCardCannotBePostedTheRequestIsClosedAndTheRequesterIsTold(t *testing.T) {
	t.Parallel()
	for code, told := range map[string]string{
		"not_in_channel": "/invite", "channel_not_found": "/invite", "is_archived": "archived",
		"restricted_action": "check its log",
	} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				b.Slack.Inject(slack.Fault{Method: "chat.postMessage", Error: code})
				b.Command(actors.Rosa, "prod/DeployRole")
				b.Whispered(actors.Rosa, told)
				b.Slack.ClearFaults()
				b.Settle()
				card := b.Ask() // the role is free again
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
			})
		})
	}
}

func TestARateLimitDelaysTheCardAndLosesNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slack.Fault{
		"429":      {Method: "chat.postMessage", RetryAfter: 7 * time.Second, Times: 3},
		"in a 200": {Method: "chat.postMessage", RetryAfter: 7 * time.Second, In200: true, Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				b.Slack.Inject(fault)
				b.Command(actors.Rosa, "prod/DeployRole")
				b.Whispered(actors.Rosa, "The request is recorded")
				b.Until("the card appears", func() bool { return len(b.Cards()) == 1 })
				b.Cards()[0].Approve(actors.Bob)
				b.Cards()[0].Becomes(approvals.StateApplied)
			})
		})
	}
}

// Malformed envelopes are acknowledged, do nothing, and the connection goes on.
func TestMalformedEnvelopesAreAcknowledgedAndDoNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		for name, raw := range map[string]string{
			"a payload that is a number": `{"envelope_id":"m1","type":"slash_commands","payload":7}`,
			"no payload":                 `{"envelope_id":"m2","type":"interactive"}`,
			"an unknown type":            `{"envelope_id":"m3","type":"telegram","payload":{}}`,
			"a command without a user": `{"envelope_id":"m4","type":"slash_commands",` +
				`"payload":{"command":"/revoke-sessions","text":"x"}}`,
			"a type that is a number": `{"envelope_id":"m5","type":7,"payload":{}}`,
			"a click without actions": `{"envelope_id":"m6","type":"interactive","payload":{"type":"block_actions",` +
				`"user":{"id":"U0BOB"}}}`,
			"a shortcut": `{"envelope_id":"m7","type":"interactive","payload":{"type":"shortcut",` +
				`"user":{"id":"U0BOB"}}}`,
			"an event": `{"envelope_id":"m8","type":"events_api",` +
				`"payload":{"event":{"type":"app_mention"}}}`,
			"a click on an unknown block": strings.Replace(clickEnvelope("m9", "T0SANDBOX", "A0SANDBOX", card, actors.Nils),
				`"text":"the card"`, `"blocks":[{"type":"hologram","x":[{"type":7}]}],"reactions":{"count":"many"}`, 1),
			"text that is not JSON at all":     `hello?`,
			"a list":                           `[]`,
			"an envelope cut in the middle":    `{"envelope_id":"m10","type":"slash_commands","payload":{"te`,
			"a frame without envelope or type": `{}`,
		} {
			var envelope struct {
				ID string `json:"envelope_id"`
			}
			_ = json.Unmarshal([]byte(raw), &envelope)
			d, err := b.Slack.SendEnvelope(t.Context(), []byte(raw))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if envelope.ID != "" && !d.Acked {
				t.Errorf("%s was not acknowledged", name)
			}
		}
		b.Settle()
		if n := len(b.Slack.Connections()); n != 2 {
			t.Errorf("%d connections", n)
		}
		if card.State() != approvals.StateOpen || len(b.Cards()) != 1 {
			t.Errorf("state %s, %d cards", card.State(), len(b.Cards()))
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
	})
}

// Rule 18. What AWS tells of a session holds its token; nobody else may ever see it.
func TestSessionTokensAreDroppedBeforeAnythingIsStoredOrPrinted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{FollowUps: []time.Duration{time.Minute}})
		card := b.revoked()
		menu := checked(b.Bench, card)
		for _, s := range record.Gather(card.Events()).Sessions {
			if s.SessionName == "deploy-stolen" {
				press(b.Bench, actors.Nils, menu.TS, messages.ActionSession, messages.ValueOf(card.ID, s.Mark()))
			}
		}
		message(b.Bench, card, "<@U0NILS> Session")
		message(b.Bench, card, "whether it is contained")
		card.CaughtUp()
		var kept strings.Builder
		kept.WriteString(b.Redis.Dump())
		kept.WriteString(b.Log.String())
		for _, call := range b.Slack.Calls("") {
			fmt.Fprintf(&kept, "%s %v %s\n", call.Method, call.Args, call.Response)
		}
		names := 0
		for _, m := range b.Slack.Messages(actors.Incident) {
			for _, f := range m.Files {
				content, ok := b.Slack.FileContent(f.ID)
				if !ok {
					t.Errorf("no file %s", f.Name)
				}
				kept.Write(content)
				names++
			}
		}
		if names < 3 || !strings.Contains(kept.String(), b.key.AccessKeyID) {
			t.Fatalf("%d files; the key of the stolen session is not there: the search finds nothing", names)
		}
		for _, token := range []string{b.key.SessionToken[:40], b.deeper.SessionToken[:40], "sessionToken"} {
			if strings.Contains(kept.String(), token) {
				t.Errorf("a session token is kept somewhere: %s", token)
			}
		}
		for _, secret := range []string{bench.AppToken, bench.BotToken, "/commands/response/", "ticket="} {
			if b.Log.Has(secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
	})
}

// Rule 18.
func TestPastedSecretsAreDroppedBeforeAnythingIsStoredOrPrinted(t *testing.T) {
	t.Parallel()
	const key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	token := "IQoJb3JpZ2luX2VjE" + strings.Repeat("Ab3/xY+9kQ0z", 20)
	pem := "-----BEGIN PRIVATE KEY----- " + strings.Repeat("Zm9vYmFy", 8) + " -----END PRIVATE KEY-----"
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{RequireReason: true})
		told := func(text string) {
			t.Helper()
			before := len(b.Whispers(actors.Rosa))
			b.Command(actors.Rosa, text)
			b.Until("the sender knows", func() bool {
				for _, w := range b.Whispers(actors.Rosa)[before:] {
					if strings.Contains(w, "treat the secret as leaked") {
						return true
					}
				}
				return false
			})
		}
		told("prod/" + actors.DeployRole + " SecretAccessKey=" + key + " in a gist")
		b.Until("the request goes on", func() bool { return len(b.Cards()) == 1 })
		card := b.Cards()[0]
		if card.Approve(actors.Bob); !card.Says("in a gist") {
			t.Error("the reason is not on the card")
		}
		told(token)
		told("status " + pem)
		told("report " + key)
		told("undo prod/" + actors.DeployRole + " " + pem)
		told("drill " + key + " why")

		view := askForm(b, actors.Rosa)
		before := len(b.Whispers(actors.Rosa))
		send(b, actors.Rosa, view.ID, filled("staging", "staging/DeployRole", "leaked: "+key))
		b.Until("the sender of the form knows", func() bool { return len(b.Whispers(actors.Rosa)) > before })
		b.Settle()

		var kept strings.Builder
		kept.WriteString(b.Redis.Dump())
		kept.WriteString(b.Log.String())
		for _, call := range b.Slack.Calls("") {
			fmt.Fprintf(&kept, "%s %v %s\n", call.Method, call.Args, call.Response)
		}
		kept.WriteString(b.Transcript())
		if !strings.Contains(kept.String(), "[secret-removed]") {
			t.Fatal("nothing of what was typed is there: the search finds nothing")
		}
		for _, secret := range []string{key, token[:40], token[40:80], "Zm9vYmFyZm9vYmFy", "K7MDENG"} {
			if strings.Contains(kept.String(), secret) {
				t.Errorf("a pasted secret is kept somewhere: %s", secret)
			}
		}
	})
}

// Rule 18, end to end: what a requester types as a reason, and what an attacker chooses as a
// session name, stay text.
func TestForeignTextStaysTextFromTheCommandToTheTable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Session("=cmd@evil,+x") // the strangest that STS takes
		card := b.AskFor(actors.Rosa, "prod/DeployRole <!channel> `x` *now* https://evil.example")
		card.Approve(actors.Bob)
		b.Until("the evidence is posted", func() bool { return card.Says("=cmd@evil,+x") })
		for _, m := range b.Slack.Messages(actors.Incident) {
			if m.Username != "revokebot" {
				continue
			}
			if strings.Contains(m.Text, "<!channel>") || strings.Contains(string(m.Blocks), `"mrkdwn"`) &&
				strings.Contains(m.Text, "<https") {
				t.Errorf("foreign text is alive in %s", m.Text)
			}
		}
	})
}

func TestARequestThatNobodyCouldApproveIsRefusedWithWhoCouldHaveHelped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		approvers []string
		required  int
		told      []string
	}{
		"the requester alone": {[]string{actors.Rosa}, 1, []string{"<@U0ROSA>: you, the requester"}},
		"a guest and a ghost": {
			[]string{actors.Gina, "U0GHOST"}, 1, []string{"<@U0GINA>: cannot, guest", "<@U0GHOST>: cannot, unknown"},
		},
		"one where two need": {
			[]string{actors.Bob, actors.Rosa}, 2, []string{"<@U0BOB>: could approve", "2 people are needed"},
		},
		"the same person twice": {[]string{actors.Bob, "S0BOB"}, 2, []string{"<@U0BOB>: could approve"}},
		"an empty group":        {[]string{"S0EMPTY"}, 1, []string{"the group is empty or disabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Approvers: c.approvers, Required: c.required})
				b.Slack.PutGroup(slack.Group{ID: "S0EMPTY", Handle: "empty", Name: "Empty"})
				b.Slack.PutGroup(slack.Group{ID: "S0BOB", Handle: "bob", Name: "Bob's", Members: []string{actors.Bob}})
				b.Command(actors.Rosa, "prod/DeployRole")
				for _, told := range c.told {
					b.Whispered(actors.Rosa, told)
				}
				if len(b.Cards()) != 0 {
					t.Error("a card was posted")
				}
			})
		})
	}
}

func TestAFloodIsToldToWaitAndNobodyElseSuffers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		for range 20 {
			b.Command(actors.Nils, "help")
		}
		b.Whispered(actors.Nils, "Too much at once")
		card := b.Ask() // Rosa is not held up
		for range 40 {
			card.Press(actors.Nils, messages.ActionApprove)
		}
		b.Settle()
		if n := card.Request().Refused; n < 20 || n > 30 { // the notes have the rest; some are decided side by side
			t.Errorf("%d refused clicks were recorded", n)
		}
		told := 0
		for _, text := range card.Thread() {
			if strings.Contains(text, "<@"+actors.Nils+">") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("the thread tells of refused clicks in %d messages", told)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		time.Sleep(time.Minute)
		b.AskFor(actors.Nils, "staging/DeployRole")
	})
}

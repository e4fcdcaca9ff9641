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
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// refusal reads the newest refusal in a request's log.
func refusal(t *testing.T, card bench.Card) (by string, code approvals.RefusalCode) {
	t.Helper()
	for _, e := range slices.Backward(card.Events()) {
		if e.Type == approvals.EventRefused {
			_, after, _ := strings.Cut(string(e.Detail), `"code":"`)
			text, _, _ := strings.Cut(after, `"`)
			return e.By, approvals.RefusalCode(text)
		}
	}
	return "", ""
}

// Rule 1.
func TestTheApproverApprovesAStoredRequestNeverWhatAMessageSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Slack: slack.Config{TeamID: "T0SANDBOX"}})
		b.Slack.PutChannel(slack.Channel{ID: "C0COPY", Name: "copy", Members: []string{actors.Bob}, BotMember: true})
		card := b.Ask()
		forged := map[string]slack.Click{
			"a copy of the card in another channel":  {AsChannelID: "C0COPY"},
			"a copy of the card in the same channel": {AsMessageTS: "946684801.000001"},
		}
		for name, click := range forged {
			click.ChannelID, click.MessageTS, click.BlockID = actors.Incident, card.TS, "decide"
			click.ActionID, click.Value = messages.ActionApprove, card.ID
			refused := card.Request().Refused
			if _, err := b.Slack.Click(t.Context(), actors.Bob, click); err != nil {
				t.Fatal(err)
			}
			b.Until(name+" is refused", func() bool { return card.Request().Refused == refused+1 })
			if _, code := refusal(t, card); code != approvals.RefusedWrongPlace {
				t.Errorf("%s: refused as %q", name, code)
			}
		}
		for name, envelope := range map[string]string{
			"another workspace": clickEnvelope("e-team", "T0OTHER", "A0SANDBOX", card, actors.Bob),
			"another app":       clickEnvelope("e-app", "T0SANDBOX", "A0OTHER", card, actors.Bob),
			"a payload that contradicts itself": strings.Replace(clickEnvelope("e-self", "T0SANDBOX", "A0SANDBOX", card,
				actors.Bob),
				`"message":{"ts":"`+card.TS, `"message":{"ts":"946684801.000001`, 1),
		} {
			refused := card.Request().Refused
			if _, err := b.Slack.SendEnvelope(t.Context(), []byte(envelope)); err != nil {
				t.Fatal(err)
			}
			b.Until("a click of "+name+" is refused", func() bool { return card.Request().Refused == refused+1 })
		}
		if card.State() != approvals.StateOpen || b.Puts() != 0 {
			t.Errorf("state %s, %d writes", card.State(), b.Puts())
		}
		// The same click from the card itself counts, whatever the message around it claims.
		if _, err := b.Slack.SendEnvelope(t.Context(), []byte(strings.Replace(
			clickEnvelope("e-true", "T0SANDBOX", "A0SANDBOX", card, actors.Bob), `"text":"the card"`,
			`"text":"revoke staging/Other instead"`, 1,
		))); err != nil {
			t.Fatal(err)
		}
		card.Becomes(approvals.StateApplied)
		if put := b.AWS.Calls("PutRolePolicy")[0]; put.Params["RoleName"] != actors.DeployRole ||
			put.AccountID != actors.ProdID {
			t.Errorf("wrote to %s in %s", put.Params["RoleName"], put.AccountID)
		}
	})
}

// clickEnvelope is a click on Approve as it goes over the wire.
func clickEnvelope(id, team, app string, card bench.Card, user string) string {
	return fmt.Sprintf(
		`{"envelope_id":%q,"type":"interactive","accepts_response_payload":true,"payload":{"type":"block_actions",
		"user":{"id":%q,"team_id":%q},"team":{"id":%q},"api_app_id":%q,"trigger_id":"1.%s","channel":{"id":%q},
		"container":{"type":"message","message_ts":%q,"channel_id":%q},"message":{"ts":%q,"text":"the card"},
		"actions":[{"action_id":%q,"block_id":"decide","value":%q,"type":"button","action_ts":"1.1"}]}}`,
		id, user, team, team, app, id, actors.Incident, card.TS, actors.Incident, card.TS, messages.ActionApprove, card.ID)
}

// Rule 2.
func TestTheRequesterIsNeverAnApproverOfTheSameRequestNorTheSamePersonTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Required: 2, Approvers: []string{actors.Group, actors.Rosa, actors.Bob}})
		card := b.Ask()
		card.Approve(actors.Rosa)
		b.Whispered(actors.Rosa, "You can't approve your own request")
		card.Approve(actors.Bob)
		b.Until("Bob's approval is counted", func() bool { return len(card.Request().Votes) == 1 })
		card.CaughtUp()
		if !strings.Contains(card.Message().Text, "*1 of 2*") {
			t.Errorf("the card does not say 1 of 2: %s", card.Message().Text)
		}
		card.Approve(actors.Bob)
		b.Whispered(actors.Bob, "each person counts once")
		b.Settle()
		if card.State() != approvals.StateOpen || b.Puts() != 0 {
			t.Fatalf("state %s, %d writes after one approver pressed twice", card.State(), b.Puts())
		}
		card.Approve(actors.Ines)
		card.Becomes(approvals.StateApplied)
		if got := card.Request().Voters(); !slices.Equal(got, []string{actors.Bob, actors.Ines}) {
			t.Errorf("voters %v", got)
		}
	})
}

// Rule 3.
func TestGuestsBotsDeactivatedUsersAndPeopleOfOtherOrganisationsNeitherRequestNorApprove(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]slack.User{
		"guest":                   {Guest: true},
		"single-channel guest":    {SingleChannelGuest: true},
		"bot":                     {Bot: true},
		"deactivated":             {Deactivated: true},
		"stranger":                {Stranger: true, TeamID: "T0OTHER"},
		"person of another team":  {TeamID: "T0OTHER"},
		"of another organisation": {TeamID: "T0OTHER", EnterpriseID: "E0OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Approvers: []string{"U0ODD", actors.Bob}})
				user.ID, user.Name, user.RealName = "U0ODD", "odd", "Odd"
				b.Slack.PutUser(user)
				channel := b.Slack.Channels()[0]
				channel.Members = append(channel.Members, "U0ODD")
				b.Slack.PutChannel(channel)

				b.Command("U0ODD", "prod/DeployRole")
				b.Whispered("U0ODD", "Nothing was done")
				b.Settle()
				if n := len(b.Cards()); n != 0 {
					t.Fatalf("%d cards", n)
				}
				card := b.Ask()
				card.Approve("U0ODD")
				b.Whispered("U0ODD", "Your click was not counted")
				b.Settle()
				if card.State() != approvals.StateOpen || b.Puts() != 0 {
					t.Errorf("state %s, %d writes", card.State(), b.Puts())
				}
				if by, code := refusal(t, card); by != "U0ODD" || code != approvals.RefusedNotMember {
					t.Errorf("recorded %q by %q", code, by)
				}
			})
		})
	}
}

// Rule 4.
func TestApproversAreLookedUpWhenTheyClick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		group := slack.Group{ID: actors.Group, Handle: "security", Name: "Security", Members: []string{actors.Ines}}
		b.Slack.PutGroup(group) // Bob has left since the card was posted
		card.Approve(actors.Bob)
		b.Whispered(actors.Bob, "not on the list of approvers")
		group.Members = append(group.Members, actors.Nils)
		b.Slack.PutGroup(group) // and Nils has come
		card.Approve(actors.Nils)
		card.Becomes(approvals.StateApplied)
	})
}

// Rule 4.
func TestIfTheLookUpFailsTheAnswerIsNo(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"users.info", "usergroups.users.list"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := b.Ask()
				b.Slack.Inject(slack.Fault{Method: method, Error: "internal_error"})
				card.Approve(actors.Bob)
				b.Whispered(actors.Bob, "couldn't verify your permissions")
				if card.State() != approvals.StateOpen || b.Puts() != 0 {
					t.Errorf("state %s, %d writes", card.State(), b.Puts())
				}
				b.Slack.ClearFaults()
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
			})
		})
	}
}

// Rule 4.
func TestApproversAreLookedUpAgainWhenMoreThanAMinuteLiesBetweenTheClickAndTheCallToAWS(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		between time.Duration
		end     approvals.State
	}{
		"59 seconds":  {59 * time.Second, approvals.StateApplied},
		"two minutes": {2 * time.Minute, approvals.StateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Required: 2, Approvers: []string{actors.Bob, actors.Ines}})
				card := b.Ask()
				card.Approve(actors.Bob)
				b.Until("Bob's approval is counted", func() bool { return len(card.Request().Votes) == 1 })
				time.Sleep(c.between)
				bob := slack.User{ID: actors.Bob, Name: "bob", RealName: "Bob", Deactivated: true}
				b.Slack.PutUser(bob)
				card.Approve(actors.Ines)
				card.Becomes(c.end)
				wrote := 0
				if c.end == approvals.StateApplied {
					wrote = 1
				}
				if b.Puts() != wrote {
					t.Errorf("%d writes, want %d", b.Puts(), wrote)
				}
				if c.end == approvals.StateFailed && !card.Says("may not approve any more") {
					t.Errorf("the thread does not say why:\n%s", b.Transcript())
				}
			})
		})
	}
}

// Rule 5.
func TestAnExpiredDeniedCancelledDecidedOrSupersededRequestCannotBeApproved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(b *bench.Bench, card bench.Card)
		ends approvals.State
		told string
	}{
		"denied": {
			func(b *bench.Bench, c bench.Card) { deny(b, c, actors.Bob, "") }, approvals.StateDenied, ": *denied*",
		},
		"cancelled": {
			func(_ *bench.Bench, c bench.Card) {
				c.Press(actors.Rosa, messages.ActionCancel)
			}, approvals.StateCancelled, ": *cancelled*",
		},
		"expired": {
			func(*bench.Bench, bench.Card) { time.Sleep(15*time.Minute + time.Second) }, approvals.StateExpired, "expired",
		},
		"decided": {func(_ *bench.Bench, c bench.Card) { c.Approve(actors.Bob) }, approvals.StateApplied, ": *applied*"},
		"superseded": {func(b *bench.Bench, c bench.Card) {
			c.Approve(actors.Bob)
			c.Becomes(approvals.StateApplied)
			later := b.Ask()
			later.Approve(actors.Bob)
			later.Becomes(approvals.StateApplied)
		}, approvals.StateApplied, ": *applied*"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := b.Ask()
				c.end(b, card)
				card.Becomes(c.ends)
				if card.HasButtons() {
					t.Error("the card still has buttons")
				}
				writes := b.Puts()
				card.PressLate(actors.Ines, messages.ActionApprove)
				b.Whispered(actors.Ines, c.told)
				b.Settle()
				if card.State() != c.ends || b.Puts() != writes {
					t.Errorf("state %s, %d writes", card.State(), b.Puts())
				}
			})
		})
	}
}

// Rule 5.
func TestAClickCountsASecondBeforeTheDeadlineAndNotAtIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at  time.Duration
		end approvals.State
	}{
		"a second before": {14*time.Minute + 59*time.Second, approvals.StateApplied},
		"at the deadline": {15 * time.Minute, approvals.StateExpired},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := b.Ask()
				time.Sleep(time.Until(card.Request().Opened.Add(c.at)))
				card.PressLate(actors.Bob, messages.ActionApprove)
				card.Becomes(c.end)
				if c.end == approvals.StateExpired && b.Puts() != 0 {
					t.Errorf("%d writes", b.Puts())
				}
			})
		})
	}
}

// Rule 5. Nothing rests on the timer that ends the request: it is taken away here. A click that was
// looked at in time and is decided too late is refused by the script; one that comes too late by
// the decision, with a sentence.
func TestTheDeadlineIsComparedWithRedisTimeInsideTheScript(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ at, lookup time.Duration }{
		"it came in time and was looked up for too long": {15*time.Minute - time.Second, 2 * time.Second},
		"it came too late": {15 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{})
				card := b.Ask()
				card.CaughtUp()
				if err := b.DB.Del(t.Context(), "{revokebot}:due").Err(); err != nil {
					t.Fatal(err)
				}
				b.Slack.Inject(slack.Fault{Method: "users.info", Delay: c.lookup})
				time.Sleep(time.Until(card.Request().Opened.Add(c.at)))
				card.PressLate(actors.Bob, messages.ActionApprove)
				b.Whispered(actors.Bob, "expired")
				b.Settle()
				if r := card.Request(); r.State != approvals.StateOpen || r.Refused != 1 || b.Puts() != 0 {
					t.Errorf("state %s, %d refused, %d writes", r.State, r.Refused, b.Puts())
				}
			})
		})
	}
}

// Rule 6.
func TestAnApprovalIsUsedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Replicas: 2})
		card := b.Ask()
		// so that approvers click while it is under way
		b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Delay: 3 * time.Second})
		var clicks sync.WaitGroup
		for _, user := range []string{actors.Bob, actors.Ines, actors.Bob, actors.Ines, actors.Bob} {
			clicks.Go(func() {
				d, err := b.Slack.Click(t.Context(), user, slack.Click{
					ChannelID: actors.Incident, MessageTS: card.TS, BlockID: "decide", ActionID: messages.ActionApprove,
					Value: card.ID,
				})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := b.Slack.Redeliver(t.Context(), d.EnvelopeID); err != nil {
					t.Error(err)
				}
			})
		}
		clicks.Wait()
		card.Becomes(approvals.StateApplied)
		time.Sleep(time.Minute)
		if b.Puts() != 1 {
			t.Errorf("%d writes", b.Puts())
		}
		if n := len(card.Request().Votes); n != 1 {
			t.Errorf("%d votes", n)
		}
		approved := 0
		for _, text := range card.Thread() {
			if strings.Contains(text, "*Revoked:*") {
				approved++
			}
		}
		if approved != 1 {
			t.Errorf("the thread tells it %d times", approved)
		}
	})
}

// Rule 6.
func TestARedeliveredCommandMakesOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Replicas: 2})
		d := b.Command(actors.Rosa, "prod/DeployRole")
		for range 3 {
			if again, err := b.Slack.Redeliver(t.Context(), d.EnvelopeID); err != nil || !again.Acked {
				t.Errorf("redelivery: %+v, %v", again, err)
			}
		}
		b.Settle()
		if n := len(b.Cards()); n != 1 {
			t.Errorf("%d cards", n)
		}
		if w := b.Whispers(actors.Rosa); len(w) != 0 {
			t.Errorf("Rosa was told: %v", w)
		}
	})
}

// Rule 7.
func TestIfTheRoleBehindTheNameIsNotTheOneThatWasShownTheApprovalIsVoid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		if _, err := b.World.Prod.RecreateRole(actors.DeployRole); err != nil {
			t.Fatal(err)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateVoid)
		if b.Puts() != 0 {
			t.Errorf("%d writes", b.Puts())
		}
		if !strings.HasPrefix(card.Message().Text, "Void") || !card.Says("not the one that was approved") {
			t.Errorf("it is not told:\n%s", b.Transcript())
		}
		again := b.Ask() // the new role can be asked for at once
		again.Approve(actors.Bob)
		again.Becomes(approvals.StateApplied)
	})
}

// Rule 7, for a role that is made again between the last look at it and the write.
func TestWhatWasWrittenOnARoleThatNobodyApprovedIsTakenOffAndTheApprovalIsVoid(t *testing.T) {
	t.Parallel()
	for _, may := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{Guard: looks})
			card := b.Ask()
			b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Delay: time.Second})
			if !may {
				b.AWS.Inject(awsstandin.Fault{Action: "DeleteRolePolicy", Times: -1, Code: "AccessDenied"})
			}
			card.Approve(actors.Bob)
			b.Until("it is promised", func() bool { return count(card, approvals.EventStarted) == 1 })
			if _, err := b.World.Prod.RecreateRole(actors.DeployRole); err != nil {
				t.Fatal(err)
			}
			card.Becomes(approvals.StateVoid)
			time.Sleep(2 * looks[len(looks)-1])
			card.CaughtUp()
			if b.Puts() != 1 || (onRole(b) == "") != may || card.Says("removed again") != may ||
				card.Says("remove it in the IAM console") == may || card.Says("nothing was written") || card.Says("Revoked") {
				t.Errorf("the bot may remove it: %v, and there is %q:\n%s", may, onRole(b), b.Transcript())
			}
		})
	}
}

// Rule 8.
func TestOneOpenRequestForAMeasureOnAPrincipalAtATimeTheSecondCommandPointsAtTheFirstCard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		b.Command(actors.Nils, "arn:aws:sts::"+actors.ProdID+":assumed-role/DeployRole/somebody the same in other words")
		b.Whispered(actors.Nils, "/archives/"+actors.Incident+"/p"+strings.ReplaceAll(card.TS, ".", ""))
		b.Settle()
		if n := len(b.Cards()); n != 1 {
			t.Errorf("%d cards", n)
		}
		lock := b.AskFor(actors.Nils, "lock prod/DeployRole") // another measure is not blocked
		if lock.ID == card.ID || card.State() != approvals.StateOpen {
			t.Error("a lock has no request of its own")
		}
		b.Command(actors.Ines, "LOCK prod/DeployRole")
		b.Whispered(actors.Ines, "/archives/"+actors.Incident+"/p"+strings.ReplaceAll(lock.TS, ".", ""))
		other := b.AskFor(actors.Nils, "staging/DeployRole")
		if other.ID == card.ID {
			t.Error("the same role name in another account is another role")
		}
		card.Press(actors.Rosa, messages.ActionCancel) // it goes on as that of Nils
		b.Until("it is handed over", func() bool { return card.Request().Requester == actors.Nils })
		card.Press(actors.Nils, messages.ActionCancel)
		card.Becomes(approvals.StateCancelled)
		fresh := b.Ask()
		fresh.Approve(actors.Bob)
		fresh.Becomes(approvals.StateApplied)
	})
}

// deny presses Deny and sends the form that opens.
func deny(b *bench.Bench, card bench.Card, user, reason string) slack.Delivery {
	b.T.Helper()
	card.Press(user, messages.ActionDeny)
	b.Until("a form opens", func() bool { return len(b.Slack.Views(user)) == 1 })
	d, err := b.Slack.Submit(b.T.Context(), user, b.Slack.Views(user)[0].ID, map[string]map[string]any{
		messages.FieldReason: {"text": map[string]any{"type": "plain_text_input", "value": reason}},
	})
	if err != nil {
		b.T.Fatal(err)
	}
	return d
}

func TestASingleDenialEndsTheRequestWithTheReasonThatWasTyped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Required: 2})
		card := b.Ask()
		card.Approve(actors.Ines)
		b.Until("one approval is counted", func() bool { return len(card.Request().Votes) == 1 })
		if d := deny(b, card, actors.Bob, "It is the <!channel> drill"); !d.Acked {
			t.Errorf("the form: %+v", d)
		}
		card.Becomes(approvals.StateDenied)
		for _, text := range []string{card.Message().Text, card.Thread()[len(card.Thread())-1]} {
			if !strings.Contains(text, "`It is the &lt;!channel&gt; drill`") {
				t.Errorf("the reason is not told: %s", text)
			}
		}
		if card.HasButtons() || b.Puts() != 0 {
			t.Errorf("buttons %v, %d writes", card.HasButtons(), b.Puts())
		}
	})
}

func TestADenialByOneWhoMayNotDenyIsRefusedAndRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.Press(actors.Rosa, messages.ActionDeny) // known without a look-up: no form
		b.Whispered(actors.Rosa, "press Cancel to withdraw it")
		if n := len(b.Slack.Views(actors.Rosa)); n != 0 {
			t.Errorf("%d forms", n)
		}
		deny(b, card, actors.Nils, "no")
		b.Whispered(actors.Nils, "not on the list of approvers")
		if card.State() != approvals.StateOpen || card.Request().Refused != 2 {
			t.Errorf("state %s, %d refusals", card.State(), card.Request().Refused)
		}
	})
}

func TestADenialCountsWhenItsFormCannotBeOpened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		b.Slack.Inject(slack.Fault{Method: "views.open", Error: "expired_trigger_id"})
		card.Press(actors.Bob, messages.ActionDeny)
		card.Becomes(approvals.StateDenied)
	})
}

func TestAFormThatCannotBeRecordedSaysSoAtItsField(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.Press(actors.Bob, messages.ActionDeny)
		b.Until("a form opens", func() bool { return len(b.Slack.Views(actors.Bob)) == 1 })
		b.RedisAway(true)
		d, err := b.Slack.Submit(t.Context(), actors.Bob, b.Slack.Views(actors.Bob)[0].ID, map[string]map[string]any{
			messages.FieldReason: {"text": map[string]any{"type": "plain_text_input", "value": "why"}},
		})
		if err != nil || !strings.Contains(string(d.AckPayload), "nothing was recorded") ||
			!strings.Contains(string(d.AckPayload), `"response_action":"errors"`) {
			t.Errorf("answered %s, %v", d.AckPayload, err)
		}
		b.RedisAway(false)
		b.Settle()
		if card.State() != approvals.StateOpen {
			t.Errorf("state %s", card.State())
		}
	})
}

func TestATrustPolicyThatChangedVoidsNothingAndIsShownAsAFinding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		if err := b.World.Prod.SetTrust(actors.DeployRole, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",`+
			`"Principal":{"AWS":"arn:aws:iam::999988887777:root"},"Action":"sts:AssumeRole"}]}`); err != nil {
			t.Fatal(err)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if !card.Says("*Finding:* The trust policy of the role changed") || !card.Says("999988887777") {
			t.Errorf("it is not told:\n%s", b.Transcript())
		}
	})
}

func TestAskAgainIsACommandOfWhoeverPressesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		time.Sleep(16 * time.Minute)
		card.Becomes(approvals.StateExpired)
		button := slack.Click{ChannelID: actors.Incident, ActionID: messages.ActionAgain}
		for _, m := range b.Slack.Messages(actors.Incident) {
			if strings.Contains(string(m.Blocks), messages.ActionAgain) {
				button.MessageTS = m.TS
			}
		}
		press := func(user string) {
			t.Helper()
			if _, err := b.Slack.Click(t.Context(), user, button); err != nil {
				t.Fatal(err)
			}
		}
		press(actors.Gina)
		b.Whispered(actors.Gina, "revokebot is for full members")
		press(actors.Ines)
		b.Until("a new card", func() bool { return len(b.Cards()) == 2 })
		fresh := b.Cards()[1]
		if r := fresh.Request(); r.Requester != actors.Ines || r.Reason != "key pasted in a gist" {
			t.Errorf("asked by %s because %q", r.Requester, r.Reason)
		}
		fresh.Approve(actors.Ines) // who asked this time, and so may not
		b.Whispered(actors.Ines, "You can't approve your own request")
		fresh.Approve(actors.Bob)
		fresh.Becomes(approvals.StateApplied)
	})
}

func TestAClickThatIsFasterThanSlacksAnswerToTheCardCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		// The card is in the channel, and the answer to it is lost: the bot has to find it first.
		b.Slack.Inject(slack.Fault{Method: "chat.postMessage", DropAfter: true, Times: 1})
		b.Command(actors.Rosa, "prod/DeployRole")
		b.Until("there is a card", func() bool { return len(b.Cards()) > 0 })
		b.Cards()[0].Approve(actors.Bob)
		b.Cards()[0].Becomes(approvals.StateApplied)
		if n := b.Cards()[0].Request().Refused; n != 0 {
			t.Errorf("%d clicks were refused", n)
		}
	})
}

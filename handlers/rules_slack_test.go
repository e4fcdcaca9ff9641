package handlers_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

const odd = "U0ODD"

// becomes makes somebody what they were not when they began.
func becomes(b *bench.Bench, u slack.User) {
	u.ID, u.Name, u.RealName = odd, "odd", "Odd"
	b.Slack.PutUser(u)
}

// reason is what stands in the field of a form that has no other.
func reason(text string) map[string]map[string]any {
	return map[string]map[string]any{messages.FieldReason: {"text": text}}
}

// form waits until somebody has a form in front of them.
func form(b *bench.Bench, user string) slack.View {
	b.T.Helper()
	b.Until("a form opens", func() bool { return len(b.Slack.Views(user)) == 1 })
	return b.Slack.Views(user)[0]
}

// pressInThread presses a button of the thread, once the thread has it.
func pressInThread(b *bench.Bench, card bench.Card, user, action string) slack.Delivery {
	b.T.Helper()
	var ts string
	b.Until("the thread has the button "+action, func() bool {
		for _, m := range b.Slack.Messages(actors.Incident) {
			if m.ThreadTS == card.TS && strings.Contains(string(m.Blocks), `"`+action+`"`) {
				ts = m.TS
			}
		}
		return ts != ""
	})
	d, err := b.Slack.Click(b.T.Context(), user, slack.Click{ChannelID: actors.Incident, MessageTS: ts, ActionID: action})
	if err != nil {
		b.T.Fatal(err)
	}
	return d
}

// Rule 3, for everything that is no command and no button of a card. Who was a full member when a
// form opened need not be one when it is sent.
func TestNobodyWhoIsNoFullMemberRequestsOrDecidesByAFormTheHomeOrAButtonOfAThread(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]slack.User{
		"guest":    {Guest: true},
		"stranger": {TeamID: "T0OTHER", Stranger: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Approvers: []string{odd, actors.Bob, actors.Ines}, AllowShared: true})
				becomes(b, slack.User{})
				incident(b, func(c *slack.Channel) { c.Members = append(c.Members, odd) })
				ended := b.Ask()
				ended.Press(actors.Rosa, messages.ActionCancel)
				ended.Becomes(approvals.StateCancelled)
				applied := b.AskFor(actors.Rosa, "staging/DeployRole")
				applied.Approve(actors.Bob)
				applied.Becomes(approvals.StateApplied)
				card := b.AskFor(actors.Rosa, "prod/NightlyBackup")

				ask := askForm(b, odd)
				b.Settle()
				typing(b, odd, ask.ID, "prod", "Deploy")
				becomes(b, user)
				send(b, odd, ask.ID, filled("prod", "prod/DeployRole", "x"))
				b.Whispered(odd, "Nothing was done")

				becomes(b, slack.User{})
				card.Press(odd, messages.ActionDeny)
				deny := form(b, odd)
				becomes(b, user)
				send(b, odd, deny.ID, reason("no"))
				b.Whispered(odd, "Your click was not counted")

				// Who somebody is is looked up when the form is sent: it has to be opened at once.
				pressInThread(b, applied, odd, messages.ActionUndo)
				undo := form(b, odd)
				send(b, odd, undo.ID, map[string]map[string]any{messages.FieldWords: {"text": messages.ReviveWords}})
				b.Settle()
				pressInThread(b, applied, odd, messages.ActionReport)
				b.Whispered(odd, "Nothing was done")
				pressInThread(b, ended, odd, messages.ActionReport)
				b.Settle()
				want := approvals.RefusedNotMember
				var view slack.View
				if user.Stranger { // whose forms and App Home come from their own workspace
					want = approvals.RefusedWrongPlace
					if _, err := b.Slack.OpenHome(t.Context(), odd, slack.TabHome); err != nil {
						t.Fatal(err)
					}
					b.Settle()
					view, _ = b.Slack.Home(odd)
				} else {
					view = home(b, odd, "and this account is")
				}
				if strings.Contains(string(view.JSON), "DeployRole") || strings.Contains(string(view.JSON), messages.ActionAsk) {
					t.Errorf("the home shows %s", view.JSON)
				}
				b.Settle()
				if n := len(b.Slack.Views(odd)); n != 0 {
					t.Errorf("%d forms are open", n)
				}
				if n := len(b.Cards()); n != 3 {
					t.Errorf("%d cards\n%s", n, b.Transcript())
				}
				if by, code := refusal(t, card); card.State() != approvals.StateOpen || by != odd || code != want {
					t.Errorf("%s, %q of %q", card.State(), code, by)
				}
				if applied.Says("[file report-") || b.Puts() != 1 {
					t.Errorf("%d writes\n%s", b.Puts(), b.Transcript())
				}
			})
		})
	}
}

// Rules 6 and 14. Slack loses, repeats and cuts; whatever an act is done by, it is done once, or
// not at all and its sender sees an error.
func TestAnActIsDoneOnceWhateverBecomesOfItsEnvelope(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slack.Fault{
		"lost on its way":                {DropBefore: true},
		"cut off after it":               {DropAcked: true},
		"sent twice, one of them is cut": {Twice: true, LoseAck: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Replicas: 2})
				fault.Method, fault.Times = "envelope", 1
				// again sends an act until Slack shows no error, as people do, and lets Slack send the first of
				// them once more.
				again := func(act func() (slack.Delivery, error), done func() bool) {
					t.Helper()
					b.Slack.Inject(fault)
					first, err := act()
					if err != nil {
						t.Fatal(err)
					}
					b.Settle()
					if first.Error != "" && !done() {
						if d, err := act(); err != nil || d.Error != "" {
							t.Fatalf("a second try: %s, %v", d.Error, err)
						}
					}
					if _, err := b.Slack.Redeliver(t.Context(), first.EnvelopeID); err != nil {
						t.Fatal(err)
					}
					b.Until("it is done", done)
					b.Settle()
				}
				cards := func(n int) func() bool { return func() bool { return len(b.Cards()) == n } }

				again(func() (slack.Delivery, error) {
					return b.Slack.Command(t.Context(), actors.Rosa, actors.Incident, messages.Command, "prod/DeployRole")
				}, cards(1))
				first := b.Cards()[0]
				again(func() (slack.Delivery, error) { return first.Press(actors.Bob, messages.ActionApprove), nil },
					func() bool { return first.State() == approvals.StateApplied })

				// The button of the home, and the form that it leads to.
				view := home(b, actors.Rosa, "Revocations")
				again(func() (slack.Delivery, error) {
					return b.Slack.Click(t.Context(), actors.Rosa, slack.Click{ViewID: view.ID, ActionID: messages.ActionAsk})
				}, func() bool { return len(b.Slack.Views(actors.Rosa)) == 1 })
				ask := form(b, actors.Rosa)
				b.Until("the role is offered, by a replica that has read the list", func() bool {
					return slices.Contains(typing(b, actors.Rosa, ask.ID, "staging", "Deploy"), "staging/DeployRole")
				})
				again(func() (slack.Delivery, error) {
					return b.Slack.Submit(t.Context(), actors.Rosa, ask.ID, filled("staging", "staging/DeployRole", "x"))
				}, cards(2))
				second := b.Cards()[1]
				second.Press(actors.Ines, messages.ActionDeny)
				deny := form(b, actors.Ines)
				again(func() (slack.Delivery, error) {
					return b.Slack.Submit(t.Context(), actors.Ines, deny.ID, reason("a drill"))
				},
					func() bool { return second.State() == approvals.StateDenied })

				// The button of a thread.
				again(func() (slack.Delivery, error) {
					return pressInThread(b, first, actors.Rosa, messages.ActionReport), nil
				},
					func() bool { return first.Says("[file report-") })
				first.CaughtUp()
				if n := len(b.Cards()); n != 2 || b.Puts() != 1 {
					t.Errorf("%d cards, %d writes\n%s", n, b.Puts(), b.Transcript())
				}
				told := map[string]int{}
				for _, text := range append(first.Thread(), second.Thread()...) {
					if told[text]++; strings.HasPrefix(text, "<@U0ROSA> asked for the *incident report*") && told[text] > 1 ||
						strings.Contains(text, "denied the request") && told[text] > 1 {
						t.Errorf("told twice: %s", text)
					}
				}
			})
		})
	}
}

// Rule 14, for what comes by the home, by forms and by the buttons of threads.
func TestNothingIsAcceptedFromTheHomeFormsAndThreadsBeforeRedisHasIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		view := home(b, actors.Rosa, "Revocations")
		ask := askForm(b, actors.Ines)
		b.Until("the list of roles is read", func() bool {
			return slices.ContainsFunc(typing(b, actors.Ines, ask.ID, "staging", "Deploy"), func(offered string) bool {
				return strings.HasPrefix(offered, "staging/DeployRole")
			})
		})
		b.Settle()
		before := len(card.Thread())
		b.RedisAway(true)
		if d, err := b.Slack.Click(t.Context(), actors.Rosa, slack.Click{
			ViewID: view.ID, ActionID: messages.ActionAsk,
		}); err != nil || !d.Acked {
			t.Errorf("the home's button: %+v, %v", d, err)
		}
		if d, err := b.Slack.OpenHome(t.Context(), actors.Nils, slack.TabHome); err != nil || !d.Acked {
			t.Errorf("the home: %+v, %v", d, err)
		}
		for _, action := range []string{messages.ActionUndo, messages.ActionReport} {
			if d := pressInThread(b, card, actors.Rosa, action); !d.Acked {
				t.Errorf("%s: %+v", action, d)
			}
		}
		b.Whispered(actors.Rosa, "nothing was recorded")
		send(b, actors.Ines, ask.ID, filled("staging", "staging/DeployRole", ""))
		if got := b.Slack.Views(actors.Ines)[0].Errors[messages.FieldReason]; !strings.Contains(got, "nothing was recorded") {
			t.Errorf("at the field: %q", got)
		}
		b.RedisAway(false)
		time.Sleep(time.Minute)
		if n := len(b.Cards()); n != 1 || len(b.Slack.Views(actors.Rosa)) != 0 || card.Says("[file report-") {
			t.Errorf("something happened: %d cards, %d forms, %d new messages\n%s", n, len(b.Slack.Views(actors.Rosa)),
				len(card.Thread())-before, b.Transcript())
		}
		if _, drawn := b.Slack.Home(actors.Nils); drawn {
			t.Error("the home was drawn")
		}
	})
}

// Rule 18, for what comes by forms and stands on the App Home.
func TestForeignTextStaysTextFromAFormToTheThreadAndTheHome(t *testing.T) {
	t.Parallel()
	const bad = "<!channel> *now* <https://evil.example|click>"
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		ask := askForm(b, actors.Rosa)
		b.Settle()
		typing(b, actors.Rosa, ask.ID, "prod", "Deploy")
		send(b, actors.Rosa, ask.ID, filled("prod", "prod/DeployRole", bad))
		b.Until("a card appears", func() bool { return len(b.Cards()) == 1 })
		card := b.Cards()[0]
		card.Press(actors.Ines, messages.ActionDeny)
		send(b, actors.Ines, form(b, actors.Ines).ID, reason(bad))
		card.Becomes(approvals.StateDenied)
		for _, text := range append(card.Thread(), card.Message().Text, string(home(b, actors.Rosa, "denied").JSON)) {
			for _, alive := range []string{"<!channel>", `\u003c!channel\u003e`, "<https://evil", `\u003chttps://evil`} {
				if strings.Contains(text, alive) {
					t.Errorf("foreign text is alive in %s", text)
				}
			}
		}
		if !card.Says("&lt;!channel&gt;") || !strings.Contains(card.Message().Text, "&lt;!channel&gt;") {
			t.Errorf("the reasons are not told\n%s", b.Transcript())
		}
	})
}

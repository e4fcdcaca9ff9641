package handlers_test

import (
	"encoding/json"
	"fmt"
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

func TestTheStatusListsWhatIsUnderWayFirstAndLeadsToTheCards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Command(actors.Rosa, "status")
		b.Whispered(actors.Rosa, "No request is on record")
		open := b.Ask()
		done := b.AskFor(actors.Rosa, "staging/DeployRole a drill")
		done.Press(actors.Rosa, messages.ActionCancel)
		done.Becomes(approvals.StateCancelled)
		b.Command(actors.Bob, "status")
		b.Whispered(actors.Bob, "1 request is under way")
		told := b.Whispers(actors.Bob)[0]
		for _, words := range []string{
			"*open*, 0 of 1 approved", "`prod/DeployRole`", "*cancelled*", "`staging/DeployRole`", "<@" + actors.Rosa + ">",
			"/archives/" + actors.Incident + "/p" + strings.ReplaceAll(open.TS, ".", ""),
		} {
			if !strings.Contains(told, words) {
				t.Errorf("the status lacks %q:\n%s", words, told)
			}
		}
		if strings.Index(told, "*open*") > strings.Index(told, "*cancelled*") {
			t.Errorf("what is under way is not first:\n%s", told)
		}
		b.Command(actors.Gina, "status")
		b.Whispered(actors.Gina, "this account is a guest")
		if told := strings.Join(b.Whispers(actors.Gina), "\n"); strings.Contains(told, "DeployRole") {
			t.Errorf("a guest is told %s", told)
		}
	})
}

func TestTheStatusShowsNoMoreThanTenAndOnlyOfTheAllowedChannels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		elsewhere := approvals.Opening{
			Purpose: approvals.Revoke.Do(), Subject: approvals.Subject{
				Key: "k", Group: "prod", Facts: json.RawMessage(`{"name":"Hidden"}`),
			},
			Place: approvals.Place{Team: "T0SANDBOX", App: "A0SANDBOX", Channel: "C0PRIVATE"}, Required: 1,
			ExpireAfter: time.Hour,
		}
		if _, err := b.Store.Open(t.Context(), "ELSEWHERE", actors.Rosa, "s", elsewhere); err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			card := b.AskFor([]string{actors.Rosa, actors.Ines}[i%2], fmt.Sprintf("prod/DeployRole drill %d", i))
			card.Press([]string{actors.Rosa, actors.Ines}[i%2], messages.ActionCancel)
			card.Becomes(approvals.StateCancelled)
			b.Settle()
		}
		b.Command(actors.Bob, "status")
		b.Whispered(actors.Bob, "No request is under way")
		told := b.Whispers(actors.Bob)[0]
		if n := strings.Count(told, "\n• "); n != 10 || strings.Contains(told, "Hidden") {
			t.Errorf("%d requests are shown:\n%s", n, told)
		}
	})
}

// home has somebody open the App Home, and returns what is shown.
func home(b *bench.Bench, user, text string) slack.View {
	b.T.Helper()
	if d, err := b.Slack.OpenHome(b.T.Context(), user, slack.TabHome); err != nil || !d.Acked {
		b.T.Fatalf("%v, %s", err, d.Error)
	}
	var view slack.View
	b.Until("the home says "+text, func() bool {
		view, _ = b.Slack.Home(user)
		return strings.Contains(string(view.JSON), text)
	})
	return view
}

func TestTheAppHomeListsTheRequestsAndLeadsToTheForm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Ask()
		if view := home(b, actors.Gina, "this account is a guest"); strings.Contains(string(view.JSON), "DeployRole") {
			t.Errorf("a guest sees %s", view.JSON)
		}
		view := home(b, actors.Bob, "prod/DeployRole")
		press := func(action string) {
			t.Helper()
			if d, err := b.Slack.Click(t.Context(), actors.Bob, slack.Click{ViewID: view.ID, ActionID: action}); err != nil ||
				!d.Acked {
				t.Fatalf("%v, %s", err, d.Error)
			}
		}
		press(messages.ActionOpenCard) // which Slack follows, and nothing else happens
		press(messages.ActionAsk)
		b.Until("a form opens", func() bool { return len(b.Slack.Views(actors.Bob)) == 1 })
		b.Settle()
		form := b.Slack.Views(actors.Bob)[0]
		typing(b, actors.Bob, form.ID, "staging", "Deploy")
		send(b, actors.Bob, form.ID, filled("staging", "staging/DeployRole", "from home"))
		b.Until("a card appears", func() bool { return len(b.Cards()) == 2 })
		if r := b.Cards()[1].Request(); r.Requester != actors.Bob || r.Place.Channel != actors.Incident {
			t.Errorf("the request is %+v", r)
		}
		b.Until("the home says where it went, and lists it", func() bool {
			view, _ := b.Slack.Home(actors.Bob)
			return strings.Contains(string(view.JSON), "What you asked for went to") &&
				strings.Contains(string(view.JSON), "staging/DeployRole")
		})
		// Somebody who is not in the channel asks for nothing there.
		press(messages.ActionAsk)
		b.Until("a form opens", func() bool { return len(b.Slack.Views(actors.Bob)) == 1 })
		form = b.Slack.Views(actors.Bob)[0]
		typing(b, actors.Bob, form.ID, "prod", "Nightly")
		b.Slack.Inject(slack.Fault{Method: "chat.postEphemeral", Error: "user_not_in_channel", Times: 1})
		send(b, actors.Bob, form.ID, filled("prod", "prod/NightlyBackup", ""))
		b.Until("the home says why not", func() bool {
			view, _ := b.Slack.Home(actors.Bob)
			return strings.Contains(string(view.JSON), "Join it and ask again")
		})
		b.Settle()
		if n := len(b.Cards()); n != 2 {
			t.Errorf("%d cards", n)
		}
		b.Slack.Inject(slack.Fault{Method: "views.open", Error: "expired_trigger_id", Times: 1})
		press(messages.ActionAsk)
		b.Until("the home says that no form opened", func() bool {
			view, _ := b.Slack.Home(actors.Bob)
			return strings.Contains(string(view.JSON), "may not have opened")
		})
	})
}

func TestTheAppHomeSaysWhatWaitsForThePersonAndShowsOneAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Ask()
		b.AskFor(actors.Ines, "staging/DeployRole x")
		b.Settle()
		for user, want := range map[string][]string{
			actors.Bob:  {"Waiting for you", "staging/DeployRole", "prod/DeployRole"}, // an approver
			actors.Ines: {"Waiting for you", "prod/DeployRole", "Waiting for others", "staging/DeployRole"},
			actors.Nils: {"Waiting for others", "staging/DeployRole", "prod/DeployRole"}, // no approver
		} {
			said := string(home(b, user, "prod/DeployRole").JSON)
			at := 0
			for _, words := range []string{"Waiting for you", "Waiting for others", "Not contained", "Recent"} {
				if !slices.Contains(want, words) && strings.Contains(said, words) {
					t.Errorf("%s: there is %q: %s", user, words, said)
				}
			}
			_, said, _ = strings.Cut(said, "under way")
			for _, words := range want {
				if i := strings.Index(said[at:], words); i < 0 {
					t.Errorf("%s: %q is not in its place: %s", user, words, said)
				} else {
					at += i
				}
			}
		}
		view := home(b, actors.Bob, "staging/DeployRole")
		b.Settle() // it was drawn once more
		choose := func(account string) slack.View {
			t.Helper()
			if d, err := b.Slack.Click(t.Context(), actors.Bob, slack.Click{
				ViewID: view.ID, ActionID: messages.ActionFilter, SelectedOption: account,
			}); err != nil || !d.Acked {
				t.Fatalf("%v, %s", err, d.Error)
			}
			b.Settle()
			view, _ = b.Slack.Home(actors.Bob)
			return view
		}
		if said := string(choose("staging").JSON); !strings.Contains(said, "`staging/DeployRole`") ||
			strings.Contains(said, "`prod/DeployRole`") || !strings.Contains(said, "1 request is under way") {
			t.Errorf("the home of staging is %s", said)
		}
		if said := string(choose("*").JSON); !strings.Contains(said, "`staging/DeployRole`") ||
			!strings.Contains(said, "`prod/DeployRole`") {
			t.Errorf("the home of all is %s", said)
		}
		// However often App Homes are opened, clicks can look groups up.
		if n := len(b.Slack.Calls("usergroups.users.list")); n > 8 {
			t.Errorf("groups were looked up %d times", n)
		}
	})
}

func TestOneOpeningOfTheHomeIsDrawnOnceHoweverOftenItIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		home(b, actors.Rosa, "No request is on record")
		before, _ := b.Slack.Home(actors.Rosa)
		event := `{"type":"event_callback","team_id":"T0SANDBOX","api_app_id":"A0SANDBOX","event_id":"Ev1",` +
			`"event":{"type":"app_home_opened","user":"` + actors.Rosa + `","tab":"home"}}`
		draws := 0
		for i, payload := range []string{
			event, event, strings.Replace(event, "T0SANDBOX", "T0ELSEWHERE", 1),
			strings.Replace(event, `"home"`, `"messages"`, 1), strings.Replace(event, "app_home_opened", "user_change", 1),
		} {
			if _, err := b.Slack.SendEnvelope(t.Context(),
				[]byte(fmt.Sprintf(`{"envelope_id":"h%d","type":"events_api","payload":%s}`, i, payload))); err != nil {
				t.Fatal(err)
			}
			b.Settle()
			if now, _ := b.Slack.Home(actors.Rosa); string(now.JSON) != string(before.JSON) {
				draws, before = draws+1, now
			}
		}
		if draws != 1 {
			t.Errorf("drawn %d times", draws)
		}
	})
}

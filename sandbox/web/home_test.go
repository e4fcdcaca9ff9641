package web_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/web"
)

// homeOf is a views.publish with one button.
func homeOf(user, words string) string {
	return `{"user_id":"` + user + `","view":{"type":"home","blocks":[{"type":"section","block_id":"ask",` +
		`"text":{"type":"mrkdwn","text":"` + words + `"},
		"accessory":{"type":"button","action_id":"ask","value":"C0INCIDENT","text":{"type":"plain_text","text":"Ask"}}}]}}`
}

func TestTheHomeTabShowsWhatIsPublishedForItsPersonAndItsButtonsReachTheBot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var got []string
		stop := b.bot(t.Context(), func(envelope string) string {
			got = append(got, envelope)
			return "{}"
		})
		synctest.Wait()
		s := b.open(t.Context(), actors.Rosa, web.HomeTab)
		first := s.expect("sync").Data
		if first.Home == nil || first.Home.ID != "" || !strings.Contains(first.Home.HTML, "nothing here yet") ||
			len(first.Items) != 0 {
			t.Fatalf("before anything was published: %+v", first)
		}
		if status, a := b.act("home", `{"user":"U0ROSA"}`); status != 200 || !a.OK {
			t.Errorf("open the tab: %d %+v", status, a)
		}
		if len(got) != 1 || !strings.Contains(got[0], `"app_home_opened"`) || !strings.Contains(got[0], actors.Rosa) {
			t.Fatalf("the bot got %q", got)
		}

		b.call("views.publish", homeOf(actors.Rosa, "*One* <script>"))
		home := s.expect("patch").Data.Home
		if home == nil || !strings.Contains(home.HTML, "<b>One</b>") || strings.Contains(home.HTML, "<script>") {
			t.Fatalf("published: %+v", home)
		}
		b.call("views.publish", homeOf(actors.Bob, "of Bob"))
		b.call("views.publish", homeOf(actors.Rosa, "Two"))
		again := s.expect("patch").Data.Home
		if again == nil || again.ID != home.ID || !strings.Contains(again.HTML, "Two") {
			t.Errorf("published anew: %+v", again)
		}
		if homes := b.state().Homes; len(homes) != 2 || homes[actors.Rosa].ID != home.ID || homes[actors.Bob].ID == home.ID {
			t.Errorf("the state has %+v", homes)
		}

		click := `{"user":"U0ROSA","view":"` + home.ID + `","block_id":"ask","action_id":"ask"}`
		if status, a := b.act("click", click); status != 200 || !a.OK ||
			!strings.Contains(got[len(got)-1], `"block_actions"`) {
			t.Errorf("click: %d %+v, the bot got %q", status, a, got)
		}
		if status, a := b.act("click", strings.Replace(click, "U0ROSA", "U0BOB", 1)); status != 400 || a.OK {
			t.Errorf("Bob on Rosa's home: %d %+v", status, a)
		}
		stop()
		if status, a := b.act("home", `{"user":"U0ROSA"}`); status != 200 || a.Error != "dispatch_failed" {
			t.Errorf("without a bot: %d %+v", status, a)
		}
	})
}

func TestAChannelsStreamSaysNothingOfTheHomeTab(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open(t.Context(), actors.Rosa, actors.Incident)
		if home := s.expect("sync").Data.Home; home != nil {
			t.Errorf("sync: %+v", home)
		}
		b.call("views.publish", homeOf(actors.Rosa, "One"))
		b.act("post", `{"user":"U0BOB","channel":"C0INCIDENT","text":"x"}`)
		if patch := s.expect("patch").Data; patch.Home != nil || len(patch.Items) != 1 {
			t.Errorf("patch: %+v", patch)
		}
	})
}

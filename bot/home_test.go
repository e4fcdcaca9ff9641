package bot

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/slack"
)

func TestTheHomeOfEveryKindOfPayloadIsReadAlike(t *testing.T) {
	const view = `"view":{"id":"V1","callback_id":"revokebot_ask_form","private_metadata":"{\"channel\":\"C1\"}"}`
	interactions := map[string]string{
		"a button": `{"type":"block_actions","channel":{"id":"C1"},"actions":[{"action_id":"revokebot_approve"}],`,
		"a form":   `{"type":"view_submission",` + view + `,`,
		"a menu":   `{"type":"block_suggestion","action_id":"revokebot_role",` + view + `,`,
	}
	for home, want := range map[string]approvals.Place{
		`"team":{"id":"T1"},"enterprise":null,"is_enterprise_install":false`:               {Team: "T1"},
		`"team":{"id":"T1","enterprise_id":"E1"},"enterprise":{"id":"E1"}`:                 {Team: "T1", Enterprise: "E1"},
		`"team":{"id":"T1","enterprise_id":"E1"}`:                                          {Team: "T1", Enterprise: "E1"},
		`"team":null,"enterprise":{"id":"E1"},"is_enterprise_install":true`:                {Enterprise: "E1"},
		`"team":{"id":"T1","enterprise_id":"E2"},"enterprise":{"id":"E1"}`:                 {Team: "T1", Enterprise: "E1"},
		`"team":null,"enterprise":null,"user_team":"T1","is_enterprise_install":"unheard"`: {},
	} {
		for kind, payload := range interactions {
			got, err := read(frame{
				Type: frameClick, EnvelopeID: "E-1",
				Payload: json.RawMessage(payload + home + `,"user":{"id":"W1","team_id":"E9"}}`),
			})
			if err != nil {
				t.Fatalf("%s, %s: %v", kind, home, err)
			}
			var place approvals.Place
			if got.suggestion != nil {
				place = got.suggestion.Place
			} else if err := json.Unmarshal(got.item.Body, &place); err != nil {
				t.Fatal(err)
			}
			if place.Channel = ""; place != want {
				t.Errorf("%s, %s: got %+v, want %+v", kind, home, place, want)
			}
		}
	}
}

func TestAnEventIsOfTheOrganisationThatItOrItsInstallationNames(t *testing.T) {
	const installed = `,"authorizations":[{"enterprise_id":"E1","team_id":null,"is_enterprise_install":true}]`
	for home, want := range map[string]approvals.Place{
		`"team_id":"T1"`: {Team: "T1"},
		`"team_id":"T1","authorizations":[{"enterprise_id":null,"team_id":"T1"}]`: {Team: "T1"},
		`"team_id":"T2","authorizations":[{"enterprise_id":"E1","team_id":"T1"}]`: {Team: "T2", Enterprise: "E1"},
		`"team_id":"T2","enterprise_id":"E9"` + installed:                         {Team: "T2", Enterprise: "E9"},
		`"team_id":"T2"` + installed:                                              {Team: "T2", Enterprise: "E1"},
		`"team_id":null,"enterprise_id":"E1"`:                                     {Enterprise: "E1"},
		`"team_id":"T9","context_enterprise_id":"E1","authorizations":[]`:         {Team: "T9"},
	} {
		payload := `{"type":"event_callback",` + home +
			`,"event_id":"Ev1","event":{"type":"app_home_opened","user":"W1","tab":"home"}}`
		got, err := read(frame{Type: frameEvent, EnvelopeID: "E-1", Payload: json.RawMessage(payload)})
		if err != nil {
			t.Fatalf("%s: %v", home, err)
		}
		var place approvals.Place
		if err := json.Unmarshal(got.item.Body, &place); err != nil || place != want {
			t.Errorf("%s: got %+v, %v, want %+v", home, place, err, want)
		}
	}
}

func TestAnOrganisationIsTheHomeWhateverItsTokenSaysOfAWorkspace(t *testing.T) {
	for _, who := range []string{`"team_id":"E0"`, `"team_id":null`, `"team_id":""`, `"team_id":"T5"`} {
		for person, want := range map[string]approvals.Standing{
			`"team_id":"T7","enterprise_user":{"enterprise_id":"E0"}`: approvals.FullMember,
			`"team_id":"E0"`: approvals.FullMember,
			`"team_id":"T9"`: approvals.Outsider,
			`"team_id":"T9","enterprise_user":{"enterprise_id":"E9"}`: approvals.Outsider,
		} {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, serve(t, answers(map[string]string{
					"auth.test":  `{"ok":true,"enterprise_id":"E0",` + who + `}`,
					"users.info": `{"ok":true,"user":{"id":"W1",` + person + `}}`,
				})))
				p, err := c.Person(t.Context(), "W1")
				if err != nil {
					t.Fatal(err)
				}
				if got := p.Standing(c.Home()); got != want {
					t.Errorf("%s: %s is a %s, want %s", who, person, got, want)
				}
			})
		}
	}
}

func TestTheGroupsOfAnOrganisationAreFoundInTheWorkspacesThatTheAppWasAddedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{
			Siblings: []string{"T0SECOND", "T0THIRD", "T0NEVER"}, OrgWide: true,
			Granted: []string{"T0SANDBOX", "T0SECOND", "T0THIRD"},
		})
		c := newClient(t, client)
		server.PutGroup(slack.Group{ID: "S0HERE", Members: []string{rosa}})
		server.PutGroup(slack.Group{ID: "S0THERE", TeamID: "T0THIRD", Members: []string{"W0SAM", rosa}})
		server.PutGroup(slack.Group{ID: "S0EMPTY", TeamID: "T0SECOND"})
		server.PutGroup(slack.Group{ID: "S0OFF", TeamID: "T0SECOND", Disabled: true, Members: []string{rosa}})
		server.PutGroup(slack.Group{ID: "S0NEVER", TeamID: "T0NEVER", Members: []string{rosa}})
		members := func(group string) string {
			m, err := c.GroupMembers(t.Context(), group)
			return fmt.Sprint(m, " ", codeOf(err))
		}
		for range 2 {
			for group, want := range map[string]string{
				"S0HERE": "[" + rosa + "] ", "S0THERE": "[W0SAM " + rosa + "] ", "S0EMPTY": "[] ",
				"S0OFF": "[] no_such_subteam", "S0NEVER": "[] no_such_subteam", "S0NOWHERE": "[] no_such_subteam",
			} {
				if got := members(group); got != want {
					t.Errorf("%s: %q, want %q", group, got, want)
				}
			}
		}
		if before := len(server.Calls("")); members("S0THERE") == "" || len(server.Calls("")) != before+1 {
			t.Error("a group that was found is looked for again")
		}
		server.PutGroup(slack.Group{ID: "S0THERE", TeamID: "T0SECOND", Members: []string{"W0NEW"}})
		if got := members("S0THERE"); got != "[W0NEW] " {
			t.Errorf("after it moved: %q", got)
		}
		server.PutGroup(slack.Group{ID: "S0YOUNG", TeamID: "T0THIRD", Members: []string{rosa}})
		server.Inject(slack.Fault{Method: "auth.teams.list", HTTPStatus: 500, Times: 1})
		if got := members("S0YOUNG"); got != "[] 500" {
			t.Errorf("without the list of workspaces: %q", got)
		}
		asked := len(server.Calls("usergroups.users.list"))
		server.Inject(slack.Fault{Method: "usergroups.users.list", Error: "plan_upgrade_required", Times: 1})
		got := members("S0YOUNG")
		if n := len(server.Calls("usergroups.users.list")) - asked; got != "[] plan_upgrade_required" || n != 1 {
			t.Errorf("refused for another reason: %q after %d calls", got, n)
		}
	})
}

func TestAnAppThatWasAddedToNoWorkspaceKnowsNoGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{OrgWide: true, Granted: []string{}})
		server.PutGroup(slack.Group{ID: "S0HERE", Members: []string{rosa}})
		if m, err := newClient(t, client).GroupMembers(t.Context(), "S0HERE"); err == nil || len(m) > 0 {
			t.Errorf("got %v, %v", m, err)
		}
	})
}

func TestATokenOfAWorkspaceAsksForItsGroupsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSlack(t, slack.Config{Siblings: []string{"T0SECOND"}})
		server.PutGroup(slack.Group{ID: "S0THERE", TeamID: "T0SECOND", Members: []string{rosa}})
		if m, err := newClient(t, client).GroupMembers(t.Context(), "S0THERE"); err == nil {
			t.Errorf("got %v", m)
		}
		var called []string
		for _, call := range server.Calls("") {
			called = append(called, call.Method)
		}
		if !slices.Equal(called, []string{"usergroups.users.list"}) {
			t.Errorf("called %s", strings.Join(called, ", "))
		}
	})
}

package slack_test

import (
	"encoding/json"
	"fmt"
	"testing"

	slackgo "github.com/slack-go/slack"

	"github.com/revokebot/revokebot/sandbox/slack"
)

// sam is a person of another workspace of the organisation.
const sam = "W0SAM"

// inOrg runs a test in an organisation of two workspaces, with a channel that is in both.
func inOrg(t *testing.T, cfg slack.Config, test func(t *testing.T, r *rig)) {
	t.Helper()
	cfg.Siblings, cfg.Events = []string{"T0SISTER"}, []string{"app_home_opened"}
	inBubble(t, cfg, func(t *testing.T, r *rig) {
		r.PutUser(slack.User{ID: sam, Name: "sam", TeamID: "T0SISTER"})
		r.PutChannel(slack.Channel{
			ID: incident, Name: "incident", BotMember: true, Members: []string{"U0ALICE", sam}, OrgShared: true,
			Teams: []string{"T0SANDBOX", "T0SISTER"},
		})
		test(t, r)
	})
}

func TestEveryPayloadOfAnOrganisationSaysWhereItComesFrom(t *testing.T) {
	for _, orgWide := range []bool{false, true} {
		t.Run(fmt.Sprint("org-wide ", orgWide), func(t *testing.T) {
			inOrg(t, slack.Config{OrgWide: orgWide}, func(t *testing.T, r *rig) {
				s, _ := r.dial()
				seen := s.acking(map[string]any{"options": []any{}})
				act := func(d slack.Delivery, err error) any {
					t.Helper()
					if err != nil || !d.Acked {
						t.Fatalf("got %+v, %v", d, err)
					}
					return (<-seen)["payload"]
				}
				says := func(p any, want any, path ...any) {
					t.Helper()
					if got := dig(p, path...); got != want {
						t.Errorf("%v is %v, want %v, in %v", path, got, want, p)
					}
				}
				command := act(r.Command(soon(t), sam, incident, "/revoke-sessions", ""))
				says(command, "T0SISTER", "team_id")
				says(command, "E0SANDBOX", "enterprise_id")
				says(command, fmt.Sprint(orgWide), "is_enterprise_install")

				trigger := dig(command, "trigger_id").(string)
				asked := `{"type":"modal","title":{"type":"plain_text","text":"x"},"submit":{"type":"plain_text","text":"x"},
					"blocks":[{"type":"input","block_id":"b","label":{"type":"plain_text","text":"x"},"optional":true,
					"element":{"type":"external_select","action_id":"role","min_query_length":1}}]}`
				view := r.must("views.open", "trigger_id", trigger, "view", asked)["view"]
				id := dig(view, "id").(string)
				typed := act(r.Suggest(soon(t), sam, slack.Suggestion{ViewID: id, BlockID: "b", ActionID: "role", Value: "x"}))
				says(typed, "E0SANDBOX", "user", "team_id")
				pressed := act(r.Click(soon(t), sam, slack.Click{
					ChannelID: incident, MessageTS: r.card(incident), ActionID: "approve",
				}))
				says(pressed, "T0SISTER", "user", "team_id")
				for _, p := range []any{typed, pressed} {
					says(p, "E0SANDBOX", "enterprise", "id")
					says(p, orgWide, "is_enterprise_install")
				}
				opened := act(r.OpenHome(soon(t), sam, slack.TabHome))
				says(opened, "T0SISTER", "team_id")
				says(opened, "E0SANDBOX", "authorizations", 0, "enterprise_id")
				if orgWide {
					says(typed, nil, "team")
					says(pressed, nil, "team")
					says(opened, nil, "authorizations", 0, "team_id")
					says(view, "E0SANDBOX", "app_installed_team_id")
				} else {
					says(typed, "T0SISTER", "team", "id")
					says(typed, "E0SANDBOX", "team", "enterprise_id")
					says(pressed, "T0SANDBOX", "team", "id")
					says(opened, "T0SANDBOX", "authorizations", 0, "team_id")
					says(view, "T0SANDBOX", "app_installed_team_id")
				}
			})
		})
	}
}

func TestATokenOfAnOrganisationHasToNameAWorkspaceThatTheAppWasAddedTo(t *testing.T) {
	cfg := slack.Config{OrgWide: true, Granted: []string{"T0SISTER"}}
	inOrg(t, cfg, func(t *testing.T, r *rig) {
		r.PutGroup(slack.Group{ID: "S0HERE", Members: []string{"U0BOB"}})
		r.PutGroup(slack.Group{ID: "S0THERE", Members: []string{sam}, TeamID: "T0SISTER"})
		who, err := r.api.AuthTestContext(t.Context())
		if err != nil || who.TeamID != "E0SANDBOX" || who.EnterpriseID != "E0SANDBOX" ||
			who.URL != "https://sandbox.enterprise.slack.com/" {
			t.Errorf("got %+v, %v", who, err)
		}
		teams, _, err := r.api.ListTeamsContext(t.Context(), slackgo.ListTeamsParameters{})
		if err != nil || len(teams) != 1 || teams[0].ID != "T0SISTER" {
			t.Errorf("got %+v, %v", teams, err)
		}
		for _, method := range []string{"usergroups.users.list", "bots.info", "usergroups.list"} {
			args := map[string][]string{
				"usergroups.users.list": {"usergroup", "S0THERE"}, "bots.info": {"bot", "B0BOT"},
			}[method]
			if body := r.refused("missing_argument", method, args...); body["arg"] != "team_id" {
				t.Errorf("%s: got %v", method, body)
			}
			r.refused("team_access_not_granted", method, append(args, "team_id", "T0SANDBOX")...)
			r.refused("team_not_found", method, append(args, "team_id", "T0OTHER")...)
			r.must(method, append(args, "team_id", "T0SISTER")...)
		}
		r.must("bots.info", "bot", "B0BOT", "team_id", "E0SANDBOX")
		r.refused("no_such_subteam", "usergroups.users.list", "usergroup", "S0HERE", "team_id", "T0SISTER")
		list := r.must("usergroups.list", "team_id", "T0SISTER", "include_users", "true")["usergroups"]
		if len(list.([]any)) != 1 || dig(list, 0, "id") != "S0THERE" {
			t.Errorf("got %v", list)
		}
	})
}

func TestAnAppOfAnOrganisationSeesTheChannelsOfTheWorkspacesThatItWasAddedTo(t *testing.T) {
	inOrg(t, slack.Config{OrgWide: true, Granted: []string{"T0SISTER"}}, func(t *testing.T, r *rig) {
		r.PutChannel(slack.Channel{ID: other, Name: "other", BotMember: true, Members: []string{"U0ALICE"}})
		shared := r.must("conversations.info", "channel", incident)["channel"]
		if teams, _ := json.Marshal(dig(shared, "shared_team_ids")); string(teams) != `["T0SANDBOX","T0SISTER"]` ||
			dig(shared, "is_org_shared") != true || dig(shared, "is_ext_shared") != false {
			t.Errorf("got %v", shared)
		}
		r.must("chat.postMessage", "channel", incident, "text", "x")
		for _, method := range []string{"conversations.info", "conversations.members", "conversations.history"} {
			r.refused("team_access_not_granted", method, "channel", other)
		}
		r.refused("team_access_not_granted", "chat.postMessage", "channel", other, "text", "x")
	})
}

func TestPeopleWhoseIdsDifferInTheFirstLetterAreTwo(t *testing.T) {
	inOrg(t, slack.Config{}, func(t *testing.T, r *rig) {
		r.PutUser(slack.User{ID: "U0SAM", Name: "another sam"})
		first := dig(r.must("conversations.open", "users", sam), "channel", "id")
		if second := dig(r.must("conversations.open", "users", "U0SAM"), "channel", "id"); first == second {
			t.Errorf("both are in %v", first)
		}
	})
}

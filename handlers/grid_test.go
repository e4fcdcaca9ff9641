package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// People of the organisation whose home is its other workspace, and one of another organisation.
const (
	sister  = "T0SISTER"
	sam     = "W0SAM"
	wanda   = "W0WANDA"
	visitor = "U0VISITOR"
)

// inOrg runs a test twice: with the app in one of two workspaces of an organisation, and deployed
// to the whole of it. The incident channel is in both workspaces; Sam and Wanda approve by their
// ids, Ines by a user group, which is of the other workspace if the app may read it.
func inOrg(t *testing.T, test func(t *testing.T, b *bench.Bench)) {
	t.Helper()
	t.Parallel()
	for _, orgWide := range []bool{false, true} {
		t.Run(fmt.Sprint("org-wide ", orgWide), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				group := "S0SISTERS"
				if !orgWide {
					group = actors.Group // a token of a workspace reads the groups of that one only
				}
				b := bench.New(t, bench.Options{
					Slack:     slack.Config{Siblings: []string{sister}, OrgWide: orgWide},
					Approvers: []string{sam, wanda, group, visitor},
				})
				b.Slack.PutUser(slack.User{ID: sam, Name: "sam", TeamID: sister})
				b.Slack.PutUser(slack.User{ID: wanda, Name: "wanda", TeamID: sister})
				b.Slack.PutUser(slack.User{ID: visitor, Name: "vera", TeamID: "T0OTHER", EnterpriseID: "E0OTHER"})
				b.Slack.PutGroup(slack.Group{ID: "S0SISTERS", TeamID: sister, Members: []string{actors.Ines, sam}})
				incident(b, func(c *slack.Channel) {
					c.OrgShared, c.Teams = true, []string{"T0SANDBOX", sister}
					c.Members = append(c.Members, sam, wanda, visitor)
				})
				test(t, b)
			})
		})
	}
}

func TestPeopleOfOneOrganisationRequestAndApproveFromEitherWorkspace(t *testing.T) {
	inOrg(t, func(t *testing.T, b *bench.Bench) {
		for i, c := range []struct{ asks, approves string }{
			{actors.Rosa, sam}, {sam, wanda}, {wanda, actors.Ines},
		} {
			role := []string{"prod/" + actors.DeployRole, "staging/" + actors.DeployRole, "prod/NightlyBackup"}[i]
			card := b.AskFor(c.asks, role+" key pasted in a gist")
			card.Approve(c.approves)
			card.Becomes(approvals.StateApplied)
			if m := card.Message(); !strings.Contains(m.Text+string(m.Blocks), "<@"+c.asks+">") {
				t.Errorf("the card does not name %s: %s", c.asks, m.Text)
			}
		}
	})
}

func TestTheRequesterIsNoApproverInAnyWorkspaceOfTheOrganisation(t *testing.T) {
	inOrg(t, func(t *testing.T, b *bench.Bench) {
		card := b.AskFor(sam, "prod/"+actors.DeployRole)
		card.Approve(sam)
		b.Whispered(sam, "You can't approve your own request")
		if card.State() != approvals.StateOpen {
			t.Errorf("it is %s", card.State())
		}
	})
}

func TestPeopleOfAnotherOrganisationStayOutOfAChannelOfTwoWorkspaces(t *testing.T) {
	inOrg(t, func(t *testing.T, b *bench.Bench) {
		b.Command(visitor, "prod/"+actors.DeployRole)
		b.Whispered(visitor, "Nothing was done")
		card := b.Ask()
		card.Approve(visitor)
		b.Whispered(visitor, "not counted")
		b.Command(visitor, "status")
		b.Until("no status is shown to a visitor", func() bool { return len(b.Whispers(visitor)) == 3 })
		if said := b.Whispers(visitor)[2]; strings.Contains(said, actors.DeployRole) {
			t.Errorf("the visitor reads %s", said)
		}
		if _, err := b.Slack.OpenHome(t.Context(), visitor, slack.TabHome); err != nil {
			t.Fatal(err)
		}
		b.Settle()
		if view, _ := b.Slack.Home(visitor); strings.Contains(string(view.JSON), actors.DeployRole) {
			t.Errorf("the visitor's App Home is %s", view.JSON)
		}
		if card.State() != approvals.StateOpen || len(b.Cards()) != 1 || b.Puts() != 0 {
			t.Errorf("it is %s, with %d cards and %d writes", card.State(), len(b.Cards()), b.Puts())
		}
	})
}

func TestFormsMenusAndTheAppHomeWorkFromEitherWorkspaceOfTheOrganisation(t *testing.T) {
	inOrg(t, func(t *testing.T, b *bench.Bench) {
		view := askForm(b, sam)
		b.Settle()
		offered := typing(b, sam, view.ID, "prod", "deploy")
		if len(offered) == 0 {
			t.Fatal("nothing is offered")
		}
		send(b, sam, view.ID, filled("prod", "prod/"+actors.DeployRole, "leaked"))
		b.Until("a card appears", func() bool { return len(b.Cards()) == 1 })
		card := b.Cards()[0]

		home(b, wanda, actors.DeployRole)
		deny(b, card, wanda, "not now")
		card.Becomes(approvals.StateDenied)
		for _, e := range card.Events() {
			if e.Type == approvals.EventDenied && e.By != wanda {
				t.Errorf("denied by %s", e.By)
			}
		}
	})
}

func TestTheButtonsOfAThreadAndOfTheAppHomeWorkFromTheOtherWorkspaceToo(t *testing.T) {
	inOrg(t, func(t *testing.T, b *bench.Bench) {
		card := b.Ask()
		card.Approve(actors.Ines)
		card.Becomes(approvals.StateApplied)
		pressInThread(b, card, sam, messages.ActionReport)
		b.Until("the report is in the thread", func() bool { return card.Says("[file ") })
		b.Command(sam, "status")
		b.Whispered(sam, actors.DeployRole)

		pressInThread(b, card, sam, messages.ActionUndo)
		send(b, sam, form(b, sam).ID, map[string]map[string]any{
			messages.FieldWords: {"text": messages.ReviveWords}, messages.FieldReason: {"text": "it was a test"},
		})
		b.Until("the card of the undo appears", func() bool { return len(b.Cards()) == 2 })
		undo := b.Cards()[1]
		if r := undo.Request(); r.About != card.ID || r.Requester != sam {
			t.Errorf("the undo is %+v", r)
		}
		undo.Approve(wanda)
		undo.Becomes(approvals.StateApplied)

		view := home(b, wanda, actors.DeployRole)
		ask := slack.Click{ViewID: view.ID, ActionID: messages.ActionAsk}
		if _, err := b.Slack.Click(t.Context(), wanda, ask); err != nil {
			t.Fatal(err)
		}
		asked := form(b, wanda).ID
		b.Settle()
		typing(b, wanda, asked, "staging", "Deploy")
		send(b, wanda, asked, filled("staging", "staging/DeployRole", "from home"))
		b.Until("a card appears", func() bool { return len(b.Cards()) == 3 })
	})
}

func TestAPersonWhoseIdBeginsWithWIsNamedWhereverAPersonIs(t *testing.T) {
	inOrg(t, func(t *testing.T, b *bench.Bench) {
		card := b.AskFor(sam, "prod/"+actors.DeployRole+" leaked")
		card.Approve(wanda)
		card.Becomes(approvals.StateApplied)
		pressInThread(b, card, wanda, messages.ActionReport)
		b.Until("the report is in the thread", func() bool { return card.Says(".md]") })
		for id, name := range map[string]string{sam: "sam", wanda: "wanda"} {
			if m := card.Message(); !strings.Contains(m.Text, "<@"+id+">") || !strings.Contains(string(m.Blocks), "<@"+id+">") {
				t.Errorf("the card does not name %s: %s", id, m.Text)
			}
			if !strings.Contains(strings.Join(card.Thread(), "\n"), "<@"+id+">") {
				t.Errorf("the thread does not name %s", id)
			}
			report := false
			for _, m := range b.Slack.Messages(actors.Incident) {
				for _, f := range m.Files {
					content, _ := b.Slack.FileContent(f.ID)
					report = report || strings.HasSuffix(f.Name, ".md") &&
						strings.Contains(string(content), "`"+name+"`")
				}
			}
			if !report {
				t.Errorf("the report does not name %s", name)
			}
			waiting, err := b.DB.XRange(t.Context(), "{revokebot}:unchained", "-", "+").Result()
			if err != nil || !strings.Contains(fmt.Sprint(waiting), "by:"+id) {
				t.Errorf("what waits for the audit log does not name %s: %v", id, err)
			}
		}
		var names []string
		for _, call := range b.AWS.Calls("AssumeRole") {
			names = append(names, call.Params["SourceIdentity"])
		}
		if all := strings.Join(names, " "); !strings.Contains(all, sam) {
			t.Errorf("CloudTrail names %s", all)
		}
	})
}

func TestAClickFromAnotherHomeThanTheCommandIsRefused(t *testing.T) {
	inOrg(t, func(t *testing.T, b *bench.Bench) {
		card := b.Ask()
		at := clickEnvelope("e", "T0OTHER", "A0SANDBOX", card, sam)
		for name, home := range map[string]string{
			"of another workspace, without an organisation":       `"team":{"id":"T0OTHER"}`,
			"of another organisation":                             `"team":{"id":"T0OTHER"},"enterprise":{"id":"E0OTHER"}`,
			"of an app that another organisation has":             `"team":null,"enterprise":{"id":"E0OTHER"}`,
			"of another organisation, by its workspace":           `"team":{"id":"T0OTHER","enterprise_id":"E0OTHER"}`,
			"that names no home":                                  `"team":null,"enterprise":null`,
			"that names no home, from whom Slack says is of ours": `"team":null,"enterprise":null,"is_enterprise_install":true`,
		} {
			refused := card.Request().Refused
			envelope := strings.Replace(strings.Replace(at, `"team":{"id":"T0OTHER"}`, home, 1), `"e"`, `"`+name+`"`, 1)
			envelope = strings.Replace(envelope, `"trigger_id":"1.`, `"trigger_id":"`+name, 1)
			if _, err := b.Slack.SendEnvelope(t.Context(), []byte(envelope)); err != nil {
				t.Fatal(err)
			}
			b.Until("a click "+name+" is refused", func() bool { return card.Request().Refused == refused+1 })
			if _, code := refusal(t, card); code != approvals.RefusedWrongPlace {
				t.Errorf("a click %s is refused as %q", name, code)
			}
		}
		if card.State() != approvals.StateOpen || b.Puts() != 0 {
			t.Errorf("it is %s, with %d writes", card.State(), b.Puts())
		}
	})
}

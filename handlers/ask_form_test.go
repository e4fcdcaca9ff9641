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
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// askForm has somebody send the command alone, and returns the form that opens.
func askForm(b *bench.Bench, user string) slack.View {
	b.T.Helper()
	before := b.Slack.Views(user)
	b.Command(user, "")
	b.Until("a form opens", func() bool {
		now := b.Slack.Views(user)
		return len(now) == 1 && (len(before) == 0 || now[0].ID != before[0].ID)
	})
	return b.Slack.Views(user)[0]
}

// typing is what is offered to a requester who has chosen an account and types a part of a role's
// name: account/name, each with the words beside it.
func typing(b *bench.Bench, user, view, account, text string) []string {
	b.T.Helper()
	s := slack.Suggestion{ViewID: view, BlockID: messages.FieldRole, ActionID: messages.ActionRole, Value: text}
	if account != "" {
		s.Values = map[string]map[string]any{messages.FieldAccount: {"account": account}}
	}
	d, err := b.Slack.Suggest(b.T.Context(), user, s)
	if err != nil || d.Error != "" {
		b.T.Fatalf("%v, %s, %v", err, d.Error, d.Problems)
	}
	var answer struct {
		Options []struct {
			Value       string                `json:"value"`
			Description struct{ Text string } `json:"description"`
		} `json:"options"`
	}
	if err := json.Unmarshal(d.AckPayload, &answer); err != nil {
		b.T.Fatal(err)
	}
	offered := []string{}
	for _, o := range answer.Options {
		offered = append(offered, strings.TrimSuffix(o.Value+" ("+o.Description.Text+")", " ()"))
	}
	return offered
}

// filled are the values of the form.
func filled(account, role, reason string) map[string]map[string]any {
	return map[string]map[string]any{
		messages.FieldAccount: {"account": account}, messages.FieldRole: {messages.ActionRole: role},
		messages.FieldReason: {"text": reason},
	}
}

// send sends the form and returns its envelope's id.
func send(b *bench.Bench, user, view string, values map[string]map[string]any) string {
	b.T.Helper()
	d, err := b.Slack.Submit(b.T.Context(), user, view, values)
	if err != nil || !d.Acked || d.Error != "" {
		b.T.Fatalf("%v, acknowledged %v, %s %v", err, d.Acked, d.Error, d.Problems)
	}
	return d.EnvelopeID
}

func TestTheCommandAloneLeadsThroughAFormToARevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{RequireReason: true})
		view := askForm(b, actors.Rosa)
		b.Settle() // in which the lists are read
		for _, c := range []struct {
			account, text string
			want          []string
		}{
			{"prod", "dep", []string{"prod/DeployRole", "prod/dep (as typed; not on the list)"}},
			{"staging", "deployROLE", []string{"staging/DeployRole"}},
			{"", "deploy", []string{"prod/DeployRole", "staging/DeployRole"}},
			{"prod", "backup", []string{"prod/NightlyBackup (/ops/)", "prod/backup (as typed; not on the list)"}},
			{"prod", "arn:aws:sts::111122223333:assumed-role/DeployRole/ci", []string{"prod/DeployRole"}},
			{"prod", "staging/DeployRole", []string{"staging/DeployRole"}},
			{"prod", "AWSServiceRoleFor", []string{"prod/AWSServiceRoleFor (as typed; not on the list)"}},
			{"prod", "revokebot-sp", []string{"prod/revokebot-sp (as typed; not on the list)"}},
			{"prod", "no role at all", []string{}},
		} {
			if got := typing(b, actors.Rosa, view.ID, c.account, c.text); !slices.Equal(got, c.want) {
				t.Errorf("%q in %q: %q, want %q", c.text, c.account, got, c.want)
			}
		}
		typing(b, actors.Rosa, view.ID, "prod", "dep")
		send(b, actors.Rosa, view.ID, filled("prod", "prod/DeployRole", "key pasted\nin a gist"))
		b.Until("a card appears", func() bool { return len(b.Cards()) == 1 })
		card := b.Cards()[0]
		if r := card.Request(); r.Requester != actors.Rosa || r.Reason != "key pasted\nin a gist" ||
			r.Subject.Group != "prod" || r.Place.Channel != actors.Incident {
			t.Errorf("the request is %+v", r)
		}
		if n := len(b.Slack.Views(actors.Rosa)); n != 0 {
			t.Errorf("%d forms are open after it was sent", n)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
	})
}

func TestWhatIsWrongWithTheFormIsSaidAtItsFieldAndNothingIsRequested(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{RequireReason: true})
		view := askForm(b, actors.Rosa)
		b.Settle()
		raw := func(value any) map[string]any { return map[string]any{"type": "plain_text_input", "value": value} }
		chosen := func(value string) map[string]any {
			return map[string]any{"type": "static_select", "selected_option": map[string]any{"value": value}}
		}
		for _, c := range []struct {
			name, account, role string
			reason              map[string]any
			field, says         string
		}{
			{
				"another account", "staging", "prod/DeployRole", raw("why"), messages.FieldRole,
				"is of account prod, and staging is chosen",
			},
			{
				"an account that is gone", "closed", "prod/DeployRole", raw("why"), messages.FieldAccount,
				"not configured any more",
			},
			{"a malformed name", "prod", "prod/Deploy Role", raw("why"), messages.FieldRole, "cannot be a role name"},
			{
				"an ARN of a federated user", "prod", "arn:aws:sts::111122223333:federated-user/alice", raw("why"),
				messages.FieldRole, "federated session",
			},
			{
				"a long reason", "prod", "prod/DeployRole", raw(strings.Repeat("x", messages.MaxReason+1)), messages.FieldReason,
				"601 characters",
			},
			{"a blank reason", "prod", "prod/DeployRole", raw(" "), messages.FieldReason, "a reason is required"},
		} {
			d, err := b.Slack.Submit(t.Context(), actors.Rosa, view.ID, map[string]map[string]any{
				messages.FieldAccount: {"account": chosen(c.account)}, messages.FieldRole: {messages.ActionRole: chosen(c.role)},
				messages.FieldReason: {"text": c.reason},
			})
			if err != nil || d.Error != "" {
				// What Slack's own client would not send comes here by other ways.
				if !strings.Contains(c.name, "long reason") {
					t.Fatalf("%s: %v, %s, %v", c.name, err, d.Error, d.Problems)
				}
				continue
			}
			if got := b.Slack.Views(actors.Rosa)[0].Errors; len(got) != 1 || !strings.Contains(got[c.field], c.says) {
				t.Errorf("%s: %v", c.name, got)
			}
		}
		b.Settle()
		if len(b.Cards()) != 0 || len(b.AWS.Calls("GetRole")) != 0 {
			t.Errorf("%d cards, %d look-ups", len(b.Cards()), len(b.AWS.Calls("GetRole")))
		}
	})
}

func TestTheFormAsksNoLessThanTheCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Approvers: []string{actors.Bob}})
		// Only Bob may approve: what he asks for himself has no quorum, and that is found out after
		// the form was sent.
		view := askForm(b, actors.Bob)
		b.Settle()
		typing(b, actors.Bob, view.ID, "prod", "Deploy")
		send(b, actors.Bob, view.ID, filled("prod", "prod/DeployRole", ""))
		b.Whispered(actors.Bob, "Nothing was requested: 1 person is needed")

		view = askForm(b, actors.Rosa)
		typing(b, actors.Rosa, view.ID, "prod", "NoSuchRole")
		send(b, actors.Rosa, view.ID, filled("prod", "prod/NoSuchRole", ""))
		b.Whispered(actors.Rosa, "No role `NoSuchRole` in prod")

		// A form that was sent while Redis is away says so at a field and stays.
		view = askForm(b, actors.Rosa)
		typing(b, actors.Rosa, view.ID, "prod", "Deploy")
		b.RedisAway(true)
		send(b, actors.Rosa, view.ID, filled("prod", "prod/DeployRole", ""))
		if got := b.Slack.Views(actors.Rosa)[0].Errors[messages.FieldReason]; !strings.Contains(got, "nothing was recorded") {
			t.Errorf("at the field: %q", got)
		}
		b.RedisAway(false)
		time.Sleep(time.Minute)
		sent := send(b, actors.Rosa, view.ID, filled("prod", "prod/DeployRole", ""))
		b.Until("a card appears", func() bool { return len(b.Cards()) == 1 })
		if d, err := b.Slack.Redeliver(t.Context(), sent); err != nil || !d.Acked {
			t.Errorf("%v, %s", err, d.Error)
		}
		b.Settle()
		if n := len(b.Cards()); n != 1 {
			t.Errorf("%d cards", n)
		}
	})
}

func TestNamesOfRolesAreToldOnlyToWhomTheFormWasOpenedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Command(actors.Gina, "") // a guest
		b.Whispered(actors.Gina, "this account is a guest")
		if n := len(b.Slack.Views(actors.Gina)); n != 0 {
			t.Errorf("%d forms for a guest", n)
		}
		view := askForm(b, actors.Rosa)
		b.Settle()
		if got := typing(b, actors.Rosa, view.ID, "", "deploy"); len(got) == 0 {
			t.Error("nothing is offered")
		}
		for name, change := range map[string]func(payload map[string]any){
			"another person":    func(p map[string]any) { p["user"].(map[string]any)["id"] = actors.Gina },
			"another workspace": func(p map[string]any) { p["team"].(map[string]any)["id"] = "T0ELSEWHERE" },
			"no workspace":      func(p map[string]any) { delete(p, "team") },
			"no person":         func(p map[string]any) { delete(p, "user") },
		} {
			payload := map[string]any{
				"type": "block_suggestion", "action_id": messages.ActionRole, "block_id": messages.FieldRole, "value": "deploy",
				"user": map[string]any{"id": actors.Rosa}, "team": map[string]any{"id": "T0SANDBOX"},
				"view": json.RawMessage(view.JSON),
			}
			change(payload)
			raw, err := json.Marshal(map[string]any{
				"envelope_id": "typed-" + name, "type": "interactive", "accepts_response_payload": true, "payload": payload,
			})
			if err != nil {
				t.Fatal(err)
			}
			d, err := b.Slack.SendEnvelope(t.Context(), raw)
			if err != nil || string(d.AckPayload) != `{"options":[]}` {
				t.Errorf("%s: %v, %s", name, err, d.AckPayload)
			}
		}
	})
}

func TestWithoutAListTheRoleIsTypedAndNothingElseChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.AWS.Inject(awsstandin.Fault{Action: "ListRoles", Code: "AccessDenied", Times: -1})
		view := askForm(b, actors.Rosa)
		b.Settle()
		// Until it is known, the name is offered as it is typed.
		if got, want := typing(b, actors.Rosa, view.ID, "prod", "DeployRole"),
			[]string{"prod/DeployRole (as typed; the list cannot be read now)"}; !slices.Equal(got, want) {
			t.Errorf("offered: %q", got)
		}
		view = askForm(b, actors.Rosa)
		if !strings.Contains(string(view.JSON), "iam:ListRoles") || strings.Contains(string(view.JSON), "external_select") {
			t.Fatalf("the form is %s", view.JSON)
		}
		send(b, actors.Rosa, view.ID, map[string]map[string]any{
			messages.FieldAccount: {"account": "prod"}, messages.FieldRole: {"text": " DeployRole "},
		})
		b.Until("a card appears", func() bool { return len(b.Cards()) == 1 })
		if !b.Log.Has("the roles of an account cannot be listed") {
			t.Error("nobody is told in the log")
		}
	})
}

func TestWithoutAFormTheWordsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Slack.Inject(slack.Fault{Method: "views.open", Error: "expired_trigger_id", Times: 1})
		b.Command(actors.Rosa, "  ")
		b.Whispered(actors.Rosa, "Name the role, as in")
		b.Slack.Inject(slack.Fault{Method: "users.info", Error: "internal_error", Times: -1})
		b.Command(actors.Bob, "")
		b.Whispered(actors.Bob, "Name the role, as in")
		if n := len(b.Slack.Views(actors.Bob)); n != 0 {
			t.Errorf("%d forms for somebody who could not be looked up", n)
		}
	})
}

// BenchmarkTypeAhead answers what is typed with 10,000 roles in each of the two accounts, from the
// envelope to the acknowledgement.
func BenchmarkTypeAhead(b *testing.B) {
	x := bench.New(b, bench.Options{})
	for i := range 10_000 {
		for _, account := range []*awsstandin.Account{x.World.Prod, x.World.Staging} {
			account.AddRole(awsstandin.RoleSpec{
				Name: fmt.Sprintf("team-%d-role-%d", i%97, i), Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
					`"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
			})
		}
	}
	view := askForm(x, actors.Rosa)
	x.Until("the lists are read", func() bool { return len(typing(x, actors.Rosa, view.ID, "", "role-999")) > 10 })
	took := make([]time.Duration, 0, b.N)
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		if len(typing(x, actors.Rosa, view.ID, []string{"", "prod"}[i%2], fmt.Sprint("ROLE-", i%9000))) == 0 {
			b.Fatal("nothing is offered")
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "ms-worst")
	if worst := took[len(took)-1]; worst > 300*time.Millisecond {
		b.Errorf("the worst answer took %v", worst)
	}
}

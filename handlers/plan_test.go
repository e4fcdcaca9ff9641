package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	"github.com/revokebot/revokebot/sandbox/slack"
)

// planOf asks for the plan of a role that is revoked, and returns it.
func planOf(b *bench.Bench, name string) (plan string, card bench.Card) {
	b.T.Helper()
	card = revoke(b, "prod/"+name)
	if _, err := b.Slack.Click(b.T.Context(), actors.Nils, slack.Click{
		ChannelID: actors.Incident, MessageTS: card.TS, BlockID: "plan", ActionID: messages.ActionPlan,
		Value: card.Request().ID,
	}); err != nil {
		b.T.Fatal(err)
	}
	b.Until("the plan is read", func() bool { return count(card, approvals.EventPlan) == 1 })
	card.CaughtUp()
	for _, m := range b.Slack.Messages(actors.Incident) {
		for _, f := range m.Files {
			if content, ok := b.Slack.FileContent(f.ID); ok && strings.HasPrefix(f.Name, "recreate-") {
				plan = string(content)
			}
		}
	}
	return plan, card
}

func TestThePlanToRecreateARoleHasAllThatItConsistsOfAndWritesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: []time.Duration{time.Hour}})
		mine, err := b.World.Prod.AddManagedPolicy("web-extra", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",`+
			`"Action":"s3:ListAllMyBuckets","Resource":"*"}]}`)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.World.Prod.AttachRolePolicy("web-instance", mine); err != nil {
			t.Fatal(err)
		}
		b.World.Prod.AddRole(aws.RoleSpec{Name: "caller", Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:role/web-instance"}}]}`})
		writes := func() (n int) {
			for _, action := range []string{
				"CreateRole", "DeleteRole", "DeleteRolePolicy", "DetachRolePolicy",
				"PutRolePolicy",
			} {
				n += len(b.AWS.Calls(action))
			}
			return n
		}
		plan, _ := planOf(b, "web-instance")
		for _, text := range []string{
			"**This cannot be undone.**", "AROA", "trust policy of role `caller` names this role", "KMS grants",
			"`read.json`", `"ssm:GetParameters"`, "put-role-policy --role-name web-instance --policy-name work",
			"remove-role-from-instance-profile --role-name web-instance --instance-profile-name web-instance",
			"attach-role-policy --role-name web-instance --policy-arn " + mine,
			"delete-role-policy --role-name web-instance --policy-name AWSRevokeOlderSessions",
			"create-role --role-name web-instance --path / --max-session-duration 3600", "`ec2.amazonaws.com` can use the role",
		} {
			if !strings.Contains(plan, text) {
				t.Errorf("the plan has no %q", text)
			}
		}
		irreversible, first := strings.Index(plan, "cannot be undone"), strings.Index(plan, "aws iam")
		if irreversible < 0 || irreversible > first || strings.Contains(plan, "put-role-policy --role-name web-instance "+
			"--policy-name AWSRevoke") || writes() != 1 {
			t.Errorf("%d writes\n%s", writes(), plan)
		}
	})
}

func TestThePlanNamesWhatTheReadingRoleMayNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: []time.Duration{time.Hour}})
		for _, action := range []string{"ListInstanceProfilesForRole", "ListAttachedRolePolicies"} {
			b.AWS.Inject(aws.Fault{Action: action, Code: "AccessDenied", Times: -1})
		}
		plan, card := planOf(b, "web-instance")
		for _, text := range []string{
			"**Unknown:** The instance profiles could not",
			"**Unknown:** The attached policies could not",
		} {
			if !strings.Contains(plan, text) {
				t.Errorf("no %q in\n%s", text, plan)
			}
		}
		// a second one within minutes is the first
		if _, err := b.Slack.Click(t.Context(), actors.Nils, slack.Click{
			ChannelID: actors.Incident, MessageTS: card.TS, BlockID: "plan", ActionID: messages.ActionPlan,
			Value: card.Request().ID,
		}); err != nil {
			t.Fatal(err)
		}
		b.Whispered(actors.Nils, "in the thread already")
	})
}

package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

func TestWhoAsksForARoleOfIdentityCenterGetsTheStepsAndThePolicy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Command(actors.Rosa, "prod/AWSReservedSSO_AdministratorAccess_0a1b2c3d4e5f6a7b a laptop was stolen")
		b.Whispered(actors.Rosa, "Identity Center")
		told := strings.Join(b.Whispers(actors.Rosa), "\n")
		for _, words := range []string{
			"1. `Find the person's user id", "7. `Keep the service control policy for at least 12 hours",
			"AWSReservedSSO_AdministratorAccess_????????????????", `"aws:TokenIssueTime"`, "```",
		} {
			if !strings.Contains(told, words) {
				t.Errorf("the answer lacks %q:\n%s", words, told)
			}
		}
		if n := len(b.Cards()); n != 0 {
			t.Errorf("%d cards", n)
		}
	})
}

// A spoke that does not let the bot name the people: the revocation goes on only where that is
// configured, and the thread says so.
func TestThatASessionCouldNotNameThePeopleIsTold(t *testing.T) {
	t.Parallel()
	for _, allowed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{AllowUnnamed: allowed})
			card := b.Ask()
			spoke, _ := b.World.Prod.Role("revokebot-spoke")
			trust := strings.NewReplacer("sts:SetSourceIdentity", "sts:DecodeAuthorizationMessage", "sts:TagSession",
				"sts:DecodeAuthorizationMessage").Replace(spoke.Trust)
			if trust == spoke.Trust {
				t.Fatalf("the trust policy is %s", trust)
			}
			if err := b.World.Prod.SetTrust("revokebot-spoke", trust); err != nil {
				t.Fatal(err)
			}
			// Who allows such sessions lets them write, too.
			if err := b.World.Prod.DeleteRolePolicy("revokebot-spoke", "named-sessions"); err != nil {
				t.Fatal(err)
			}
			card.Approve(actors.Bob)
			if !allowed {
				card.Becomes(approvals.StateFailed)
				if !card.Says("Allow sts:SetSourceIdentity and sts:TagSession") {
					t.Errorf("what is told:\n%s", b.Transcript())
				}
				return
			}
			card.Becomes(approvals.StateApplied)
			if !card.Says("*not the people*") {
				t.Errorf("it is not told:\n%s", b.Transcript())
			}
		})
	}
}

// The card names the gravest warnings, and its details say what a revocation does not stop, and
// every warning with its next step.
func TestTheDetailsSayWhatIsNotTouchedAndEveryWarning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		_, err := b.World.Prod.NewRole(awsstandin.RoleSpec{
			Name: "Everything", Tags: map[string]string{"ManagedBy": "Terraform"},
			Trust: `{"Version":"2012-10-17","Statement":[` +
				`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"},` +
				`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::444455556666:root","arn:aws:iam::` + actors.ProdID +
				`:role/Everything"]},"Action":"sts:AssumeRole"},` +
				`{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","lambda.amazonaws.com","ecs-tasks.amazonaws.com",` +
				`"pods.eks.amazonaws.com"]},"Action":["sts:AssumeRole","sts:TagSession"]}]}`,
			Policies: map[string]string{
				"all": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
				denyPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*",` +
					`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"1999-12-01T00:00:00Z"}}}]}`,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		card := b.AskFor(actors.Rosa, "prod/Everything")
		card.CaughtUp()
		for _, words := range []string{
			"• prod/Everything can write IAM policies\\n", "• AWSRevokeOlderSessions is on prod/Everything already\\n",
			"• 8 more in Details",
		} {
			if blocks := string(card.Message().Blocks); !strings.Contains(blocks, words) {
				t.Errorf("the card lacks %q: %s", words, blocks)
			}
		}
		blocks := details(b, card, actors.Nils)
		for _, words := range []string{
			"*Not touched*: long-term access keys, federation tokens, and sessions that this role's sessions opened in other " +
				"roles",
			"can assume the role again", "lets everybody assume it", "444455556666",
			"Check them too, or take them out of the trust policy.",
			"a reboot does not help.", "Update a function", "Force a new deployment", "Restart the pods.",
			"can write IAM policies", "that lets only revokebot change its policies.",
			"before 1999-12-01T00:00:00", "is managed by Terraform",
		} {
			if !strings.Contains(blocks, words) {
				t.Errorf("the details lack %q", words)
			}
		}
		if t.Failed() {
			t.Log(blocks)
		}
	})
}

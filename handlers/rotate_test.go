package handlers_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/bench"
)

const vendorTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` +
	actors.ProdID + `:user/ci/ci-deploy"},"Action":"sts:AssumeRole","Condition":{"StringEquals":` +
	`{"sts:ExternalId":"leaked-id"}}}]}`

// vendorOpens is a third party that opens a session of DeployRole with an external id.
func vendorOpens(b *bench.Bench, id string) error {
	_, err := sts.NewFromConfig(b.SDK(b.World.CI)).AssumeRole(b.T.Context(), &sts.AssumeRoleInput{
		RoleArn: &b.World.Role, RoleSessionName: awssdk.String("vendor"), ExternalId: &id,
	})
	return err
}

var newExternalID = regexp.MustCompile("new external id for .* is `([A-Z2-7]+)`")

func TestAnExternalIdIsRotatedInTwoRequestsAndTheNewOneIsShownToTheRequesterAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks, FollowUps: []time.Duration{30 * time.Second, 100 * time.Second}})
		if err := b.World.Prod.SetTrust(actors.DeployRole, vendorTrust); err != nil {
			t.Fatal(err)
		}
		card := b.AskFor(actors.Rosa, "rotate-external-id prod/DeployRole the vendor's id leaked")
		b.Whispered(actors.Rosa, "The new external id")
		found := newExternalID.FindStringSubmatch(strings.Join(b.Whispers(actors.Rosa), "\n"))
		if found == nil || len(b.Whispers(actors.Bob)) != 0 {
			t.Fatalf("the requester is told %s", b.Whispers(actors.Rosa))
		}
		id := found[1]
		if r := card.Request(); r.Purpose != "rotate-external-id" || r.Required != 2 {
			t.Fatalf("%s, %d", r.Purpose, r.Required)
		}
		card.Approve(actors.Bob)
		card.Approve(actors.Ines)
		card.Becomes(approvals.StateApplied)
		b.Settle()
		want := strings.Replace(vendorTrust, `"leaked-id"`, `["leaked-id","`+id+`"]`, 1)
		if got := trustOf(b); got != want {
			t.Fatalf("the trust policy is %s", got)
		}
		for _, one := range []string{"leaked-id", id} {
			if err := vendorOpens(b, one); err != nil {
				t.Errorf("%s: %v", one, err)
			}
		}
		b.Until("the thread tells that the partner has the new one", func() bool {
			return card.Says("shows the third party with the new external id")
		})
		pressIn(b, card, actors.Rosa, messages.ActionFurther)
		b.Until("the second rotation is asked for", func() bool { return len(b.Cards()) == 2 })
		second := b.Cards()[1]
		second.Approve(actors.Bob)
		second.Approve(actors.Ines)
		second.Becomes(approvals.StateApplied)
		if facts, err := record.FactsOf(second.Request()); err != nil || !facts.Rotate.Only || facts.Rotate.New != id {
			t.Errorf("%+v, %v", facts.Rotate, err)
		}
		b.Settle()
		if got := trustOf(b); got != strings.Replace(vendorTrust, `"leaked-id"`, `["`+id+`"]`, 1) {
			t.Errorf("the trust policy is %s", got)
		}
		if vendorOpens(b, "leaked-id") == nil || vendorOpens(b, id) != nil {
			t.Error("the old external id works, or the new one does not")
		}
		byTwo(b, "undo rotate-external-id prod/DeployRole the vendor was not ready")
		b.Settle()
		if got := trustOf(b); got != want {
			t.Errorf("after the undo the trust policy is %s", got)
		}
		for _, c := range b.Cards() {
			if text := string(c.Message().Blocks) + strings.Join(c.Thread(), "\n"); strings.Contains(text, id) {
				t.Errorf("a message has the new external id: %s", text)
			}
		}
	})
}

func TestAnExternalIdThatCannotBeRotatedIsRefusedInOneSentence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		b.Command(actors.Rosa, "rotate-external-id prod/DeployRole why")
		b.Whispered(actors.Rosa, "has no condition on sts:ExternalId")
		if len(b.Cards()) != 0 || strings.Contains(strings.Join(b.Whispers(actors.Rosa), "\n"), "The new external id") {
			t.Error("there is a card, or an id that nobody asked for")
		}
	})
}

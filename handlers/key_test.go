package handlers_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
	slackstandin "github.com/revokebot/revokebot/sandbox/slack"
)

const ciUser = "ci-deploy"

// userPolicy is the bot's policy on a user of prod.
func userPolicy(b *bench.Bench, user string) string {
	u, _ := b.World.Prod.User(user)
	return u.Policies["RevokebotOlderSessions"]
}

// keyStatus is the status of an access key of a user of prod.
func keyStatus(b *bench.Bench, user, key string) string {
	u, _ := b.World.Prod.User(user)
	return u.Keys[key]
}

// userSession opens a session with a user's access key.
func userSession(b *bench.Bench, key awsstandin.AccessKey) awsstandin.AccessKey {
	b.T.Helper()
	out, err := sts.NewFromConfig(b.SDK(key)).GetSessionToken(b.T.Context(), &sts.GetSessionTokenInput{})
	if err != nil {
		b.T.Fatal(err)
	}
	c := out.Credentials
	return awsstandin.AccessKey{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
	}
}

// assumes has a key assume DeployRole: all that user ci-deploy may do.
func assumes(b *bench.Bench, key awsstandin.AccessKey) error {
	b.T.Helper()
	_, err := sts.NewFromConfig(b.SDK(key)).AssumeRole(b.T.Context(), &sts.AssumeRoleInput{
		RoleArn: &b.World.Role, RoleSessionName: aws.String("deploy-1900"),
	})
	return err
}

// deactivate contains the key of user ci-deploy with two people.
func deactivate(b *bench.Bench, text string) bench.Card {
	b.T.Helper()
	card := b.AskFor(actors.Rosa, text)
	card.Approve(actors.Bob)
	card.Becomes(approvals.StateApplied)
	return card
}

func TestALeakedKeyIsMadeInactiveItsSessionsAreDeniedAndAnUndoLeavesTheKeyInactive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		leaked := b.World.CI.AccessKeyID
		old := userSession(b, b.World.CI)
		if err := assumes(b, old); err != nil {
			t.Fatal(err)
		}
		card := b.AskFor(actors.Rosa, "`"+leaked+"` pasted in a gist")
		r := card.Request()
		if r.Purpose != "key" || r.Reason != "pasted in a gist" || r.Subject.Group != "prod" || r.Subject.Part != leaked {
			t.Fatalf("%+v", r)
		}
		blocks := string(card.Message().Blocks)
		for _, words := range []string{
			"Approval needed: deactivate access key " + leaked + " of prod/ci-deploy", "*Who uses it now",
			"the key is never made active again",
		} {
			if !strings.Contains(blocks, words) {
				t.Errorf("the card lacks %q:\n%s", words, blocks)
			}
		}
		for _, words := range []string{"Who may assume it", "Maximum session", "of the role", "this role"} {
			if strings.Contains(blocks, words) {
				t.Errorf("the card says %q:\n%s", words, blocks)
			}
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Settle()
		if keyStatus(b, ciUser, leaked) != "Inactive" || userPolicy(b, ciUser) == "" {
			t.Fatal("the key is active, or its sessions are not denied")
		}
		if assumes(b, b.World.CI) == nil || assumes(b, old) == nil {
			t.Error("the key or its session works")
		}
		b.Until("it is simulated", func() bool {
			p := record.Proven(card.Events())
			return p.Simulated != nil && p.Simulated.Proven
		})
		title := "Deactivated, still open: 1 role · access key " + leaked + " of `prod/ci-deploy`"
		if !strings.Contains(card.Message().Text, title) {
			t.Errorf("the title:\n%s", card.Message().Text)
		}
		b.Until("the guard ends", func() bool { return card.Request().Watched.Type == approvals.EventHeld })
		undo := undoBy(b, "undo "+leaked+" revive old sessions over")
		if u := undo.Request(); u.Purpose != "undo:key" || u.About != card.ID || u.Subject.Part != leaked {
			t.Errorf("%+v", u)
		}
		b.Settle()
		if keyStatus(b, ciUser, leaked) != "Inactive" || userPolicy(b, ciUser) != "" || assumes(b, old) != nil {
			t.Error("the undo touched the key, or left the policy")
		}
		if n := len(b.AWS.Calls("UpdateAccessKey")); n != 1 {
			t.Errorf("%d calls of UpdateAccessKey", n)
		}
		if text := b.Transcript(); !strings.Contains(text, "a leaked key is never made active again") {
			t.Errorf("%s", text)
		}
	})
}

func TestASessionOfAUserAsksForTheKeyThatOpenedIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		old := userSession(b, b.World.CI)
		time.Sleep(10 * time.Minute) // CloudTrail is late
		card := b.AskFor(actors.Rosa, old.AccessKeyID+" found in a log")
		if r := card.Request(); r.Purpose != "key" || r.Subject.Part != b.World.CI.AccessKeyID {
			t.Errorf("%+v", r)
		}
		if blocks := string(card.Message().Blocks); !strings.Contains(blocks, "Asked for by access key "+old.AccessKeyID) {
			t.Errorf("the card does not say how it was asked for: %s", blocks)
		}
	})
}

func TestAUsersARNOffersItsActiveKeysAndNoneIsTakenByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		first := b.World.CI.AccessKeyID
		second, err := b.World.Prod.NewUser(awsstandin.UserSpec{Name: ciUser, Path: "/ci/"})
		if err != nil {
			t.Fatal(err)
		}
		const arn = "arn:aws:iam::111122223333:user/ci/ci-deploy"
		b.Command(actors.Rosa, "drill "+arn+" first Monday")
		b.Whispered(actors.Rosa, "which access key of")
		if n := len(b.Cards()); n != 0 {
			t.Fatalf("%d cards", n)
		}
		asked := whispersTo(b, actors.Rosa)
		last := asked[len(asked)-1]
		for _, key := range []string{first, second.AccessKeyID} {
			if !strings.Contains(string(last.Blocks), "Deactivate "+key) {
				t.Errorf("no button for %s: %s", key, last.Blocks)
			}
		}
		if _, err := b.Slack.Click(t.Context(), actors.Rosa, slackstandin.Click{
			ChannelID: actors.Incident, MessageTS: last.TS, BlockID: "key 1", ActionID: messages.ActionMeant,
		}); err != nil {
			t.Fatal(err)
		}
		b.Until("a card appears", func() bool { return len(b.Cards()) == 1 })
		r := b.Cards()[0].Request()
		if r.Purpose != "drill:key" || r.Reason != "first Monday" || r.Requester != actors.Rosa ||
			r.Subject.Part != first && r.Subject.Part != second.AccessKeyID {
			t.Errorf("%+v", r)
		}
	})
}

// whispersTo are the messages that only one person sees, oldest first.
func whispersTo(b *bench.Bench, user string) (all []slackstandin.Message) {
	for _, m := range b.Slack.Messages(actors.Incident) {
		if m.Ephemeral && m.VisibleTo == user {
			all = append(all, m)
		}
	}
	return all
}

func TestTheEvidenceOfAKeyFollowsItToItsRolesAndItIsNotContainedWhileThoseLive(t *testing.T) {
	t.Parallel()
	for name, acts := range map[string]bool{"the role's session is silent": false, "it makes calls": true} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{
				Guard: looks, FollowUps: []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute},
			})
			pivot := b.Session("deploy-1900")
			userSession(b, b.World.CI)
			time.Sleep(10 * time.Minute)
			card := b.AskFor(actors.Rosa, b.World.CI.AccessKeyID+" pasted")
			b.Until("the card says who uses it", func() bool {
				return strings.Contains(card.Message().Text, "2 calls, last call")
			})
			card.Approve(actors.Bob)
			card.Becomes(approvals.StateApplied)
			time.Sleep(5 * time.Minute)
			if acts {
				if err := b.Works(pivot); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(31 * time.Minute)
			b.Until("the verdict is there", func() bool { return card.Request().Judged.Type == approvals.EventVerdict })
			card.CaughtUp()
			v, err := record.Detail[record.Conclusion](card.Request().Judged)
			want := record.WordUnknown
			if acts {
				want = record.WordNotContained
			}
			if err != nil || v.Word != want || len(v.Roles) != 1 || v.Roles[0].RoleARN != b.World.Role {
				t.Errorf("%s: %+v, %v", name, v, err)
			}
			text := b.Transcript()
			for _, words := range []string{
				"*Leaked:* access key `" + b.World.CI.AccessKeyID + "`", "`prod/DeployRole` was assumed from access key",
			} {
				if !strings.Contains(text, words) {
					t.Errorf("%s: the thread lacks %q:\n%s", name, words, text)
				}
			}
			if strings.Contains(text, "*Contained*") || strings.Contains(text, "this role") {
				t.Errorf("%s:\n%s", name, text)
			}
		})
	}
}

func TestTheFormOffersAUserByItsARN(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		const arn = "arn:aws:iam::111122223333:user/ci/ci-deploy"
		view := askForm(b, actors.Rosa)
		want := []string{arn + " (a user: its access keys are listed)"}
		if got := typing(b, actors.Rosa, view.ID, "prod", arn); !slices.Equal(got, want) {
			t.Errorf("offered %q, want %q", got, want)
		}
		send(b, actors.Rosa, view.ID, filled("prod", arn, "a gist"))
		b.Whispered(actors.Rosa, "which access key of")
	})
}

// What a stolen session made is contained by a button of Act now.
func TestAnAccessKeyThatAStolenSessionMadeIsAskedForByAButton(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{FollowUps: []time.Duration{5 * time.Minute}})
		leaked := b.Session("deploy-1840")
		made, err := iam.NewFromConfig(b.SDK(leaked)).CreateAccessKey(t.Context(),
			&iam.CreateAccessKeyInput{UserName: aws.String(ciUser)})
		if err != nil {
			t.Fatal(err)
		}
		key := *made.AccessKey.AccessKeyId
		time.Sleep(10 * time.Minute)
		card := deactivate(b, leaked.AccessKeyID+" pasted") // a role: its sessions are revoked
		b.Until("it is told", func() bool { return card.Says("/revoke-sessions " + key) })
		for _, m := range b.Slack.Messages(actors.Incident) {
			if !strings.Contains(m.Text, "*Act now:*") {
				continue
			}
			if _, err := b.Slack.Click(t.Context(), actors.Rosa, slackstandin.Click{
				ChannelID: actors.Incident, MessageTS: m.TS, ActionID: messages.ActionMeant,
			}); err != nil {
				t.Fatal(err)
			}
		}
		b.Until("a card appears", func() bool { return len(b.Cards()) == 2 })
		if r := b.Cards()[1].Request(); r.Purpose != "key" || r.Subject.Part != key {
			t.Errorf("%+v", r)
		}
	})
}

package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// whisperedFor is what a person alone is told upon a command.
func whisperedFor(b *bench.Bench, text string) string {
	b.T.Helper()
	before := len(b.Whispers(actors.Rosa))
	b.Command(actors.Rosa, text)
	b.Until(text+" is answered", func() bool { return len(b.Whispers(actors.Rosa)) > before })
	return strings.Join(b.Whispers(actors.Rosa)[before:], "\n")
}

func TestEachCallThatAWSRefusesForAKeyIsOneSentenceOrAWarningOnTheCard(t *testing.T) {
	t.Parallel()
	for action, c := range map[string]struct{ code, told, warned string }{
		"GetAccessKeyInfo":         {"AccessDenied", "may not ask AWS which account access key", ""},
		"GetAccessKeyLastUsed":     {"AccessDenied", "No user in prod has access key", ""},
		"GetUser":                  {"AccessDenied", "does not allow revokebot iam:GetUser", ""},
		"ListAccessKeys":           {"AccessDenied", "", "is active (not allowed)"},
		"GetUserPolicy":            {"AccessDenied", "", "what RevokebotOlderSessions says"},
		"ListUserPolicies":         {"AccessDenied", "", "whether the inline policies leave room"},
		"ListAttachedUserPolicies": {"AccessDenied", "", "whether AWS has restricted it"},
		"ListGroupsForUser":        {"AccessDenied", "", "which groups it is in"},
		"GetLoginProfile":          {"AccessDenied", "", "whether it has a console password"},
		"SimulatePrincipalPolicy":  {"AccessDenied", "", "whether it can write IAM"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{})
			b.AWS.Inject(awsstandin.Fault{Action: action, Code: c.code, Times: -1})
			text := b.World.CI.AccessKeyID + " pasted"
			if c.told != "" {
				if got := whisperedFor(b, text); !strings.Contains(got, c.told) || len(b.Cards()) > 0 {
					t.Errorf("%s: %d cards, and %q does not say %q", action, len(b.Cards()), got, c.told)
				}
				return
			}
			card := b.AskFor(actors.Rosa, text)
			facts, err := record.FactsOf(card.Request())
			if warned := strings.Join(facts.Warnings, "\n"); err != nil || !strings.Contains(warned, c.warned) {
				t.Errorf("%s: the card does not say %q: %s, %v", action, c.warned, warned, err)
			}
		})
	}
}

func TestCloudTrailThatIsThrottledOrSilentIsNamedWithTheQuestionForARole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault awsstandin.Fault
		told  string
	}{
		"throttled": {awsstandin.Fault{Action: "LookupEvents", Code: "ThrottlingException", Times: -1}, "too many requests"},
		"refused":   {awsstandin.Fault{Action: "LookupEvents", Code: "AccessDeniedException", Times: -1}, "not allowed"},
		"a region that does not answer": {
			awsstandin.Fault{Service: "cloudtrail", Region: "eu-west-1", Hang: true, Times: -1},
			"eu-west-1: it did not answer in time",
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{TrailDelay: time.Hour})
			key := b.Session("deploy-2").AccessKeyID
			b.AWS.Inject(c.fault)
			got := whisperedFor(b, key+" pasted")
			if !strings.Contains(got, c.told) || !strings.Contains(got, "give its role") || len(b.Cards()) > 0 {
				t.Errorf("%s: %q", name, got)
			}
		})
	}
}

func TestAUserThatIsDeletedBetweenCardAndClickIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.AskFor(actors.Rosa, b.World.CI.AccessKeyID+" pasted")
		if err := b.World.Prod.DeleteUser(ciUser); err != nil {
			t.Fatal(err)
		}
		card.Approve(actors.Bob)
		b.Until("it ends", func() bool { return card.State().Ended() })
		if s := card.State(); s != approvals.StateFailed && s != approvals.StateVoid ||
			len(b.AWS.Calls("UpdateAccessKey"))+len(b.AWS.Calls("PutUserPolicy")) > 0 {
			t.Errorf("it is %s", s)
		}
		if !strings.Contains(b.Transcript(), "No such user") {
			t.Errorf("the thread does not say why:\n%s", b.Transcript())
		}
	})
}

// The unique id stays, and so do the key and the sessions.
func TestAUserThatIsRenamedBetweenCardAndClickIsContained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.AskFor(actors.Rosa, b.World.CI.AccessKeyID+" pasted")
		if err := b.World.Prod.RenameUser(ciUser, "ci-deploy-2"); err != nil {
			t.Fatal(err)
		}
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if keyStatus(b, "ci-deploy-2", b.World.CI.AccessKeyID) != "Inactive" || userPolicy(b, "ci-deploy-2") == "" {
			t.Error("the key is active, or its sessions are not denied")
		}
	})
}

func TestOfTwoUsersOfOneNameTheKeySaysWhichAccountIsMeant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		other, err := b.World.Staging.NewUser(awsstandin.UserSpec{Name: ciUser, Path: "/ci/"})
		if err != nil {
			t.Fatal(err)
		}
		card := deactivate(b, other.AccessKeyID+" pasted")
		u, _ := b.World.Staging.User(ciUser)
		if card.Request().Subject.Group != "staging" || u.Keys[other.AccessKeyID] != "Inactive" ||
			keyStatus(b, ciUser, b.World.CI.AccessKeyID) != "Active" || userPolicy(b, ciUser) != "" {
			t.Errorf("%+v", card.Request())
		}
	})
}

func TestTwentyKeysInOneTextAreNotTakenForOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		keys := []string{b.World.CI.AccessKeyID}
		for range 19 {
			keys = append(keys, b.Session("deploy-2").AccessKeyID)
		}
		for _, between := range []string{" ", ",", "\n", "` `"} {
			if got := whisperedFor(b, strings.Join(keys, between)); !strings.Contains(got, "one access key id at a time") {
				t.Errorf("%q: %s", between, got)
			}
			time.Sleep(time.Minute)
		}
		if len(b.Cards()) > 0 {
			t.Error("a card appears")
		}
	})
}

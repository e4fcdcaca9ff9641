package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// written is the policy on DeployRole in prod.
func written(t *testing.T, b *bench.Bench) (document string, cutoff time.Time) {
	t.Helper()
	document, ok := b.World.Prod.RolePolicy(actors.DeployRole, "AWSRevokeOlderSessions")
	if !ok {
		t.Fatal("no policy AWSRevokeOlderSessions on the role")
	}
	var p struct {
		Statement []struct {
			Condition struct {
				DateLessThan map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Statement {
		text, ok := s.Condition.DateLessThan["aws:TokenIssueTime"]
		if !ok {
			continue
		}
		if !strings.HasSuffix(text, "Z") {
			t.Errorf("the date %q is not in UTC with a Z", text)
		}
		at, err := time.Parse("2006-01-02T15:04:05.000Z", text)
		if err != nil {
			t.Fatal(err)
		}
		return document, at
	}
	t.Fatalf("no condition on aws:TokenIssueTime in %s", document)
	return "", time.Time{}
}

// Rule 9.
func TestTheCutoffIsAWSsTimeNeverThisMachinesSlacksOrTheMomentOfTheRequest(t *testing.T) {
	t.Parallel()
	for _, offset := range []time.Duration{0, 72 * time.Hour, -72 * time.Hour, 90 * time.Second, -90 * time.Second} {
		t.Run(offset.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{ClockOffset: offset})
				card := b.Ask()
				time.Sleep(10*time.Minute + 300*time.Millisecond) // the request is old when it is approved
				pressed := b.AWS.Now()
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				_, cutoff := written(t, b)
				if !cutoff.Equal(cutoff.Truncate(time.Second)) {
					t.Errorf("cutoff %v is not a whole second", cutoff)
				}
				if ahead := cutoff.Sub(pressed); ahead < 30*time.Second || ahead > 34*time.Second {
					t.Errorf("the cutoff lies %v past AWS's time at the click, with a margin of 30s", ahead)
				}
			})
		})
	}
}

// Rule 10.
func TestTheCutoffNeverMovesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		future := b.AWS.Now().Add(time.Hour).UTC().Truncate(time.Second)
		if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, denyText(future)); err != nil {
			t.Fatal(err)
		}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if _, cutoff := written(t, b); !cutoff.Equal(future) {
			t.Errorf("the cutoff moved from %s to %s", future, cutoff)
		}
	})
}

// Rule 10.
func TestWhatIsNotExactlyARevocationStaysAndOursGoesBesideIt(t *testing.T) {
	t.Parallel()
	for name, foreign := range map[string]string{
		"another statement": strings.Replace(denyText(time.Unix(1_000_000_000, 0)), `[{"Effect"`,
			`[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"},{"Effect"`, 1),
		"a date too far ahead": denyText(time.Date(2000, 1, 1, 5, 0, 0, 0, time.UTC)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bench.New(t, bench.Options{Guard: looks})
				if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, foreign); err != nil {
					t.Fatal(err)
				}
				card := b.Ask()
				own := "RevokebotOlderSessions-" + card.ID[:8]
				beside := func() string {
					document, _ := b.World.Prod.RolePolicy(actors.DeployRole, own)
					return document
				}
				card.Approve(actors.Bob)
				card.Becomes(approvals.StateApplied)
				if onRole(b) != foreign || !strings.Contains(beside(), `"aws:TokenIssueTime":"2000-01-01T00:0`) {
					t.Errorf("on the role: %s\nbeside it: %s", onRole(b), beside())
				}
				// The guard restores ours and leaves the other one alone.
				if err := b.World.Prod.DeleteRolePolicy(actors.DeployRole, own); err != nil {
					t.Fatal(err)
				}
				b.Until("the deny is back", func() bool { return beside() != "" })
				b.Until("it is posted", func() bool {
					return card.Says("found the inline policy `"+own+"`") && card.Says("Restored (")
				})
				undo := b.AskFor(actors.Rosa, "undo prod/"+actors.DeployRole+" revive old sessions")
				undo.Approve(actors.Bob)
				undo.Becomes(approvals.StateApplied)
				if onRole(b) != foreign || beside() != "" || !undo.Says("is off the role (verified)") {
					t.Errorf("after the undo: %s\nbeside it: %s\n%s", onRole(b), beside(), b.Transcript())
				}
			})
		})
	}
}

// A foreign document is told before the approval and after it, with its name and its text; a lock
// that stands in the future in the card's first line.
func TestAForeignDocumentIsNamedOnTheCardAndQuotedInItsDetailsAndTheThread(t *testing.T) {
	t.Parallel()
	const allow = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	words := strings.Replace(strings.Replace(allow, "Allow", "Deny", 1), "{", `{"Id":"*<!channel>*",`, 1)
	lock := denyText(time.Date(2999, 12, 31, 0, 0, 0, 0, time.UTC))
	for name, c := range map[string]struct {
		text, first string
		between     bool // put there between card and click
	}{
		"an Allow before":  {allow, "", false},
		"an Allow between": {allow, "", true},
		"a lock before":    {lock, "*Someone has locked this role.* The policy AWSRevokeOlderSessions", false},
		"a lock between":   {lock, "", true},
		"words of its own": {words, "", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := bench.New(t, bench.Options{})
			put := func() {
				if err := b.World.Prod.PutRolePolicy(actors.DeployRole, denyPolicy, c.text); err != nil {
					t.Fatal(err)
				}
			}
			if !c.between {
				put()
			}
			card := b.Ask()
			begin := aws.QuoteLong(c.text)[:40]
			blocks := string(card.Message().Blocks)
			escaped, _ := json.Marshal(begin)
			if told := strings.Contains(details(b, card, actors.Bob), strings.Trim(string(escaped), `"`)); told == c.between ||
				!c.between && !strings.Contains(blocks, "The policy AWSRevokeOlderSessions is there already") ||
				!strings.Contains(blocks, c.first) || c.first == "" && strings.Contains(blocks, "has locked") {
				t.Errorf("%s: the card says %s", name, blocks)
			}
			if c.between {
				put()
			}
			card.Approve(actors.Bob)
			card.Becomes(approvals.StateApplied)
			card.CaughtUp()
			if !card.Says("The policy AWSRevokeOlderSessions is there already") || !card.Says(begin[:20]) ||
				c.text == lock && !card.Says("issued before 2999-12-31") || card.Says("<!channel>*") {
				t.Errorf("%s:\n%s", name, b.Transcript())
			}
		})
	}
}

// Rule 11.
func TestProtectedOwnServiceLinkedAndIdentityCenterRolesAreRefusedWhenAskedForWithWhatToDoInstead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Protected: []string{"arn:aws:iam::*:role/break-glass-*"}})
		if _, err := b.World.Prod.NewRole(awsstandin.RoleSpec{
			Name: "break-glass-test", Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
				`"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}`,
		}); err != nil {
			t.Fatal(err)
		}
		for role, told := range map[string][2]string{
			"prod/break-glass-test": {"is protected by the configuration", "an administrator does it in the IAM console"},
			"prod/revokebot-spoke":  {"revokebot itself works with", "Use the IAM console with other credentials"},
			"prod/AWSServiceRoleForElasticLoadBalancing": {
				"is a service-linked role", "Stop the service",
			},
			"prod/AWSReservedSSO_AdministratorAccess_0a1b2c3d4e5f6a7b": {
				"IAM Identity Center", "service control policy",
			},
		} {
			before := len(b.Whispers(actors.Rosa))
			b.Command(actors.Rosa, role+" why not")
			b.Until(role+" is refused", func() bool { return len(b.Whispers(actors.Rosa)) > before })
			text := b.Whispers(actors.Rosa)[before]
			if !strings.Contains(text, told[0]) || !strings.Contains(text, told[1]) {
				t.Errorf("%s: %s", role, text)
			}
		}
		b.Settle()
		if len(b.Cards()) != 0 || b.Puts() != 0 {
			t.Errorf("%d cards, %d writes", len(b.Cards()), b.Puts())
		}
	})
}

// Rule 13.
func TestAppliedVerifiedSimulatedAndSeenBlockedAreDifferentWordsEachSaidOnlyWhenTrue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Code: "AccessDenied", Times: -1})
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateFailed)
		for _, word := range []string{"*Revoked", "verified", "enforce"} {
			if card.Says(word) || strings.Contains(card.Message().Text, word) {
				t.Errorf("it says %q although nothing was written:\n%s", word, b.Transcript())
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if !card.Says("*Revoked:*") || !card.Says("On the role: yes") ||
			!card.Says("Seen blocked in CloudTrail: not checked yet") {
			t.Errorf("the proof is incomplete:\n%s", b.Transcript())
		}
		for _, m := range b.Slack.Messages(actors.Incident) {
			if strings.Contains(m.Text, "are revoked") || strings.Contains(m.Text, "were revoked") {
				t.Errorf("it claims more than was checked: %s", m.Text)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		// The role was read for the card; both places are read for the write, and then one to read back:
		// only that is refused.
		b.AWS.Inject(awsstandin.Fault{Action: "GetRolePolicy", Times: 2, Delay: time.Millisecond})
		b.AWS.Inject(awsstandin.Fault{Action: "GetRolePolicy", Times: -1, Code: "AccessDenied"})
		b.AWS.Inject(awsstandin.Fault{Action: "SimulatePrincipalPolicy", Times: -1, Code: "AccessDenied"})
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		if card.Says("*Revoked:*") || card.Says("(verified)") || !card.Says("On the role: not verified") {
			t.Errorf("a policy that was not read back is told as if it was:\n%s", b.Transcript())
		}
		b.Until("the simulator has refused", func() bool { return card.Says("Policy simulator: not available") })
		if card.Says("Policy simulator: blocks") || card.Says("Seen blocked in CloudTrail: yes") {
			t.Errorf("what was not simulated or seen is told as if it was:\n%s", b.Transcript())
		}
	})
}

// Rule 13.
func TestNoEventsIsNotNoActivity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.AskFor(actors.Rosa, "prod/NightlyBackup")
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		b.Until("the evidence says no more than it knows", func() bool {
			return card.Says("this is no proof that there was none")
		})
	})
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		card := b.Ask()
		b.AWS.Inject(awsstandin.Fault{Action: "LookupEvents", Region: "eu-west-1", Times: -1, Code: "AccessDenied"})
		card.Approve(actors.Bob)
		b.Until("the evidence is posted", func() bool { return card.Says("*CloudTrail*") })
		if !card.Says("*Not covered:* `eu-west-1`") {
			t.Errorf("a region that refused is not named:\n%s", b.Transcript())
		}
	})
}

// The policy is the console's own, with the key spelled right and a date that AWS understands: it
// really denies.
func TestTheDenyIsTheConsolesAndItDenies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{})
		stolen := b.Session("deploy-stolen")
		if err := b.Works(stolen); err != nil {
			t.Fatalf("before: %v", err)
		}
		card := b.Ask()
		card.Approve(actors.Bob)
		card.Becomes(approvals.StateApplied)
		document, cutoff := written(t, b)
		want := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],` +
			`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"` +
			cutoff.Format("2006-01-02T15:04:05.000Z") + `"}}}]}`
		if document != want {
			t.Errorf("the policy is\n%s\nwant\n%s", document, want)
		}
		if err := b.Works(stolen); err == nil || !strings.Contains(err.Error(), "explicit deny") {
			t.Errorf("the stolen session: %v", err)
		}
		if err := b.Works(b.Session("too-early")); err == nil {
			t.Error("a session opened within the margin works")
		}
		time.Sleep(time.Until(cutoff) + time.Second)
		if err := b.Works(b.Session("afterwards")); err != nil {
			t.Errorf("a session opened after the cutoff: %v", err)
		}
		if err := b.Works(stolen); err == nil {
			t.Error("the stolen session works again")
		}
		// What circulates in many texts is accepted by IAM and stops nobody.
		for _, useless := range []string{
			strings.Replace(document, "aws:TokenIssueTime", "aws:TokeIssueTime", 1),
			strings.Replace(document, cutoff.Format("2006-01-02T15:04:05.000Z"), "2021-05-21T02:24:21.3702", 1),
		} {
			if err := b.World.Prod.PutRolePolicy(actors.DeployRole, "AWSRevokeOlderSessions", useless); err != nil {
				t.Fatal(err)
			}
			if err := b.Works(stolen); err != nil {
				t.Errorf("%s denies after all: %v", useless, err)
			}
		}
	})
}

package handlers_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/record"
	"github.com/revokebot/revokebot/sandbox/actors"
	awsstandin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/bench"
)

// verdicts are the words of a request's verdicts, oldest first.
func verdicts(card bench.Card) (words []record.Word) {
	for _, e := range card.Events() {
		if c := record.Known[record.Conclusion](e); e.Type == approvals.EventVerdict && c != nil {
			words = append(words, c.Word)
		}
	}
	return words
}

func TestALossBeginsTheScheduleOfTheGuardAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{Guard: looks})
		card := applied(b)
		time.Sleep(35 * time.Second)
		removeAs(t, b, b.World.Rival)
		b.Until("the deny is back", func() bool { return onRole(b) != "" })
		time.Sleep(40 * time.Second) // the first schedule is over
		removeAs(t, b, b.World.Rival)
		b.Until("the deny is back again", func() bool { return onRole(b) != "" })
		if n := count(card, approvals.EventHeld); n != 0 {
			t.Errorf("the first schedule ended the watch %d times", n)
		}
	})
}

func TestALossAfterTheVerdictChangesTheVerdict(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := burgled(t, bench.Options{
			FollowUps: []time.Duration{6 * time.Minute, 8 * time.Minute}, Guard: []time.Duration{20 * time.Minute},
		})
		card := b.revoked()
		second := b.AskFor(actors.Rosa, "prod/DataRole")
		second.Approve(actors.Bob)
		second.Becomes(approvals.StateApplied)
		time.Sleep(time.Minute)
		b.call()
		time.Sleep(10 * time.Minute)
		if got := verdicts(card); len(got) == 0 || got[len(got)-1] != record.WordContained {
			t.Fatalf("the verdicts are %q", got)
		}
		b.AWS.Inject(awsstandin.Fault{Action: "PutRolePolicy", Code: "AccessDenied", Times: -1})
		removeAs(t, b.Bench, b.World.Rival)
		time.Sleep(8 * time.Minute)
		b.Until("it is not contained", func() bool {
			got := verdicts(card)
			return got[len(got)-1] == record.WordNotContained
		})
		if !card.Says("The revocation policy is gone from the role") {
			t.Errorf("it does not say why\n%s", b.Transcript())
		}
	})
}

func TestASupersededRevocationSaysSoAndEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bench.New(t, bench.Options{FollowUps: []time.Duration{6 * time.Minute, 16 * time.Minute}})
		first := b.Ask()
		first.Approve(actors.Bob)
		first.Becomes(approvals.StateApplied)
		second := b.Ask()
		second.Approve(actors.Bob)
		second.Becomes(approvals.StateApplied)
		time.Sleep(30 * time.Minute)
		if got := verdicts(first); len(got) != 1 || got[0] != record.WordSuperseded || !first.Says(second.ID) {
			t.Errorf("the verdicts of the first are %q\n%s", got, b.Transcript())
		}
		if got := verdicts(second); len(got) == 0 || got[0] == record.WordSuperseded {
			t.Errorf("the verdicts of the second are %q", got)
		}
	})
}

// An attacker who knows when the guard checks takes the policy away between two checks and puts it
// back: the guard misses it, the verdict does not.
func TestWhoTookThePolicyAwayBetweenTwoChecksKeepsTheVerdictFromContained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*testing.T, *bench.Bench) // after which what was there is put back
		harm   bool
	}{
		"nobody":  {nil, false},
		"removed": {func(t *testing.T, b *bench.Bench) { removeAs(t, b, b.World.Rival) }, true},
		"an earlier cutoff": {func(t *testing.T, b *bench.Bench) {
			putAs(t, b, b.World.Rival, denyText(cutoffOnRole(t, b).Add(-time.Hour)))
		}, true},
		"not a revocation": {func(t *testing.T, b *bench.Bench) {
			putAs(t, b, b.World.Rival, strings.Replace(onRole(b), "DateLessThan", "DateGreaterThan", 1))
		}, true},
		"a later cutoff": {func(t *testing.T, b *bench.Bench) {
			putAs(t, b, b.World.Rival, denyText(cutoffOnRole(t, b).Add(time.Minute)))
		}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := burgled(t, bench.Options{
				FollowUps: []time.Duration{6 * time.Minute, 8 * time.Minute},
				Guard:     []time.Duration{5 * time.Second, 20 * time.Minute},
			})
			card := b.revoked()
			second := b.AskFor(actors.Rosa, "prod/DataRole")
			second.Approve(actors.Bob)
			second.Becomes(approvals.StateApplied)
			time.Sleep(time.Minute)
			b.call()
			if c.change != nil {
				written := onRole(b.Bench)
				c.change(t, b.Bench)
				time.Sleep(30 * time.Second)
				if c.harm {
					putAs(t, b.Bench, b.World.Rival, written)
				}
			}
			time.Sleep(12 * time.Minute)
			card.CaughtUp()
			want := record.WordContained
			if c.harm {
				want = record.WordUnknown
			}
			if got := verdicts(card); len(got) == 0 || got[len(got)-1] != want ||
				card.Says("shop-migration took the revocation policy away") != c.harm ||
				count(card, approvals.EventTampered) != 0 {
				t.Errorf("%s: %v\n%s", name, got, b.Transcript())
			}
		})
	}
}

func putAs(t *testing.T, b *bench.Bench, who awsstandin.AccessKey, text string) {
	t.Helper()
	_, err := iam.NewFromConfig(b.SDK(who)).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: awssdk.String(actors.DeployRole), PolicyName: awssdk.String(denyPolicy), PolicyDocument: &text,
	})
	if err != nil {
		t.Fatal(err)
	}
}

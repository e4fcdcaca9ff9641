package handlers_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

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
	remove := func(t *testing.T, b *bench.Bench) { removeAs(t, b, b.World.Rival) }
	for name, c := range map[string]struct {
		change func(*testing.T, *bench.Bench) // after which what was there is put back
		then   func(*testing.T, *bench.Bench)
		wait   time.Duration
		harm   bool
		losses int // that the guard saw
	}{
		"nobody":  {},
		"removed": {change: remove, harm: true},
		"removed, and the sessions have ended since": {change: remove, wait: time.Hour, harm: true},
		"removed, and again where a check sees it": {change: remove, then: func(t *testing.T, b *bench.Bench) {
			time.Sleep(30 * time.Second)
			remove(t, b)
			time.Sleep(5 * time.Minute)
		}, harm: true, losses: 1},
		"removed as revokebot's own role": {change: func(t *testing.T, b *bench.Bench) {
			removeAs(t, b, spoke(b))
		}, harm: true},
		"removed, under many harmless changes": {change: remove, then: func(t *testing.T, b *bench.Bench) {
			for range 60 {
				putAs(t, b, b.World.Rival, onRole(b))
				time.Sleep(time.Second)
			}
		}, harm: true},
		"an earlier cutoff": {change: func(t *testing.T, b *bench.Bench) {
			putAs(t, b, b.World.Rival, denyText(cutoffOnRole(t, b).Add(-time.Hour)))
		}, harm: true},
		"not a revocation": {change: func(t *testing.T, b *bench.Bench) {
			putAs(t, b, b.World.Rival, strings.Replace(onRole(b), "DateLessThan", "DateGreaterThan", 1))
		}, harm: true},
		"a later cutoff": {change: func(t *testing.T, b *bench.Bench) {
			putAs(t, b, b.World.Rival, denyText(cutoffOnRole(t, b).Add(time.Minute)))
		}},
		"only where a check sees it": {losses: 1, then: func(t *testing.T, b *bench.Bench) {
			remove(t, b)
			time.Sleep(5 * time.Minute)
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := burgled(t, bench.Options{
				FollowUps: []time.Duration{6 * time.Minute, 12*time.Minute + c.wait},
				Guard:     []time.Duration{5 * time.Second, 5 * time.Minute, 20*time.Minute + 2*c.wait},
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
			if c.then != nil {
				c.then(t, b.Bench)
				b.call()
			}
			time.Sleep(16*time.Minute + c.wait)
			card.CaughtUp()
			want := record.WordContained
			if c.harm {
				want = record.WordUnknown
			}
			if got := verdicts(card); len(got) == 0 || got[len(got)-1] != want ||
				card.Says("took the revocation policy away") != c.harm || count(card, approvals.EventRewritten) != c.losses {
				t.Errorf("%s: %v\n%s", name, got, b.Transcript())
			}
		})
	}
}

// spoke is a session of revokebot's own role, of which an administrator has changed the trust.
func spoke(b *bench.Bench) awsstandin.AccessKey {
	b.T.Helper()
	before, _ := b.World.Prod.Role("revokebot-spoke")
	if err := b.World.Prod.SetTrust("revokebot-spoke", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",`+
		`"Principal":{"AWS":"arn:aws:iam::111122223333:user/ci/shop-migration"},"Action":"sts:*"}]}`); err != nil {
		b.T.Fatal(err)
	}
	out, err := sts.NewFromConfig(b.SDK(b.World.Rival)).AssumeRole(b.T.Context(), &sts.AssumeRoleInput{
		RoleArn: awssdk.String("arn:aws:iam::111122223333:role/revokebot-spoke"), RoleSessionName: awssdk.String("R1"),
		SourceIdentity: awssdk.String("U0ROSA"),
	})
	if err = errors.Join(err, b.World.Prod.SetTrust("revokebot-spoke", before.Trust)); err != nil {
		b.T.Fatal(err)
	}
	return awsstandin.AccessKey{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken,
	}
}

// Another request's revocation is worth what is on its role.
func TestARevokedRoleThatASessionWentOnToIsOpenAgainOnceItsPolicyIsGone(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := burgled(t, bench.Options{FollowUps: []time.Duration{6 * time.Minute}, Guard: []time.Duration{5 * time.Second}})
			card := b.revoked()
			second := b.AskFor(actors.Rosa, "prod/DataRole")
			second.Approve(actors.Bob)
			second.Becomes(approvals.StateApplied)
			time.Sleep(time.Minute)
			b.call()
			if gone {
				if err := b.World.Prod.DeleteRolePolicy("DataRole", denyPolicy); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(12 * time.Minute)
			card.CaughtUp()
			if got := verdicts(card); (got[len(got)-1] == record.WordContained) == gone ||
				card.Says("the role DataRole that came out of an old one goes on") != gone {
				t.Errorf("gone %v: %v\n%s", gone, got, b.Transcript())
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

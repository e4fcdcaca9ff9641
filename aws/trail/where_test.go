package trail

import (
	"slices"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
)

func TestWithoutConfiguredRegionsAllThatAreEnabledAreAsked(t *testing.T) {
	const opted = "me-central-1"
	for name, c := range map[string]struct {
		refused []string // calls
		found   bool     // the session in the region that was opted in to
		guessed bool
	}{
		"Account Management answers":     {nil, true, false},
		"EC2 answers in its place":       {[]string{"ListRegions"}, true, false},
		"neither may be asked":           {[]string{"ListRegions", "DescribeRegions"}, false, true},
		"EC2 is refused and not needed ": {[]string{"DescribeRegions"}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(in *standin.Config, c *aws.Config) {
				in.ClockOffset, c.Accounts[0].Regions = 20*time.Minute, nil // EC2's request is signed by hand
			}, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				b.Prod.EnableRegion(opted)
				role := b.describe("prod/Deploy")
				for _, region := range []string{"ap-southeast-2", opted} {
					if _, err := b.Prod.ServiceSession("Deploy", "ec2.amazonaws.com", "in-"+region, region); err != nil {
						t.Fatal(err)
					}
				}
				for _, call := range c.refused {
					b.Server.Inject(standin.Fault{Action: call, Code: "AccessDenied", Times: -1})
				}
				got, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: role.ARN})
				if err != nil {
					t.Fatal(err)
				}
				in := func(region string) bool {
					return slices.ContainsFunc(got.Sessions, func(s Session) bool { return s.Region == region })
				}
				if !in("ap-southeast-2") || in(opted) != c.found || got.Guessed != c.guessed || !covered(got.Regions) {
					t.Errorf("guessed %v, %d sessions\n%s", got.Guessed, len(got.Sessions), coverage(got))
				}
			})
		})
	}
}

func TestARegionHasReportedAsFarAsItShowsTheBotsOwnCalls(t *testing.T) {
	onBench(t, func(in *standin.Config, _ *aws.Config) { in.TrailDelay = 2 * time.Minute }, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		look := func() map[string]time.Time {
			t.Helper()
			got, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: role.ARN, Wide: true})
			if err != nil {
				t.Fatal(err)
			}
			reported := map[string]time.Time{}
			for _, r := range got.Regions {
				reported[r.Region] = r.Reported
			}
			return reported
		}
		for region, at := range look() {
			if !at.IsZero() {
				t.Errorf("%s is said to have reported until %v", region, at)
			}
		}
		first := b.Server.Now()
		b.Prod.HoldTrail("us-east-1", first.Add(time.Hour))
		time.Sleep(5 * time.Minute)
		// Another session of the same name is not the bot's.
		b.tells("us-east-1", map[string]any{
			"eventName": "LookupEvents", "eventSource": "cloudtrail.amazonaws.com",
			"eventTime":    b.Server.Now().Add(-3 * time.Minute).Format(time.RFC3339),
			"userIdentity": sessionIdentity("Deploy", role.ID, "revokebot-read", "ASIAMALLORY"),
		})
		got := look()
		if at := got["eu-west-1"]; at.Before(first.Add(-time.Minute)) || at.After(first) {
			t.Errorf("eu-west-1 is said to have reported until %v, not %v", at, first)
		}
		if at := got["us-east-1"]; !at.IsZero() {
			t.Errorf("us-east-1, which shows nothing, is said to have reported until %v", at)
		}
	})
}

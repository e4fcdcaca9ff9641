package aws_test

import (
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

// enforcedIn asks CloudTrail in a region with the key.
func (b *bench) enforcedIn(k aws.AccessKey, region string) string {
	_, err := b.trail(k, region, func(o *cloudtrail.Options) {
		o.Retryer = awssdk.NopRetryer{}
	}).LookupEvents(b.t.Context(), &cloudtrail.LookupEventsInput{})
	return codeOf(err)
}

func TestAWriteReachesEachRegionAtItsOwnTime(t *testing.T) {
	onBench(t, aws.Config{Propagation: 4 * time.Second, LookupRate: -1}, func(t *testing.T, b *bench) {
		b.server.SetRegionPropagation("eu-west-1", time.Second)
		b.server.SetRegionPropagation("ap-south-1", time.Minute)
		old := b.assume(b.admin, &sts.AssumeRoleInput{})
		if err := b.put("Deploy", "Deny", revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")); err != nil {
			t.Fatal(err)
		}
		const denied = "AccessDeniedException"
		for _, step := range []struct {
			after            time.Duration
			home, eu, ap, us string
		}{
			{0, "", "", "", ""},
			{time.Second, "", denied, "", ""},
			{3 * time.Second, "AccessDenied", denied, "", denied},
			{50 * time.Second, "AccessDenied", denied, "", denied},
			{6 * time.Second, "AccessDenied", denied, denied, denied},
		} {
			time.Sleep(step.after)
			for region, want := range map[string]string{"eu-west-1": step.eu, "ap-south-1": step.ap, "us-east-1": step.us} {
				if got := b.enforcedIn(old, region); got != want {
					t.Errorf("after another %v in %s: %q, want %q", step.after, region, got, want)
				}
			}
			b.wantCode("IAM, which is in the home region", b.listRoles(old), step.home)
		}
	})
}

// A call right after a write would otherwise be answered by the state of before, and recorded as
// minutes later.
func TestAWriteThatIsOnItsWayArrivesInTheTimeThatIsSkipped(t *testing.T) {
	onBench(t, aws.Config{Propagation: 10 * time.Second, LookupRate: -1}, func(t *testing.T, b *bench) {
		old := b.assume(b.admin, &sts.AssumeRoleInput{})
		if err := b.put("Deploy", "Deny", revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")); err != nil {
			t.Fatal(err)
		}
		b.server.SetClockOffset(time.Minute)
		b.wantCode("a clock that is set ahead makes nothing faster", b.listRoles(old), "")
		b.server.SetClockOffset(0)
		b.server.Skip(9 * time.Second)
		b.wantCode("a second too early", b.listRoles(old), "")
		b.server.Skip(time.Second)
		b.wantCode("with the skip", b.listRoles(old), "AccessDenied")
	})
}

// SDKs that are pointed at another endpoint sign IAM calls for the client's own region.
func TestIAMIsDecidedInTheHomeRegionWhateverTheSignatureSays(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.server.SetRegionPropagation("eu-west-1", time.Hour)
		b.server.SetRegionPropagation("us-east-1", time.Second)
		old := b.assume(b.admin, &sts.AssumeRoleInput{})
		if err := b.put("Deploy", "Deny", revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")); err != nil {
			t.Fatal(err)
		}
		list := func() int {
			status, _, _ := b.send(raw{key: old, region: "eu-west-1", body: "Action=ListRoles&Version=2010-05-08"})
			return status
		}
		if status := list(); status != 200 {
			t.Errorf("before: %d", status)
		}
		time.Sleep(time.Second)
		if status := list(); status != 403 {
			t.Errorf("after the home region's time: %d", status)
		}
	})
}

// A slow region goes on with what it has, however many writes the others have seen meanwhile.
func TestASlowRegionIsNotSkippedOverByLaterWrites(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		b.server.SetRegionPropagation("ap-south-1", 10*time.Second)
		old := b.assume(b.admin, &sts.AssumeRoleInput{})
		for range 5 {
			if err := b.put("Deploy", "Deny", revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if got := b.enforcedIn(old, "ap-south-1"); got != "" {
			t.Errorf("too early: %q", got)
		}
		time.Sleep(5 * time.Second)
		if got := b.enforcedIn(old, "ap-south-1"); got != "AccessDeniedException" {
			t.Errorf("ten seconds after the first write: %q", got)
		}
		b.server.SetRegionPropagation("ap-south-1", -1)
		if err := b.account.DeleteRolePolicy("Deploy", "Deny"); err != nil {
			t.Fatal(err)
		}
		if got := b.enforcedIn(old, "ap-south-1"); got != "" {
			t.Errorf("with the others' time again: %q", got)
		}
	})
}

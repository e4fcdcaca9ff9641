package aws_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/sandbox/aws"
)

// deed is what an event tells of a call.
type deed struct{ Name, Region, Code, Message string }

// deeds looks up what a key did in a region, oldest first.
func (b *bench) deeds(region, keyID string) []deed {
	b.t.Helper()
	out := b.look(region, &cloudtrail.LookupEventsInput{
		LookupAttributes: attribute(types.LookupAttributeKeyAccessKeyId, keyID),
	})
	var all []deed
	for _, e := range out.Events {
		var r struct {
			EventName, AwsRegion, ErrorCode, ErrorMessage string
			UserIdentity                                  struct{ AccessKeyID string }
		}
		if err := json.Unmarshal([]byte(*e.CloudTrailEvent), &r); err != nil {
			b.t.Fatal(err)
		}
		if r.UserIdentity.AccessKeyID != keyID || *e.AccessKeyId != keyID {
			b.t.Errorf("an event of %s is shown as one of %s", r.UserIdentity.AccessKeyID, keyID)
		}
		all = append([]deed{{r.EventName, r.AwsRegion, r.ErrorCode, r.ErrorMessage}}, all...)
	}
	return all
}

func TestWhatAnIssuedKeyDidIsFoundByTheKeyAndFromTheEnforcementOnAsDenied(t *testing.T) {
	onBench(t, aws.Config{Propagation: 4 * time.Second, LookupRate: -1}, func(t *testing.T, b *bench) {
		b.server.SetRegionPropagation("eu-west-1", 10*time.Second)
		stolen := b.assume(b.admin, &sts.AssumeRoleInput{})
		calls := func() {
			t.Helper()
			_ = b.listRoles(stolen)
			_ = b.enforcedIn(stolen, "eu-west-1")
			_, _ = b.tryAssume(stolen, &sts.AssumeRoleInput{RoleSessionName: awssdk.String("juggled")})
			role, policy := "Deploy", "AWSRevokeOlderSessions"
			_, _ = b.iam(stolen).GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &policy})
			if _, err := b.sts(stolen, "eu-west-1").GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
				t.Errorf("GetCallerIdentity, which works under every deny: %v", err)
			}
			time.Sleep(time.Second)
		}
		if err := b.put("Deploy", "AWSRevokeOlderSessions",
			revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")); err != nil {
			t.Fatal(err)
		}
		calls()                     // not enforced anywhere
		time.Sleep(4 * time.Second) // IAM's home region has it, eu-west-1 has not
		calls()
		time.Sleep(10 * time.Second)
		calls()

		user := "User: arn:aws:sts::111122223333:assumed-role/Deploy/alice@example.com is not authorized to perform: "
		explicit := " with an explicit deny in an identity-based policy"
		list := user + "iam:ListRoles on resource: arn:aws:iam::111122223333:role/" + explicit
		read := user + "iam:GetRolePolicy on resource: role Deploy" + explicit
		const denied = "AccessDenied"
		if d := cmp.Diff([]deed{
			{"ListRoles", "us-east-1", "", ""},
			{"GetRolePolicy", "us-east-1", "", ""},
			{"ListRoles", "us-east-1", denied, list},
			{"GetRolePolicy", "us-east-1", denied, read},
			{"ListRoles", "us-east-1", denied, list},
			{"GetRolePolicy", "us-east-1", denied, read},
		}, b.deeds("us-east-1", stolen.AccessKeyID)); d != "" {
			t.Errorf("in IAM's home region (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]deed{
			{"LookupEvents", "eu-west-1", "", ""},
			{"AssumeRole", "eu-west-1", "", ""},
			{"GetCallerIdentity", "eu-west-1", "", ""},
			{"LookupEvents", "eu-west-1", "", ""},
			{"AssumeRole", "eu-west-1", "", ""},
			{"GetCallerIdentity", "eu-west-1", "", ""},
			{"LookupEvents", "eu-west-1", denied, user + "cloudtrail:LookupEvents" + explicit},
			{"AssumeRole", "eu-west-1", denied, user + "sts:AssumeRole on resource: " + deployARN + explicit},
			{"GetCallerIdentity", "eu-west-1", "", ""},
		}, b.deeds("eu-west-1", stolen.AccessKeyID)); d != "" {
			t.Errorf("in a region (-want +got):\n%s", d)
		}
	})
}

func TestACallThatAFaultDeniesIsInTheEventHistoryToo(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		key := b.assume(b.admin, &sts.AssumeRoleInput{})
		b.server.Inject(aws.Fault{Action: "ListRoles", Code: "AccessDenied", Message: "not today"})
		b.wantCode("struck", b.listRoles(key), "AccessDenied")
		if d := cmp.Diff([]deed{{"ListRoles", "us-east-1", "AccessDenied", "not today"}},
			b.deeds("us-east-1", key.AccessKeyID)); d != "" {
			t.Error(d)
		}
	})
}

func TestAnUnsignedOrWronglySignedCallIsInNoEventHistory(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		key := b.assume(b.admin, &sts.AssumeRoleInput{})
		key.SecretAccessKey = strings.Repeat("x", 40)
		b.wantCode("a wrong secret", b.listRoles(key), "SignatureDoesNotMatch")
		if got := b.deeds("us-east-1", key.AccessKeyID); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

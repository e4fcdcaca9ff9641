package aws_test

import (
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

func TestAnAccountOfAnotherPartitionHasItsARNsAndItsHomeRegion(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		cn := b.server.AddAccount("777788889999", "aws-cn")
		key := cn.AddUser(aws.UserSpec{Name: "li", Policies: map[string]string{"all": allowAll}})
		role := cn.AddRole(aws.RoleSpec{
			Name: "fn", Trust: `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws-cn:iam::777788889999:root"},` +
				`"Action":"sts:AssumeRole"}}`,
		})
		if role.ARN != "arn:aws-cn:iam::777788889999:role/fn" || cn.HomeRegion() != "cn-north-1" ||
			cn.Partition() != "aws-cn" || cn.ID() != "777788889999" {
			t.Errorf("%+v %s", role, cn.HomeRegion())
		}
		in := &sts.AssumeRoleInput{RoleArn: &role.ARN, RoleSessionName: awssdk.String("li-1")}
		if _, err := b.sts(key, "cn-northwest-1").AssumeRole(t.Context(), in); err != nil {
			t.Error(err)
		}
		_, err := b.sts(key, "eu-west-1").AssumeRole(t.Context(), in)
		b.wantCode("credentials do not cross partitions", err, "SignatureDoesNotMatch")
		if status, body, _ := b.send(raw{
			key: key, region: "cn-northwest-1", body: "Action=ListUsers&Version=2010-05-08",
		}); status != 200 {
			t.Fatal(status, body)
		}
		out, err := b.trail(key, "cn-north-1").LookupEvents(t.Context(), nil)
		if err != nil || len(out.Events) != 1 || *out.Events[0].EventName != "ListUsers" {
			t.Errorf("the IAM event is not in the home region: %v %v", out, err)
		}
		server := aws.New(aws.Config{})
		for partition, home := range map[string]string{
			"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-iso": "us-iso-east-1", "aws-iso-b": "us-isob-east-1",
			"aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1", "aws-eusc": "eusc-de-east-1",
		} {
			if got := server.AddAccount(partition, partition).HomeRegion(); got != home {
				t.Errorf("%s: %s, want %s", partition, got, home)
			}
		}
	})
}

func TestKeysThatEndedLongAgoAreForgotten(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		b.account.AddRole(aws.RoleSpec{Name: "fn", Trust: lambdaOnly})
		issue := func() aws.AccessKey {
			key, err := b.account.ServiceSession("fn", "lambda.amazonaws.com", "fn", "eu-west-1")
			if err != nil {
				t.Fatal(err)
			}
			return key
		}
		old := issue()
		time.Sleep(13 * time.Hour)
		b.wantCode("just ended", b.listRoles(old), "ExpiredToken")
		time.Sleep(24 * time.Hour)
		for range 1001 {
			issue()
		}
		b.wantCode("long ended", b.listRoles(old), "InvalidClientTokenId")
		b.wantCode("a user's key stays", b.listRoles(b.admin), "")
	})
}

func TestTrustCanBeReplacedWhileSessionsGoOn(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		session := b.assume(b.admin, &sts.AssumeRoleInput{})
		if err := b.account.SetTrust("Deploy", lambdaOnly); err != nil {
			t.Fatal(err)
		}
		_, err := b.tryAssume(b.admin, &sts.AssumeRoleInput{})
		b.wantCode("a new session", err, "AccessDenied")
		b.wantCode("the session that is there", b.listRoles(session), "")
		_, err = b.iam(b.admin).UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{
			RoleName: awssdk.String("Deploy"), PolicyDocument: awssdk.String(trustOwn),
		})
		b.wantCode("put back", err, "")
		b.assume(b.admin, &sts.AssumeRoleInput{})
	})
}

package aws_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

const scpForm = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:DeleteRolePolicy","Resource":"*",` +
	`"Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/ops/*"}}}}`

func TestAServiceControlPolicyBoundsEveryPrincipalOfItsAccount(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		if err := b.account.SetSCP(scpForm); err != nil {
			t.Fatal(err)
		}
		remove := func(k aws.AccessKey) error {
			role, policy := "Deploy", "x"
			if err := b.account.PutRolePolicy(role, policy, allowAll); err != nil {
				t.Fatal(err)
			}
			_, err := b.iam(k).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &policy})
			return err
		}
		err := remove(b.admin)
		b.wantCode("the administrator", err, "AccessDenied")
		const want = "User: arn:aws:iam::111122223333:user/admin is not authorized to perform: iam:DeleteRolePolicy on " +
			"resource: role Deploy " +
			"with an explicit deny in a service control policy"
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("message %v, want %s", err, want)
		}
		b.wantCode("the excepted role", remove(b.assume(b.admin, &sts.AssumeRoleInput{})), "")
		b.wantCode("another action", b.listRoles(b.admin), "")

		other := b.server.AddAccount("444455556666", "")
		key := other.AddUser(aws.UserSpec{Name: "admin", Policies: map[string]string{"all": allowAll}})
		other.AddRole(aws.RoleSpec{Name: "Deploy", Trust: lambdaOnly, Policies: map[string]string{"x": allowAll}})
		role, policy := "Deploy", "x"
		_, err = b.iam(key).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &policy})
		b.wantCode("in another account", err, "")

		if err := b.account.SetSCP(""); err != nil {
			t.Fatal(err)
		}
		b.wantCode("without it", remove(b.admin), "")
	})
}

func TestAServiceControlPolicyCanOnlyTakeAway(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		nobody := b.account.AddUser(aws.UserSpec{Name: "nobody"})
		if err := b.account.SetSCP(allowAll); err != nil {
			t.Fatal(err)
		}
		b.wantCode("somebody without policies", b.listRoles(nobody), "AccessDenied")
		if err := b.account.SetSCP(
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`); err != nil {
			t.Fatal(err)
		}
		b.wantCode("FullAWSAccess stands beside it", b.listRoles(b.admin), "")
		if err := b.account.SetSCP("{"); err == nil {
			t.Error("a text that is no policy was taken")
		}
	})
}

func TestAServiceLinkedRoleIsNotBoundByTheOrganization(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		for name, path := range map[string]string{
			"AWSServiceRoleForX": "/aws-service-role/lambda.amazonaws.com/", "Plain": "/",
		} {
			b.account.AddRole(aws.RoleSpec{
				Name: name, Path: path, Trust: lambdaOnly, Policies: map[string]string{"all": allowAll},
			})
		}
		if err := b.account.SetSCP(
			`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`); err != nil {
			t.Fatal(err)
		}
		for role, code := range map[string]string{"AWSServiceRoleForX": "", "Plain": "AccessDenied"} {
			key, err := b.account.ServiceSession(role, "lambda.amazonaws.com", "fn", "us-east-1")
			if err != nil {
				t.Fatal(err)
			}
			b.wantCode(role, b.listRoles(key), code)
		}
	})
}

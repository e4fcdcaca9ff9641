package role

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prodAccount is the account behind the spoke role, as New keeps it.
var prodAccount = aws.Account{Name: "prod", ID: awsbench.ProdID, Partition: "aws"}

// bench is a Bench with a Client.
type bench struct {
	*awsbench.Bench
	roles *Client
}

func onBench(t *testing.T, change func(*standin.Config, *aws.Config), test func(t *testing.T, b *bench)) {
	t.Helper()
	awsbench.On(t, change, func(t *testing.T, b *awsbench.Bench) { test(t, &bench{b, New(b.Cloud)}) })
}

// describe finds a role or fails the test.
func (b *bench) describe(text string) Role {
	b.T.Helper()
	target, err := b.Cloud.Parse(text)
	if err != nil {
		b.T.Fatal(err)
	}
	role, err := b.roles.Describe(b.T.Context(), target)
	if err != nil {
		b.T.Fatal(err)
	}
	return role
}

// order is an approved request for a role.
func order(r Role) Order {
	return Order{
		Request: "req-1", Target: r.Ref(),
		Requester: "U0ALICE", Approvers: []string{"U0BOB", "U0CAROL"},
	}
}

// works makes a call that the role allows and reports AWS's error.
func (b *bench) works(key standin.AccessKey) error {
	client := iam.NewFromConfig(b.SDK(key), func(o *iam.Options) { o.Region = "us-east-1" })
	_, err := client.ListRoles(b.T.Context(), &iam.ListRolesInput{})
	if err != nil {
		return aws.NewCallError("iam:ListRoles", "", err)
	}
	return nil
}

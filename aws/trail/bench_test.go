package trail

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	"github.com/revokebot/revokebot/aws/role"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prodAccount is the account behind the spoke role, as New keeps it.
var prodAccount = aws.Account{Name: "prod", ID: awsbench.ProdID, Partition: "aws"}

// bench is a Bench with a Client.
type bench struct {
	*awsbench.Bench
	roles *role.Client
	trail *Client
}

func onBench(t *testing.T, change func(*standin.Config, *aws.Config), test func(t *testing.T, b *bench)) {
	t.Helper()
	awsbench.On(t, change, func(t *testing.T, b *awsbench.Bench) { test(t, &bench{b, role.New(b.Cloud), New(b.Cloud)}) })
}

// atHome has the home region asked alone.
func atHome(_ *standin.Config, c *aws.Config) { c.Accounts[0].Regions = []string{"us-east-1"} }

// describe finds a role or fails the test.
func (b *bench) describe(text string) role.Role {
	b.T.Helper()
	target, err := b.Cloud.Parse(text)
	if err != nil {
		b.T.Fatal(err)
	}
	found, err := b.roles.Describe(b.T.Context(), target, contain.Revoke(), nil)
	if err != nil {
		b.T.Fatal(err)
	}
	return found
}

// order is an approved request for a role.
func order(r role.Role) role.Order {
	return role.Order{
		Target:    contain.Target{Principal: r.Principal, Request: "req-1"},
		Requester: "U0ALICE", Approvers: []string{"U0BOB", "U0CAROL"}, Measure: contain.Revoke(),
	}
}

// slots are where a revocation stands first.
var slots = []contain.Slot{{Kind: contain.RoleInline, Name: contain.ConsolePolicy}}

// cutoffOf is the cutoff of a document; zero for what is not exactly a revocation.
func cutoffOf(document string) time.Time {
	late := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	return contain.Revoke().(contain.Dated).Cutoff(late, contain.Document{Text: document})
}

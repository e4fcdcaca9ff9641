package role

import (
	"errors"
	"strings"
	"testing"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// Trust policies of a spoke that lack one of the two permissions, or both.
const (
	trustNoSource = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"AWS":"arn:aws:iam::999900001111:role/revokebot-hub"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`
	trustNoTags = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"AWS":"arn:aws:iam::999900001111:role/revokebot-hub"},"Action":["sts:AssumeRole",` +
		`"sts:SetSourceIdentity"]}]}`
	trustBare = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"AWS":"arn:aws:iam::999900001111:role/revokebot-hub"},"Action":"sts:AssumeRole"}]}`
)

func TestASpokeThatAllowsNoNamesStopsTheRevocationUnlessTheConfigurationAcceptsIt(t *testing.T) {
	for _, trust := range []string{trustNoSource, trustNoTags, trustBare} {
		for _, accepted := range []bool{false, true} {
			onBench(t, func(_ *standin.Config, c *aws.Config) {
				c.Accounts[0].AllowUnnamedSessions = accepted
			}, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				if err := b.Prod.SetTrust("revokebot-spoke", trust); err != nil {
					t.Fatal(err)
				}
				r := order(b.describe("prod/Deploy"))
				got, err := b.apply(r)
				if !accepted {
					words := aws.Explain(err)
					if !errors.Is(err, aws.ErrAccessDenied) || !strings.Contains(words, "sts:SetSourceIdentity") ||
						!strings.Contains(words, "sts:TagSession") || !strings.Contains(words, "trust policy") {
						t.Errorf("%v: %q", err, words)
					}
					if n := len(b.Server.Calls("PutRolePolicy")); n != 0 {
						t.Errorf("%d writes", n)
					}
					return
				}
				if err != nil || !got.Unnamed || !got.ReadBack {
					t.Fatalf("got %+v, %v", got, err)
				}
				calls := b.Server.Calls("AssumeRole")
				params := calls[len(calls)-1].Params
				if params["SourceIdentity"] != "" || params["Tags.member.1.Key"] != "" || params["RoleSessionName"] != "req-1" ||
					params["Policy"] != sessionOf(Do, r.Principal.ARN) {
					t.Errorf("the session without names: %v", params)
				}
				undone, err := b.apply(undo(r, got.book.all))
				if err != nil || !undone.Unnamed || !undone.ReadBack {
					t.Errorf("undone %+v, %v", undone, err)
				}
			})
		}
	}
}

func TestASpokeThatAllowsNamesIsNeverUsedWithoutThem(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *aws.Config) {
		c.Accounts[0].AllowUnnamedSessions = true
	}, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		got, err := b.apply(r)
		if err != nil || got.Unnamed {
			t.Errorf("got %+v, %v", got, err)
		}
		// A failure that passes is no reason to go without names.
		calls := len(b.Server.Calls("AssumeRole"))
		b.Server.Inject(standin.Fault{Action: "AssumeRole", Code: "Throttling", Times: -1})
		if _, err := b.apply(r); !errors.Is(err, aws.ErrThrottled) {
			t.Errorf("got %v", err)
		}
		for _, call := range b.Server.Calls("AssumeRole")[calls:] {
			if call.Params["SourceIdentity"] == "" {
				t.Errorf("asked without names: %v", call.Params)
			}
		}
	})
}

func TestASpokeThatAllowsNothingIsNotBlamedOnTheNames(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *aws.Config) {
		c.Accounts[0].AllowUnnamedSessions = true
	}, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		if err := b.Prod.SetTrust("revokebot-spoke", awsbench.TrustEC2); err != nil {
			t.Fatal(err)
		}
		_, err := b.apply(r)
		if words := aws.Explain(err); !errors.Is(err, aws.ErrAccessDenied) || strings.Contains(words, "TagSession") ||
			!strings.Contains(words, "trust policy") {
			t.Errorf("%v: %q", err, words)
		}
	})
}

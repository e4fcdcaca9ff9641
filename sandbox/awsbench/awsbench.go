// Package awsbench is the test bench of the packages below aws: the stand-in for AWS over a pipe,
// in a bubble of fake time, with three accounts and a Cloud over them. Start with On.
package awsbench

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/pipe"
)

const (
	HubID   = "999900001111"
	ProdID  = "111122223333"
	DevID   = "444455556666"
	SpokeID = "arn:aws:iam::" + ProdID + ":role/revokebot-spoke"
	// LogGroupID is the log group of CloudTrail in prod.
	LogGroupID = "arn:aws:logs:eu-west-1:" + ProdID + ":log-group:cloudtrail/all"

	TrustHub = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"AWS":"arn:aws:iam::999900001111:role/revokebot-hub"},` +
		`"Action":["sts:AssumeRole","sts:SetSourceIdentity","sts:TagSession"],` +
		`"Condition":{"StringEquals":{"sts:ExternalId":"ex-1"}}}]}`
	MayRevoke = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole","iam:GetRolePolicy",` +
		`"iam:PutRolePolicy","iam:DeleteRolePolicy","iam:ListRolePolicies","iam:ListRoles","iam:SimulatePrincipalPolicy",` +
		`"cloudtrail:LookupEvents","account:ListRegions","ec2:DescribeRegions"],"Resource":"*"}]}`
	MayQuery = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:StartQuery",` +
		`"Resource":"` + LogGroupID + `:*"},{"Effect":"Allow","Action":["logs:GetQueryResults","logs:StopQuery",` +
		`"cloudtrail:DescribeTrails","cloudtrail:GetTrailStatus","cloudtrail:GetEventSelectors"],"Resource":"*"}]}`
	MayAssume = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole",` +
		`"sts:SetSourceIdentity","sts:TagSession","sts:GetAccessKeyInfo"],"Resource":"*"}]}`
	MayAll   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	TrustEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com",` +
		`"lambda.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`
)

// Bench is the stand-in with a hub account, an account behind a spoke role (prod), another one
// (dev), and a Cloud over them, on fake time. The Cloud knows prod, and the hub's own account with
// the ambient credentials as home.
type Bench struct {
	T              *testing.T
	Server         *standin.Server
	Hub, Prod, Dev *standin.Account
	HTTP           *http.Client
	Config         aws.Config
	Cloud          *aws.Cloud
}

// On runs a test in a bubble. change may alter the stand-in's and the Cloud's configuration; nil
// leaves them.
func On(t *testing.T, change func(*standin.Config, *aws.Config), test func(t *testing.T, b *Bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		in := standin.Config{Latency: -1}
		out := aws.Config{
			Accounts: []aws.Account{
				{Name: "prod", ID: ProdID, AssumeRole: SpokeID, ExternalID: "ex-1", Regions: []string{"eu-west-1"}},
				{Name: "home", ID: HubID},
			},
			ProtectedRoles: []string{"arn:aws:iam::*:role/*break-glass-*"},
			Margin:         30 * time.Second,
			Logger:         slog.New(slog.NewTextHandler(t.Output(), nil)),
		}
		if change != nil {
			change(&in, &out)
		}
		b := &Bench{T: t, Server: standin.New(in)}
		b.Hub, b.Prod, b.Dev = b.Server.AddAccount(HubID, ""), b.Server.AddAccount(ProdID, ""), b.Server.AddAccount(DevID, "")
		b.Hub.AddRole(standin.RoleSpec{
			Name: "revokebot-hub", Trust: TrustEC2, Policies: map[string]string{"assume": MayAssume, "revoke": MayRevoke},
		})
		b.Prod.AddRole(standin.RoleSpec{
			Name: "revokebot-spoke", Trust: TrustHub, Policies: map[string]string{"revoke": MayRevoke, "query": MayQuery},
		})
		key, err := b.Hub.ServiceSession("revokebot-hub", "ec2.amazonaws.com", "i-0hub", "us-east-1")
		if err != nil {
			t.Fatal(err)
		}

		listener := pipe.Listen()
		server := &http.Server{Handler: b.Server}
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(listener) }()
		b.HTTP = listener.Client()
		b.HTTP.Transport = wholeBody{b.HTTP.Transport}
		defer func() {
			b.HTTP.CloseIdleConnections()
			_ = b.Server.Close()
			_ = server.Close()
			_ = listener.Close()
			<-done
		}()

		out.SDK = b.SDK(key)
		b.Config = out
		if b.Cloud, err = aws.New(out); err != nil {
			t.Fatal(err)
		}
		test(t, b)
	})
}

// wholeBody gives each request a body that the SDK cannot close under the transport. The SDK closes
// it as soon as the answer begins; over a pipe, which has no buffer, the transport may not have
// seen its end yet, and gives the connection up with the rest of the answer unread.
type wholeBody struct{ http.RoundTripper }

func (w wholeBody) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return w.RoundTripper.RoundTrip(r)
}

func (w wholeBody) CloseIdleConnections() {
	w.RoundTripper.(interface{ CloseIdleConnections() }).CloseIdleConnections()
}

// sdk is the SDK's configuration for a key, pointed at the stand-in.
func (b *Bench) SDK(key standin.AccessKey) awssdk.Config {
	return awssdk.Config{
		Region:       "eu-central-1",
		BaseEndpoint: awssdk.String("http://aws.example"),
		HTTPClient:   b.HTTP,
		Credentials:  credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken),
	}
}

// role adds the role that tests revoke.
func (b *Bench) Role(spec standin.RoleSpec) standin.Role {
	if spec.Name == "" {
		spec.Name = "Deploy"
	}
	if spec.Trust == "" {
		spec.Trust = TrustEC2
	}
	if spec.Policies == nil {
		spec.Policies = map[string]string{"all": MayAll}
	}
	return b.Prod.AddRole(spec)
}

// session opens a session of a role as EC2 would.
func (b *Bench) Session(role string) standin.AccessKey {
	b.T.Helper()
	key, err := b.Prod.ServiceSession(role, "ec2.amazonaws.com", "i-0abc", "eu-west-1")
	if err != nil {
		b.T.Fatal(err)
	}
	return key
}

// AsUser is an IAM client of a user who may do everything with roles.
func (b *Bench) AsUser(key standin.AccessKey) *iam.Client {
	return iam.NewFromConfig(b.SDK(key), func(o *iam.Options) { o.Region, o.Retryer = "us-east-1", awssdk.NopRetryer{} })
}

// DenyAt is a revocation policy as the console writes it, with any text as its date.
func DenyAt(date string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],` +
		`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"` +
		date + `"}}}]}`
}

// Conn is the way into an account.
func (b *Bench) Conn(name string) *aws.Conn {
	b.T.Helper()
	a, err := b.Cloud.Conn(name)
	if err != nil {
		b.T.Fatal(err)
	}
	return a
}

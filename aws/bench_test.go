package aws

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
	"go.uber.org/goleak"

	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/pipe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	hubID   = "999900001111"
	prodID  = "111122223333"
	devID   = "444455556666"
	spokeID = "arn:aws:iam::" + prodID + ":role/revokebot-spoke"

	trustHub = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999900001111:role/revokebot-hub"},` +
		`"Action":["sts:AssumeRole","sts:SetSourceIdentity","sts:TagSession"],"Condition":{"StringEquals":{"sts:ExternalId":"ex-1"}}}]}`
	mayRevoke = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole","iam:GetRolePolicy","iam:PutRolePolicy","iam:DeleteRolePolicy","iam:ListRolePolicies","iam:ListRoles","iam:SimulatePrincipalPolicy","cloudtrail:LookupEvents"],"Resource":"*"}]}`
	mayAssume = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole","sts:SetSourceIdentity","sts:TagSession"],"Resource":"*"}]}`
	mayAll    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	trustEC2  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`
)

// bench is the stand-in with a hub account, an account behind a spoke role (prod), one for ambient credentials (the
// hub's own, called home), and the Cloud over them, on fake time.
type bench struct {
	t              *testing.T
	server         *standin.Server
	hub, prod, dev *standin.Account
	config         Config
	cloud          *Cloud
	http           *http.Client
}

// onBench runs a test in a bubble. change may alter the stand-in's and the Cloud's configuration; nil leaves them.
func onBench(t *testing.T, change func(*standin.Config, *Config), test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		in := standin.Config{Latency: -1}
		out := Config{
			Accounts: []Account{
				{Name: "prod", ID: prodID, AssumeRole: spokeID, ExternalID: "ex-1", Regions: []string{"eu-west-1"}},
				{Name: "home", ID: hubID},
			},
			ProtectedRoles: []string{"arn:aws:iam::*:role/*break-glass-*"},
			Margin:         30 * time.Second,
			Logger:         slog.New(slog.NewTextHandler(t.Output(), nil)),
		}
		if change != nil {
			change(&in, &out)
		}
		b := &bench{t: t, server: standin.New(in)}
		b.hub, b.prod, b.dev = b.server.AddAccount(hubID, ""), b.server.AddAccount(prodID, ""), b.server.AddAccount(devID, "")
		b.hub.AddRole(standin.RoleSpec{Name: "revokebot-hub", Trust: trustEC2, Policies: map[string]string{"assume": mayAssume, "revoke": mayRevoke}})
		b.prod.AddRole(standin.RoleSpec{Name: "revokebot-spoke", Trust: trustHub, Policies: map[string]string{"revoke": mayRevoke}})
		key, err := b.hub.ServiceSession("revokebot-hub", "ec2.amazonaws.com", "i-0hub", "us-east-1")
		if err != nil {
			t.Fatal(err)
		}

		listener := pipe.Listen()
		server := &http.Server{Handler: b.server}
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(listener) }()
		b.http = listener.Client()
		b.http.Transport = wholeBody{b.http.Transport}
		defer func() {
			b.http.CloseIdleConnections()
			_ = b.server.Close()
			_ = server.Close()
			_ = listener.Close()
			<-done
		}()

		out.SDK = b.sdk(key)
		b.config = out
		if b.cloud, err = New(out); err != nil {
			t.Fatal(err)
		}
		test(t, b)
	})
}

// wholeBody gives each request a body that the SDK cannot close under the transport. The SDK closes it as soon as the
// answer begins; over a pipe, which has no buffer, the transport may not have seen its end yet, and gives the
// connection up with the rest of the answer unread.
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
func (b *bench) sdk(key standin.AccessKey) awssdk.Config {
	return awssdk.Config{
		Region:       "eu-central-1",
		BaseEndpoint: awssdk.String("http://aws.example"),
		HTTPClient:   b.http,
		Credentials:  credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken),
	}
}

// role adds the role that tests revoke.
func (b *bench) role(spec standin.RoleSpec) standin.Role {
	if spec.Name == "" {
		spec.Name = "Deploy"
	}
	if spec.Trust == "" {
		spec.Trust = trustEC2
	}
	if spec.Policies == nil {
		spec.Policies = map[string]string{"all": mayAll}
	}
	return b.prod.AddRole(spec)
}

// describe finds a role or fails the test.
func (b *bench) describe(text string) Role {
	b.t.Helper()
	target, err := b.cloud.Parse(text)
	if err != nil {
		b.t.Fatal(err)
	}
	role, err := b.cloud.Describe(b.t.Context(), target)
	if err != nil {
		b.t.Fatal(err)
	}
	return role
}

// conn is the way into an account.
func (b *bench) conn(name string) *Conn {
	b.t.Helper()
	a, err := b.cloud.Conn(name)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

// revocation is an approved request for a role.
func revocation(r Role) Revocation {
	return Revocation{
		RequestID: "req-1", AccountName: r.AccountName, RoleName: r.Name, RoleARN: r.ARN, RoleID: r.ID,
		Requester: "U0ALICE", Approvers: []string{"U0BOB", "U0CAROL"},
	}
}

// session opens a session of a role as EC2 would.
func (b *bench) session(role string) standin.AccessKey {
	b.t.Helper()
	key, err := b.prod.ServiceSession(role, "ec2.amazonaws.com", "i-0abc", "eu-west-1")
	if err != nil {
		b.t.Fatal(err)
	}
	return key
}

// works makes a call that the role allows and reports AWS's error.
func (b *bench) works(key standin.AccessKey) error {
	client := iam.NewFromConfig(b.sdk(key), func(o *iam.Options) { o.Region = "us-east-1" })
	_, err := client.ListRoles(b.t.Context(), &iam.ListRolesInput{})
	if err != nil {
		return NewCallError("iam:ListRoles", "", err)
	}
	return nil
}

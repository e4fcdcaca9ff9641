package aws_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/pipe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	allowAll = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	trustOwn = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},` +
		`"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}`
	lambdaOnly = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},` +
		`"Action":"sts:AssumeRole"}}`
	deployARN = "arn:aws:iam::111122223333:role/ops/Deploy"
)

// bench is a server on a pipe, with one account that has an administrator and the role ops/Deploy.
type bench struct {
	t       *testing.T
	server  *aws.Server
	account *aws.Account
	admin   aws.AccessKey
	deploy  aws.Role
	http    *http.Client
}

// onBench runs a test on fake time.
func onBench(t *testing.T, c aws.Config, test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newBench(t, c)) })
}

func newBench(t *testing.T, c aws.Config) *bench {
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	b := &bench{t: t, server: aws.New(c)}
	l := pipe.Listen()
	web := &http.Server{Handler: b.server}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	b.http = l.Client()
	t.Cleanup(func() {
		_ = b.server.Close()
		b.http.CloseIdleConnections()
		_ = web.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	b.account = b.server.AddAccount("111122223333", "")
	b.admin = b.account.AddUser(aws.UserSpec{Name: "admin", Policies: map[string]string{"all": allowAll}})
	b.deploy = b.account.AddRole(aws.RoleSpec{
		Name: "Deploy", Path: "/ops/", Trust: trustOwn, MaxSession: 4 * time.Hour,
		Policies: map[string]string{"all": allowAll}, Tags: map[string]string{"team": "shop"},
	})
	return b
}

func provider(k aws.AccessKey) awssdk.CredentialsProviderFunc {
	return func(context.Context) (awssdk.Credentials, error) {
		return awssdk.Credentials{
			AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken,
		}, nil
	}
}

const endpoint = "http://aws.example/"

func (b *bench) iam(k aws.AccessKey) *iam.Client {
	return iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: awssdk.String(endpoint), Credentials: provider(k), HTTPClient: b.http,
	})
}

func (b *bench) sts(k aws.AccessKey, region string) *sts.Client {
	return sts.New(sts.Options{
		Region: region, BaseEndpoint: awssdk.String(endpoint), Credentials: provider(k), HTTPClient: b.http,
	})
}

func (b *bench) trail(k aws.AccessKey, region string, options ...func(*cloudtrail.Options)) *cloudtrail.Client {
	return cloudtrail.New(cloudtrail.Options{
		Region: region, BaseEndpoint: awssdk.String(endpoint), Credentials: provider(k), HTTPClient: b.http,
	}, options...)
}

// assume gets a session of the role and fails the test if it is refused.
func (b *bench) assume(k aws.AccessKey, in *sts.AssumeRoleInput) aws.AccessKey {
	b.t.Helper()
	key, err := b.tryAssume(k, in)
	if err != nil {
		b.t.Fatal(err)
	}
	return key
}

func (b *bench) tryAssume(k aws.AccessKey, in *sts.AssumeRoleInput) (aws.AccessKey, error) {
	if in.RoleArn == nil {
		in.RoleArn = awssdk.String(deployARN)
	}
	if in.RoleSessionName == nil {
		in.RoleSessionName = awssdk.String("alice@example.com")
	}
	out, err := b.sts(k, "eu-west-1").AssumeRole(b.t.Context(), in)
	if err != nil {
		return aws.AccessKey{}, err
	}
	c := out.Credentials
	return aws.AccessKey{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
		Expires: *c.Expiration,
	}, nil
}

// listRoles is what the bench's actors do all day.
func (b *bench) listRoles(k aws.AccessKey) error {
	_, err := b.iam(k).ListRoles(b.t.Context(), &iam.ListRolesInput{})
	return err
}

// wantCode checks the error code of an answer; "" means that it went well.
func (b *bench) wantCode(what string, err error, code string) {
	b.t.Helper()
	if got := codeOf(err); got != code {
		b.t.Errorf("%s: code %q (%v), want %q", what, got, err, code)
	}
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return "not an API error"
}

func (b *bench) put(role, name, document string) error {
	_, err := b.iam(b.admin).PutRolePolicy(b.t.Context(), &iam.PutRolePolicyInput{
		RoleName: &role, PolicyName: &name, PolicyDocument: &document,
	})
	return err
}

func revocation(key, cutoff string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],` +
		`"Condition":{"DateLessThan":{"` +
		key + `":"` + cutoff + `"}}}]}`
}

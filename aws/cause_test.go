package aws_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"

	"github.com/revokebot/revokebot/aws"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// credentials is a source of them that has a reason not to give any.
type credentials struct{ why error }

func (c credentials) Retrieve(context.Context) (awssdk.Credentials, error) {
	return awssdk.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "secret"}, c.why
}

// ask asks who the bot is.
func ask(t *testing.T, sdk awssdk.Config) *aws.CallError {
	t.Helper()
	sdk.RetryMaxAttempts = 2
	cloud, err := aws.New(aws.Config{Accounts: []aws.Account{{Name: "prod", ID: "111122223333"}}, SDK: sdk})
	if err != nil {
		t.Fatal(err)
	}
	_, err = cloud.Hub(t.Context())
	call, ok := errors.AsType[*aws.CallError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	return call
}

func TestNoRefusalIsToldWhereAWSWasNotAsked(t *testing.T) {
	answering := func(errs ...error) *http.Client {
		n := 0
		return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			n++
			return nil, errs[min(n, len(errs))-1]
		})}
	}
	dns := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
		Err: "no such host", Name: "sts.<!channel>.amazonaws.com", IsNotFound: true,
	}}
	slowDNS := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "i/o timeout", Name: "sts", IsTimeout: true}}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	reset := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	fine := credentials{}
	for name, c := range map[string]struct {
		sdk   awssdk.Config
		kind  error
		cause string // "": AWS may have been asked
	}{
		"no credentials": {
			awssdk.Config{Credentials: credentials{errors.New("no EC2 IMDS role found")}},
			aws.ErrCredentials,
			"no EC2 IMDS role found",
		},
		"credentials that AWS denied": {
			awssdk.Config{Credentials: credentials{
				&smithy.GenericAPIError{Code: "AccessDenied", Message: "AssumeRoleWithWebIdentity"},
			}}, aws.ErrCredentials, "AssumeRoleWithWebIdentity",
		},
		"credentials that took too long": {
			awssdk.Config{Credentials: credentials{context.DeadlineExceeded}}, aws.ErrCredentials, "deadline exceeded",
		},
		"a name that does not resolve": {
			awssdk.Config{Credentials: fine, HTTPClient: answering(dns)}, aws.ErrUnavailable, "no such host",
		},
		"a resolver that does not answer": {
			awssdk.Config{Credentials: fine, HTTPClient: answering(slowDNS)}, aws.ErrUnavailable, "i/o timeout",
		},
		"no listener": {
			awssdk.Config{Credentials: fine, HTTPClient: answering(refused)}, aws.ErrUnavailable, "connection refused",
		},
		"a try that left, and one that did not": {
			awssdk.Config{Credentials: fine, HTTPClient: answering(reset, refused)}, aws.ErrUnavailable, "",
		},
		"a connection that broke": {
			awssdk.Config{Credentials: fine, HTTPClient: answering(reset)}, aws.ErrUnavailable, "",
		},
	} {
		call := ask(t, c.sdk)
		words := aws.Explain(call)
		if call.Kind != c.kind || aws.Final(call) {
			t.Errorf("%s: %v", name, call)
		}
		if (c.cause == "") != (call.Unsent() == "") || !strings.Contains(call.Unsent(), c.cause) ||
			!strings.Contains(words, c.cause) || !strings.Contains(call.Error(), c.cause) {
			t.Errorf("%s: %q, told as %q", name, call.Unsent(), words)
		}
		if c.cause != "" && !strings.HasPrefix(words, "AWS was not asked") || strings.ContainsAny(words, "<>") {
			t.Errorf("%s is reported as %q", name, words)
		}
	}
}

func TestAnEndpointThatTheSDKRefusesIsToldWithItsCause(t *testing.T) {
	for _, variable := range []string{"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv("AWS_CONFIG_FILE", "/dev/null")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
			t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
			t.Setenv("AWS_REGION", "us-east-1")
			t.Setenv(variable, "true")
			sdk, err := awsconfig.LoadDefaultConfig(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sdk.Credentials = credentials{}
			call := ask(t, sdk)
			if words := aws.Explain(call); !strings.Contains(words, "custom endpoint are not supported") {
				t.Errorf("%v is reported as %q", call, words)
			}
		})
	}
}

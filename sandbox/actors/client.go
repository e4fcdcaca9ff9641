package actors

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// callTimeout bounds one call, so that a stand-in that hangs shows as an error in the terminal
// instead of silence.
const callTimeout = 10 * time.Second

// place is where requests seem to come from. CloudTrail shows both.
type place struct{ address, userAgent string }

// The addresses are of the blocks that RFC 5737 keeps for documentation.
var (
	thiefPlace  = place{"203.0.113.66", "aws-cli/2.31.4 md/awscrt#0.27.6 ua/2.1 os/linux#6.12.25-amd64 lang/python#3.13.7"}
	runnerPlace = place{
		"198.51.100.20", "aws-sdk-go-v2/1.41.0 ua/2.1 os/linux lang/go#1.26.3 md/GOOS#linux exec-env/ci-runner",
	}
)

// from is a RoundTripper that marks requests with their place. Neither header is part of the
// signature, so this can happen after signing.
type from struct {
	place
	next http.RoundTripper
}

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", f.address)
	r.Header.Set("User-Agent", f.userAgent)
	return f.next.RoundTrip(r)
}

// sdk returns a configuration for the SDK's clients. Calls are never retried: the terminal shows
// each answer.
func (c *Cast) sdk(p place, creds aws.Credentials) aws.Config {
	return c.caller(p, creds).config("", c.cfg.Region)
}

// caller is somebody who calls from a place with a key, now.
func (c *Cast) caller(p place, creds aws.Credentials) caller {
	return caller{
		http: c.cfg.HTTPClient, place: p, creds: creds, now: c.cfg.Now,
		endpoint: func(string, string) string { return c.cfg.Endpoint },
	}
}

// signed makes a call, and once more if AWS's clock is not the one that it was signed by: with the
// answer the client has that clock, and the retries that would use it are off.
func signed[Out any](call func() (Out, error)) (Out, error) {
	out, err := call()
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "SignatureDoesNotMatch" {
		return call()
	}
	return out, err
}

// session is what AssumeRole gave.
type session struct {
	creds  aws.Credentials
	arn    string
	issued time.Time // by AWS's clock
}

// assume asks STS for a session of the role, with the deployment user's key.
func (c *Cast) assume(ctx context.Context, name string) (session, error) {
	client := sts.NewFromConfig(c.sdk(runnerPlace, c.cfg.Key))
	out, err := signed(func() (*sts.AssumeRoleOutput, error) {
		return client.AssumeRole(ctx, &sts.AssumeRoleInput{
			RoleArn:         aws.String(c.cfg.RoleARN),
			RoleSessionName: aws.String(name),
			DurationSeconds: aws.Int32(int32(c.cfg.Session / time.Second)),
		})
	})
	if err != nil {
		return session{}, err
	}
	return session{
		creds: aws.Credentials{
			AccessKeyID:     aws.ToString(out.Credentials.AccessKeyId),
			SecretAccessKey: aws.ToString(out.Credentials.SecretAccessKey),
			SessionToken:    aws.ToString(out.Credentials.SessionToken),
		},
		arn:    aws.ToString(out.AssumedRoleUser.Arn),
		issued: aws.ToTime(out.Credentials.Expiration).Add(-c.cfg.Session),
	}, nil
}

const listRoles = "aws iam list-roles"

// listRoles makes the call both actors live for, shows it, and returns what came of it.
func (c *Cast) listRoles(ctx context.Context, actor Actor, client *iam.Client) Outcome {
	out, err := signed(func() (*iam.ListRolesOutput, error) {
		return client.ListRoles(ctx, &iam.ListRolesInput{MaxItems: aws.Int32(1000)})
	})
	if ctx.Err() != nil {
		return Unknown
	}
	if err != nil {
		outcome := outcomeOf(err)
		c.say(actor, listRoles, InWords(err), outcome)
		return outcome
	}
	c.say(actor, listRoles, plural(len(out.Roles), "role"), Answered)
	return Answered
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// outcomeOf sorts an error of the SDK by its code, never by its text.
func outcomeOf(err error) Outcome {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return Failed
	}
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation":
		return Denied
	case "ExpiredToken", "ExpiredTokenException":
		return Expired
	default:
		return Failed
	}
}

// InWords prints an error of a call as the aws command line does.
func InWords(err error) string {
	operation := "request"
	if op, ok := errors.AsType[*smithy.OperationError](err); ok {
		operation = op.Operation()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return fmt.Sprintf("An error occurred (%s) when calling the %s operation: %s", api.ErrorCode(), operation,
			api.ErrorMessage())
	}
	return fmt.Sprintf("No answer to the %s operation: %v", operation, err)
}

// wait sleeps for d and reports whether ctx is still alive.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

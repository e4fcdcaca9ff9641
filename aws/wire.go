package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/time/rate"
)

// remote makes one remote call with its own deadline, the SDK's retries included, and types its error. Retrying is the
// SDK's business alone.
func remote[Out any](ctx context.Context, c *Cloud, account, operation string, do func(context.Context) (Out, error)) (Out, error) {
	ctx, cancel := context.WithTimeout(ctx, c.callTimeout)
	defer cancel()
	out, err := do(ctx)
	if err != nil {
		return out, callError(operation, account, err)
	}
	return out, nil
}

// newAccount makes the clients of an account. They share the HTTP client of the SDK's configuration. The credentials
// are given with each call, so that the reading session and the sessions of revocations use the same warm client, and
// what it learned about the clock's skew.
func (c *Cloud) newAccount(a Account) *account {
	kept := &account{Account: a, trails: map[string]*trail{}}
	kept.iam = iam.NewFromConfig(c.sdk, func(o *iam.Options) {
		o.Region = homeRegion(a.Partition)
		o.APIOptions = append(o.APIOptions, stampAnswers)
	})
	kept.sts = sts.NewFromConfig(c.sdk, func(o *sts.Options) {
		o.Region = stsRegion(c.sdk.Region, a.Partition)
		o.APIOptions = append(o.APIOptions, stampAnswers)
	})
	kept.reader = newSession(func(ctx context.Context) (credential, error) { return c.openReader(ctx, kept) })
	return kept
}

// trail is CloudTrail in one region of one account.
type trail struct {
	client *cloudtrail.Client
	pace   *rate.Limiter
}

// trail returns the account's CloudTrail in a region. It is kept, because the pace holds across look-ups.
func (c *Cloud) trail(a *account, region string) *trail {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.trails[region]
	if t == nil {
		t = &trail{
			client: cloudtrail.NewFromConfig(c.sdk, func(o *cloudtrail.Options) {
				o.Region = region
				o.APIOptions = append(o.APIOptions, stampAnswers)
			}),
			pace: rate.NewLimiter(lookupPace, 1),
		}
		a.trails[region] = t
	}
	return t
}

func iamWith(cred credential) func(*iam.Options) {
	return func(o *iam.Options) { o.Credentials = cred.provider }
}

// errNoCredentials is the cause of a call that could not be signed.
var errNoCredentials = errors.New("no AWS credentials")

// typedCredentials makes the failure to get credentials recognisable by type; the SDK has no type for it.
type typedCredentials struct{ source awssdk.CredentialsProvider }

func (t *typedCredentials) Retrieve(ctx context.Context) (awssdk.Credentials, error) {
	got, err := t.source.Retrieve(ctx)
	if err != nil {
		return got, fmt.Errorf("%w: %w", errNoCredentials, err)
	}
	return got, nil
}

// withTypedCredentials returns the configuration with its credentials wrapped.
func withTypedCredentials(c awssdk.Config) awssdk.Config {
	c = c.Copy()
	if c.Credentials != nil {
		c.Credentials = &typedCredentials{c.Credentials}
	}
	return c
}

// stamp is AWS's clock as one answer gave it.
type stamp struct {
	server time.Time // the Date header, whole seconds
	sent   time.Time // when the request left, by this machine's clock: only good for measuring
}

// latest is the latest that AWS's clock can show now. The header has whole seconds, so up to a second is missing from
// it, and it was written after the request left.
func (s stamp) latest() time.Time { return s.server.Add(time.Second + time.Since(s.sent)) }

type stampKey struct{}

// stampAnswers notes the stamp of each attempt's answer. An answer with an Age header came from a cache and says
// nothing about now.
func stampAnswers(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("StampAnswer", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		sent := time.Now()
		out, metadata, err := next.HandleDeserialize(ctx, in)
		answer, ok := out.RawResponse.(*smithyhttp.Response)
		server, dated := awsmiddleware.GetServerTime(metadata)
		if ok && dated && answer.Header.Get("Age") == "" {
			metadata.Set(stampKey{}, stamp{server: server.UTC(), sent: sent})
		}
		return out, metadata, err
	}), middleware.Before)
}

// stampOf returns the stamp of a successful answer.
func stampOf(metadata middleware.Metadata) (stamp, bool) {
	s, ok := metadata.Get(stampKey{}).(stamp)
	return s, ok
}

// refusalTime returns AWS's clock at an answer that is an error, zero when there was no answer or no date in it.
func refusalTime(err error) time.Time {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || answer.Response == nil || answer.Response.Header.Get("Age") != "" {
		return time.Time{}
	}
	server, _ := http.ParseTime(answer.Response.Header.Get("Date")) // zero when it is none
	return server.UTC()
}

// serverTime returns AWS's clock at a successful answer, zero when it gave none.
func serverTime(metadata middleware.Metadata) time.Time {
	s, _ := stampOf(metadata)
	return s.server
}

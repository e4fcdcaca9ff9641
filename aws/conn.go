package aws

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/time/rate"
)

// Conn is the way into one account: what is configured of it, and what is kept for its calls.
type Conn struct {
	Account // the partition is filled in

	cloud  *Cloud
	iam    *iam.Client
	sts    *sts.Client
	reader *session

	mu     sync.Mutex
	trails map[string]*trail // by region
}

// newConn makes the clients of an account. They share the HTTP client of the SDK's configuration.
// The credentials are given with each call, so that the reading session and the sessions of
// revocations use the same warm client, and what it learned about the clock's skew.
func (c *Cloud) newConn(a Account) *Conn {
	kept := &Conn{Account: a, cloud: c, trails: map[string]*trail{}}
	kept.iam = iam.NewFromConfig(c.sdk, func(o *iam.Options) {
		o.Region = homeRegion(a.Partition)
		o.APIOptions = append(o.APIOptions, stampAnswers)
	})
	kept.sts = sts.NewFromConfig(c.sdk, func(o *sts.Options) {
		o.Region = stsRegion(c.sdk.Region, a.Partition)
		o.APIOptions = append(o.APIOptions, stampAnswers)
	})
	kept.reader = newSession(kept.openReader)
	return kept
}

// Conn returns the way into a configured account. The error is an *InputError.
func (c *Cloud) Conn(account string) (*Conn, error) {
	if a := c.byName[account]; a != nil {
		return a, nil
	}
	return nil, &InputError{
		InputUnknownAccount, fmt.Sprintf("There is no account %s. Configured are: %s.", Quote(account), c.listed()),
	}
}

// AccountName returns the configured name of an account, "" for one that is not configured.
func (c *Cloud) AccountName(id string) string {
	for _, a := range c.accounts {
		if a.ID == id {
			return a.Name
		}
	}
	return ""
}

// HomeRegion is where the account's partition keeps IAM and CloudTrail keeps IAM's events.
func (a *Conn) HomeRegion() string { return homeRegion(a.Partition) }

// AllRegions returns where CloudTrail is asked: the configured regions and the partition's home
// region, each once.
func (a *Conn) AllRegions() []string {
	regions := append([]string{a.HomeRegion()}, a.Regions...)
	slices.Sort(regions)
	return slices.Compact(regions)
}

// Reader returns the reading session, opened if need be. A look in several regions asks for it
// first, so that a session that cannot be opened is one error and not one for each region.
func (a *Conn) Reader(ctx context.Context) (Credential, error) { return a.reader.get(ctx, refreshAt) }

// trail is CloudTrail in one region of one account.
type trail struct {
	client *cloudtrail.Client
	pace   *rate.Limiter
}

// trail returns the account's CloudTrail in a region. It is kept, because the pace holds across
// look-ups.
func (a *Conn) trail(region string) *trail {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.trails[region]
	if t == nil {
		t = &trail{
			client: cloudtrail.NewFromConfig(a.cloud.sdk, func(o *cloudtrail.Options) {
				o.Region = region
				o.APIOptions = append(o.APIOptions, stampAnswers)
			}),
			pace: rate.NewLimiter(lookupPace, 1),
		}
		a.trails[region] = t
	}
	return t
}

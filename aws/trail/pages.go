package trail

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/aws"
)

// Client asks CloudTrail in a Cloud's accounts. Make it with New. Its methods may be called at the
// same time.
type Client struct{ cloud *aws.Cloud }

// New returns a client.
func New(cloud *aws.Cloud) *Client { return &Client{cloud} }

// regionsOf are the regions in which an account is asked: all of them, or its home region and those
// of some that are among them. An error comes with what is asked all the same.
func regionsOf(ctx context.Context, a *aws.Conn, some []string) ([]string, error) {
	all, err := a.TrailRegions(ctx)
	if some == nil {
		return all, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(region string) bool {
		return region != a.HomeRegion() && !slices.Contains(some, region)
	}), err
}

// regionBudget is the reading of one region for one look-up. Its time counts while a call is under
// way; waiting for the turn to call does not count as a delay.
type regionBudget struct {
	region string
	left   time.Duration // for its calls together
}

// call makes one call within what is left of the region's time.
func (s *regionBudget) call(ctx context.Context, do func(context.Context)) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.left)
	defer cancel()
	do(ctx)
	s.left -= time.Since(began)
}

// budget is that of a region that is read to the end of what is asked.
func (c *Client) budget(region string) *regionBudget {
	return &regionBudget{region, aws.RegionTimeout}
}

// everywhere reads all regions of an account side by side and returns when each is done.
func (c *Client) everywhere(regions []string, read func(int, *regionBudget)) {
	var all sync.WaitGroup
	for i, region := range regions {
		all.Go(func() { read(i, c.budget(region)) })
	}
	all.Wait()
}

// lookupPage is the most events that CloudTrail gives in one answer.
const lookupPage = 50

// trailQuery asks for the events that have one attribute (AWS CloudTrail API reference,
// "LookupEvents").
type trailQuery struct {
	key          types.LookupAttributeKey
	value        string
	since, until time.Time // zero means CloudTrail's own limits; without until, AWS's clock ends the window
}

// naming asks for the events that name a resource: the ARN of a role for the sessions that were
// issued, its bare name for what IAM did to it.
func naming(resource string, since time.Time) trailQuery {
	return trailQuery{key: types.LookupAttributeKeyResourceName, value: resource, since: since}
}

// page is one answer of LookupEvents, or of a log group.
type page struct {
	events []types.Event
	clock  aws.Stamp
	more   bool
	of     *LogGroup // nil: of LookupEvents
}

// pages reads events, newest first, 50 at a time and two requests a second. The caller that ranges
// over it may stop early; no request is made that is not asked for. An error ends it.
func pages(ctx context.Context, a *aws.Conn, s *regionBudget, q trailQuery) iter.Seq2[page, error] {
	return func(yield func(page, error) bool) {
		in := &cloudtrail.LookupEventsInput{
			LookupAttributes: []types.LookupAttribute{{AttributeKey: q.key, AttributeValue: awssdk.String(q.value)}},
			MaxResults:       awssdk.Int32(lookupPage),
		}
		if !q.since.IsZero() {
			in.StartTime = awssdk.Time(q.since)
		}
		if !q.until.IsZero() {
			in.EndTime = awssdk.Time(q.until)
		}
		for {
			if err := a.TrailTurn(ctx, s.region); err != nil {
				yield(page{}, err)
				return
			}
			var out *cloudtrail.LookupEventsOutput
			var clock aws.Stamp
			var err error
			s.call(ctx, func(ctx context.Context) { out, clock, err = a.LookupEvents(ctx, s.region, in) })
			if err != nil {
				yield(page{}, err)
				return
			}
			in.NextToken = out.NextToken
			more := awssdk.ToString(out.NextToken) != ""
			if !yield(page{events: out.Events, clock: clock, more: more}, nil) || !more {
				return
			}
		}
	}
}

// read takes the pages of a query until take has enough, and reports whether there is more then. A
// failure is in the coverage and in the log.
func (c *Client) read(
	ctx context.Context, a *aws.Conn, s *regionBudget, q trailQuery, covers *RegionCoverage, take func(page) (enough bool),
) (more bool) {
	for page, err := range pages(ctx, a, s, q) {
		if err != nil {
			covers.fail(err)
			if covers.Reason == unsent && s.left <= 0 { // earlier calls took all of its time
				covers.Reason = tooSlow
			}
			c.cloud.Log().WarnContext(ctx, "CloudTrail could not be read", "account", a.Name, "region", s.region, "error", err)
			return false
		}
		covers.Events += len(page.events)
		covers.askedAt, covers.ahead = page.clock.Server, time.Until(page.clock.Latest())
		if take(page) {
			return page.more
		}
	}
	return false
}

// only takes so many pages.
func only(pages int, take func(page)) func(page) bool {
	return func(p page) bool {
		take(p)
		pages--
		return pages == 0
	}
}

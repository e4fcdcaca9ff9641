package trail

import (
	"context"
	"iter"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/aws"
)

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

// page is one answer of LookupEvents.
type page struct {
	events []types.Event
	clock  aws.Stamp
	more   bool
}

// pages reads events, newest first, 50 at a time and two requests a second. Whoever ranges over it
// may stop early; no request is made that is not asked for. An error ends it.
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
			c.cloud.Log().WarnContext(ctx, "CloudTrail could not be read", "account", a.Name, "region", s.region, "error", err)
			return false
		}
		covers.Events += len(page.events)
		covers.askedAt = page.clock.Server
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

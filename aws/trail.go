package aws

import (
	"context"
	"iter"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// lookupPage is the most events that CloudTrail gives in one answer.
const lookupPage = 50

// page is one answer of LookupEvents.
type page struct {
	events []types.Event
	clock  stamp
	more   bool
}

// pages reads the events that name a role, newest first, 50 at a time and two requests a second. Whoever ranges over it
// may stop early; no request is made that is not asked for. An error ends it.
func (c *Cloud) pages(ctx context.Context, a *account, region string, q LookupQuery) iter.Seq2[page, error] {
	return func(yield func(page, error) bool) {
		const operation = "cloudtrail:LookupEvents"
		in := &cloudtrail.LookupEventsInput{
			LookupAttributes: []types.LookupAttribute{{
				AttributeKey:   types.LookupAttributeKeyResourceName,
				AttributeValue: awssdk.String(q.RoleARN),
			}},
			MaxResults: awssdk.Int32(lookupPage),
		}
		if !q.Since.IsZero() {
			in.StartTime = awssdk.Time(q.Since)
		}
		if !q.Until.IsZero() {
			in.EndTime = awssdk.Time(q.Until)
		}
		trail := c.trail(a, region)
		for {
			if err := trail.pace.Wait(ctx); err != nil {
				// The turn would come after the deadline, which the limiter says without its type.
				yield(page{}, &CallError{Kind: ErrTimeout, Operation: operation, Account: a.Name, cause: err})
				return
			}
			out, err := reading(ctx, c, a, operation, func(ctx context.Context, cred credential) (*cloudtrail.LookupEventsOutput, error) {
				return trail.client.LookupEvents(ctx, in, func(o *cloudtrail.Options) { o.Credentials = cred.provider })
			})
			if err != nil {
				yield(page{}, err)
				return
			}
			clock, _ := stampOf(out.ResultMetadata)
			in.NextToken = out.NextToken
			more := awssdk.ToString(out.NextToken) != ""
			if !yield(page{events: out.Events, clock: clock, more: more}, nil) || !more {
				return
			}
		}
	}
}

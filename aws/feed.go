package aws

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// Feed is the trail that fills a log group.
type Feed struct {
	Trail string    // its name, "" where there is none
	Since time.Time // from when on it has recorded without a break
	Gaps  []Gap     // why the log group does not have all management events of all regions
}

// Gap is something that a log group lacks because of how its trail is set up.
type Gap struct{ Saw, Fix string } // a clause about the trail or the log group, and a sentence

// Feed looks at the trail that fills the log group. Of several it is the one with the fewest gaps.
func (g *LogGroup) Feed(ctx context.Context) (feed Feed, err error) {
	all, err := ofTrail(ctx, g.in, g.Region, (*cloudtrail.Client).DescribeTrails, &cloudtrail.DescribeTrailsInput{})
	if err != nil {
		return Feed{}, err
	}
	feed.Gaps = []Gap{{"no trail sends its events to it", "Run aws cloudtrail update-trail with " +
		"--cloud-watch-logs-log-group-arn " + g.ARN + ":* and --cloud-watch-logs-role-arn."}}
	for _, t := range all.TrailList {
		if strings.TrimSuffix(awssdk.ToString(t.CloudWatchLogsLogGroupArn), ":*") != g.ARN {
			continue
		}
		one, err := g.feedOf(ctx, t)
		if err != nil {
			return Feed{}, err
		}
		if feed.Trail == "" || len(one.Gaps) < len(feed.Gaps) {
			feed = one
		}
	}
	return feed, nil
}

// feedOf looks at one trail.
func (g *LogGroup) feedOf(ctx context.Context, t types.Trail) (Feed, error) {
	feed := Feed{Trail: awssdk.ToString(t.Name)}
	gap := func(there bool, saw, fix string) {
		if there {
			feed.Gaps = append(feed.Gaps, Gap{"its trail " + Quote(feed.Trail) + " " + saw, fix})
		}
	}
	update := "aws cloudtrail update-trail --name " + feed.Trail
	gap(!awssdk.ToBool(t.IsMultiRegionTrail), "records one region only", "Run "+update+" --is-multi-region-trail.")
	gap(g.of != g.in && !awssdk.ToBool(t.IsOrganizationTrail), "records its own account only, which is another",
		"Run "+update+" --is-organization-trail.")
	gap(!awssdk.ToBool(t.IncludeGlobalServiceEvents), "leaves out global services, such as IAM",
		"Run "+update+" --include-global-service-events.")
	status, err := ofTrail(ctx, g.in, g.Region, (*cloudtrail.Client).GetTrailStatus,
		&cloudtrail.GetTrailStatusInput{Name: t.TrailARN})
	if err != nil {
		return Feed{}, err
	}
	feed.Since = awssdk.ToTime(status.StartLoggingTime)
	gap(!awssdk.ToBool(status.IsLogging), "does not record", "Run aws cloudtrail start-logging --name "+feed.Trail+".")
	gap(awssdk.ToString(status.LatestCloudWatchLogsDeliveryError) != "", "could not deliver to it lately",
		"Check LatestCloudWatchLogsDeliveryError of aws cloudtrail get-trail-status --name "+feed.Trail+".")
	selectors, err := ofTrail(ctx, g.in, g.Region, (*cloudtrail.Client).GetEventSelectors,
		&cloudtrail.GetEventSelectorsInput{TrailName: t.TrailARN})
	if err != nil {
		return Feed{}, err
	}
	gap(!slices.ContainsFunc(selectors.EventSelectors, allManagement) &&
		!slices.ContainsFunc(selectors.AdvancedEventSelectors, allManagementToo), "leaves out management events",
		"Have it record all management events, reads and writes, those of KMS and RDS included "+
			"(aws cloudtrail put-event-selectors).")
	return feed, nil
}

// allManagement reports whether a selector takes all management events.
func allManagement(s types.EventSelector) bool {
	return (s.IncludeManagementEvents == nil || *s.IncludeManagementEvents) && len(s.ExcludeManagementEventSources) == 0 &&
		(s.ReadWriteType == "" || s.ReadWriteType == types.ReadWriteTypeAll)
}

func allManagementToo(s types.AdvancedEventSelector) bool {
	if len(s.FieldSelectors) != 1 {
		return false
	}
	only := s.FieldSelectors[0]
	return awssdk.ToString(only.Field) == "eventCategory" && slices.Contains(only.Equals, "Management")
}

// ofTrail makes one call of CloudTrail with the reading session.
func ofTrail[In, Out any](
	ctx context.Context, a *Conn, region string,
	call func(*cloudtrail.Client, context.Context, *In, ...func(*cloudtrail.Options)) (*Out, error), in *In,
) (*Out, error) {
	client := a.trail(region).client
	name := "cloudtrail:" + strings.TrimSuffix(reflect.TypeFor[In]().Name(), "Input")
	out, _, err := callWith(ctx, a, Credential{}, name, func(ctx context.Context, with Credential) (*Out, error) {
		return call(client, ctx, in, func(o *cloudtrail.Options) { o.Credentials = with })
	})
	return out, err
}

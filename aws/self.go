package aws

import (
	"context"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Self is who the ambient credentials are, and AWS's clock beside this machine's.
type Self struct {
	ARN    string
	Source string // where the SDK found the credentials, in its own words; "" not known

	Clock Clock
}

// Clock is what one answer tells about another clock.
type Clock struct {
	Known bool // false: the answer had no usable date

	// Ahead is how far the other clock is ahead of this machine's, give or take Within: a Date header
	// has whole seconds, and the answer took its time.
	Ahead, Within time.Duration
}

// WhoAmI asks AWS anew who the ambient credentials are. Its errors are *CallError.
func (c *Cloud) WhoAmI(ctx context.Context) (Self, error) {
	const operation = "sts:GetCallerIdentity"
	var me Self
	keys, err := c.sdk.Credentials.Retrieve(ctx)
	if err != nil {
		return me, NewCallError(operation, "", err)
	}
	me.Source = keys.Source
	out, err := remote(ctx, c, "", operation, func(ctx context.Context) (*sts.GetCallerIdentityOutput, error) {
		return c.accounts[0].sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	})
	if err != nil {
		return me, err
	}
	me.ARN = awssdk.ToString(out.Arn)
	if s, ok := StampOf(out.ResultMetadata); ok {
		me.Clock = ClockBetween(s.Server, s.Server.Add(time.Second), s.sent, time.Now())
	}
	return me, nil
}

// ClockBetween compares a clock that showed a time between first and last with this machine's while
// an answer was under way.
func ClockBetween(first, last, sent, received time.Time) Clock {
	least, most := first.Sub(received), last.Sub(sent)
	return Clock{Known: true, Ahead: (least + most) / 2, Within: (most - least) / 2}
}

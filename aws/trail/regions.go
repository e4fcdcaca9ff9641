package trail

import (
	"context"
	"slices"
	"sync"
	"time"

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
// way; waiting for the turn to call is nobody's delay.
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

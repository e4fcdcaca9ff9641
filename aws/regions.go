package aws

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/account/types"
	"github.com/aws/smithy-go"
)

// defaultRegions are those that are enabled in every account of a partition (AWS Account Management
// Reference Guide, "Enable or disable AWS Regions"). In the commercial partition they are asked
// where the account does not say; the others have no regions that an account can enable.
var defaultRegions = map[string][]string{
	"aws": {
		"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
		"ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
		"us-east-2", "us-west-1", "us-west-2",
	},
	"aws-cn":     {"cn-north-1", "cn-northwest-1"},
	"aws-us-gov": {"us-gov-east-1", "us-gov-west-1"},
}

// moreRegions are those that an account has to enable (same page, as of November 2026).
var moreRegions = map[string][]string{"aws": {
	"af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
	"ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1",
	"me-central-1", "me-south-1", "mx-central-1",
}}

// KnownRegions are the regions of a partition that this version knows; none of a partition that it
// does not list.
func KnownRegions(partition string) []string {
	return slices.Concat(defaultRegions[partition], moreRegions[partition])
}

// regionsKept is how long the answer is kept: an attacker can enable a region.
const regionsKept = 5 * time.Minute

// TrailRegions returns where CloudTrail is asked, sorted: the configured regions, or all that are
// enabled in the account, and the partition's home region in any case. An error comes with the
// regions that every account of the partition has: the account could not be asked for its own.
func (a *Conn) TrailRegions(ctx context.Context) ([]string, error) {
	known := a.Regions
	if len(known) == 0 && a.Partition != "aws" {
		known = defaultRegions[a.Partition]
	}
	if len(known) > 0 {
		return withHome(a, known), nil
	}
	a.mu.Lock()
	kept := a.enabled
	a.mu.Unlock()
	if time.Since(kept.at) < regionsKept {
		return kept.names, kept.err
	}
	names, clock, err := a.listRegions(ctx)
	if err != nil {
		if other, second := a.describeRegions(ctx, cmp.Or(clock.Server, time.Now())); second == nil {
			names, err = other, nil
		}
	}
	if err != nil {
		a.cloud.Log().WarnContext(ctx, "the regions of an account could not be listed", "account", a.Name, "error", err)
		names = defaultRegions[a.Partition]
	}
	kept = enabledRegions{withHome(a, names), err, time.Now()}
	if ctx.Err() == nil {
		a.mu.Lock()
		a.enabled = kept
		a.mu.Unlock()
	}
	return kept.names, kept.err
}

// enabledRegions is an answer that is kept.
type enabledRegions struct {
	names []string
	err   error
	at    time.Time // by this machine's running clock
}

func withHome(a *Conn, names []string) []string {
	all := append([]string{a.HomeRegion()}, names...)
	slices.Sort(all)
	return slices.Compact(all)
}

// listRegions asks AWS Account Management. The stamp is as that of IAM.
func (a *Conn) listRegions(ctx context.Context) (names []string, clock Stamp, err error) {
	in := &account.ListRegionsInput{MaxResults: awssdk.Int32(50)}
	for {
		call := func(ctx context.Context, with Credential) (*account.ListRegionsOutput, error) {
			return a.account.ListRegions(ctx, in, func(o *account.Options) { o.Credentials = with })
		}
		out, clock, err := callWith(ctx, a, Credential{}, "account:ListRegions", call)
		if err != nil {
			return nil, clock, err
		}
		for _, r := range out.Regions {
			switch name := awssdk.ToString(r.RegionName); r.RegionOptStatus {
			case types.RegionOptStatusEnabled, types.RegionOptStatusEnabledByDefault, types.RegionOptStatusDisabling:
				if regionName.MatchString(name) {
					names = append(names, name)
				}
			}
		}
		if in.NextToken = out.NextToken; awssdk.ToString(in.NextToken) == "" {
			return names, clock, nil
		}
	}
}

// ec2 is the first part of the name of EC2's endpoints: that of the FIPS ones if the SDK is set to
// use them.
func (c *Cloud) ec2(ctx context.Context) string {
	for _, s := range c.cfg.SDK.ConfigSources {
		if set, ok := s.(interface {
			GetUseFIPSEndpoint(context.Context) (awssdk.FIPSEndpointState, bool, error)
		}); ok {
			if state, found, err := set.GetUseFIPSEndpoint(ctx); err == nil && found {
				if state == awssdk.FIPSEndpointStateEnabled {
					return "ec2-fips"
				}
				break
			}
		}
	}
	return "ec2"
}

// describeRegions asks EC2, which lists the enabled ones alone (Amazon EC2 API Reference,
// "DescribeRegions"). The SDK's client of EC2 takes longer to build than the whole program. now is
// AWS's clock, which the signature bears.
func (a *Conn) describeRegions(ctx context.Context, now time.Time) ([]string, error) {
	const body = "Action=DescribeRegions&Version=2016-11-15"
	region := a.HomeRegion()
	at := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_EC2"), awssdk.ToString(a.cloud.cfg.SDK.BaseEndpoint),
		"https://"+a.cloud.ec2(ctx)+"."+region+".amazonaws.com")
	hash := sha256.Sum256([]byte(body))
	names, _, err := callWith(ctx, a, Credential{}, "ec2:DescribeRegions", func(
		ctx context.Context, with Credential,
	) (*[]string, error) {
		keys, err := with.Retrieve(ctx)
		if err != nil {
			return nil, err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(at, "/")+"/", strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.GetBody = nil // so that no redirect is followed
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		if err := v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(hash[:]), "ec2", region, now); err != nil {
			return nil, err
		}
		answer, err := cmp.Or(a.cloud.cfg.SDK.HTTPClient, awssdk.HTTPClient(http.DefaultClient)).Do(r)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		var out struct {
			Regions []string `xml:"regionInfo>item>regionName"`
			Code    string   `xml:"Errors>Error>Code"`
			Message string   `xml:"Errors>Error>Message"`
		}
		err = xml.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&out)
		out.Regions = slices.DeleteFunc(out.Regions, func(r string) bool { return !regionName.MatchString(r) })
		switch {
		case out.Code != "":
			return nil, &smithy.GenericAPIError{Code: out.Code, Message: out.Message}
		case err != nil || answer.StatusCode != http.StatusOK || len(out.Regions) == 0:
			return nil, fmt.Errorf("an answer with status %d and %d regions (%w)", answer.StatusCode, len(out.Regions), err)
		}
		return &out.Regions, nil
	})
	if err != nil {
		return nil, err
	}
	return *names, nil
}

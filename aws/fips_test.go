package aws_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/revokebot/revokebot/aws"
)

// hostsAsked are the names of all hosts that a partition's services are asked at.
func hostsAsked(t *testing.T, partition, region string) []string {
	t.Helper()
	var mu sync.Mutex
	var hosts []string
	sdk, err := awsconfig.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sdk.Credentials = credentials{}
	sdk.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(hosts, r.URL.Host) {
			hosts = append(hosts, r.URL.Host)
		}
		return nil, errors.New("nobody listens")
	})}
	cloud, err := aws.New(aws.Config{SDK: sdk, Accounts: []aws.Account{
		{Name: "prod", ID: "111122223333", Partition: partition},
	}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := cloud.Conn("prod")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = cloud.WhoAmI(t.Context())
	_, _ = a.TrailRegions(t.Context())
	_, _, _ = a.LookupEvents(t.Context(), region, &cloudtrail.LookupEventsInput{})
	_, _, _ = aws.IAM(t.Context(), a, aws.Credential{}, (*iam.Client).ListRoles, &iam.ListRolesInput{})
	slices.Sort(hosts)
	return hosts
}

func TestEachPartitionIsAskedAtItsOwnEndpointsAndByFIPSAtThoseAlone(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for _, c := range []struct{ partition, region, fips, want string }{
		{
			"aws", "us-east-1", "false", "account.us-east-1.amazonaws.com cloudtrail.us-east-1.amazonaws.com " +
				"ec2.us-east-1.amazonaws.com iam.amazonaws.com sts.us-east-1.amazonaws.com",
		},
		{
			"aws", "us-east-1", "true", "account-fips.us-east-1.amazonaws.com cloudtrail-fips.us-east-1.amazonaws.com " +
				"ec2-fips.us-east-1.amazonaws.com iam-fips.amazonaws.com sts-fips.us-east-1.amazonaws.com",
		},
		{
			"aws-us-gov", "us-gov-west-1", "true", "cloudtrail.us-gov-west-1.amazonaws.com iam.us-gov.amazonaws.com " +
				"sts.us-gov-west-1.amazonaws.com", // they are FIPS endpoints by those names
		},
		{
			"aws-cn", "cn-north-1", "false", "cloudtrail.cn-north-1.amazonaws.com.cn iam.cn-north-1.amazonaws.com.cn " +
				"sts.cn-north-1.amazonaws.com.cn",
		},
	} {
		t.Setenv("AWS_USE_FIPS_ENDPOINT", c.fips)
		t.Setenv("AWS_REGION", c.region)
		if got := strings.Join(hostsAsked(t, c.partition, c.region), " "); got != c.want {
			t.Errorf("%s, FIPS %s: %s", c.partition, c.fips, got)
		}
	}
}

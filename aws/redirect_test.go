package aws

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// IAM, STS and CloudTrail never redirect: a redirect would have another host answer in their
// place, and be told the external id.
func TestNoRedirectIsFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		asked := 0
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			_, _ = w.Write([]byte(`<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/eve` +
				`</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`))
		}))
		first := httptest.NewServer(http.RedirectHandler(strings.Replace(other.URL, "127.0.0.1", "localhost", 1), status))
		c, err := New(Config{
			Accounts: []Account{{Name: "prod", ID: "111122223333"}},
			SDK: awssdk.Config{
				Region: "eu-west-1", BaseEndpoint: &first.URL, HTTPClient: awshttp.NewBuildableClient(), RetryMaxAttempts: 1,
				Credentials: credentials.NewStaticCredentialsProvider("AKIA", "x", ""),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if me, err := c.WhoAmI(t.Context()); err == nil || Final(err) || asked > 0 {
			t.Errorf("%d: %d times asked elsewhere: %+v, %v", status, asked, me, err)
		}
		first.Close()
		other.Close()
	}
}

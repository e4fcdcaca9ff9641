package aws_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// get signs and sends a GET, and returns its answer through the stand-in's own door.
func (b *bench) get(k aws.AccessKey, service, path string) (status int, body string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://aws.example"+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	creds, _ := provider(k)(b.t.Context())
	if err := v4.NewSigner().SignHTTP(b.t.Context(), creds, r, emptyHash, service, "eu-west-1",
		b.server.Now()); err != nil {
		b.t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: b.server.Direct()}).Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	_, _ = fmt.Fprint(&text, resp.Header.Get("Content-Type"), " ")
	if err := resp.Write(&text); err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, text.String()
}

func TestOtherServicesAreAnsweredWherePoliciesAllowAndToldToCloudTrail(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		may := b.account.AddUser(aws.UserSpec{Name: "may", Policies: map[string]string{
			"some": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListAllMyBuckets",
			"ec2:DescribeInstances"],"Resource":"*"},
				{"Effect":"Allow","Action":"secretsmanager:GetSecretValue",
				"Resource":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/*"}]}`,
		}})
		const query, inJSON = "application/x-www-form-urlencoded", "application/x-amz-json-1.1"
		secret := func(id string) raw {
			return raw{
				key: may, service: "secretsmanager", region: "eu-west-1", contentType: inJSON,
				target: "secretsmanager.GetSecretValue", body: `{"SecretId":"` + id + `"}`,
			}
		}
		ec2 := func(action string) raw {
			return raw{
				key: may, service: "ec2", region: "eu-west-1", contentType: query, body: "Version=2016-11-15&Action=" + action,
			}
		}
		for name, c := range map[string]struct {
			r      raw
			status int
			want   string
		}{
			"allowed":        {secret("shop/db"), 200, "SecretString"},
			"another secret": {secret("hr/db"), 400, `"__type":"AccessDeniedException"`},
			"a secret by its ARN": {
				secret("arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/db-a1b2c3"), 200, "SecretString",
			},
			"a query": {ec2("DescribeInstances"), 200, "i-0c0ffee"},
			"a query that is refused": {
				ec2("DescribeSnapshots"), 403, "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not " +
					"authorized to perform this operation. User: arn:aws:iam::111122223333:user/may is not authorized to perform: " +
					"ec2:DescribeSnapshots because no identity-based policy allows",
			},
			"an unknown action":    {ec2("TerminateInstances"), 400, "<Code>InvalidAction</Code>"},
			"an unknown parameter": {ec2("DescribeInstances&DryRun=true"), 400, "<Code>ValidationError</Code>"},
			"an unknown target": {
				raw{key: may, service: "secretsmanager", contentType: inJSON, target: "secretsmanager.DeleteSecret", body: "{}"},
				400, "UnknownOperationException",
			},
			"another service's": {
				raw{key: may, service: "ecs", contentType: inJSON, target: "secretsmanager.GetSecretValue", body: "{}"},
				400,
				"UnknownOperationException",
			},
			"no object": {
				raw{
					key: may, service: "ecs", contentType: inJSON, target: "AmazonEC2ContainerServiceV20141113.UpdateService",
					body: "[]",
				}, 400, "SerializationException",
			},
			"S3 with a body": {raw{key: may, service: "s3", body: "x"}, 400, "MalformedQueryString"},
			"an unknown service": {
				raw{key: may, service: "sqs", body: "Action=ListQueues&Version=2012-11-05"}, 400, "InvalidAction",
			},
		} {
			if status, body, _ := b.send(c.r); status != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%s: %d %s, want %d %s", name, status, body, c.status, c.want)
			}
		}
		if status, body := b.get(may, "s3", "/?x-id=ListBuckets"); status != 200 ||
			!strings.Contains(body, "<ListAllMyBucketsResult") || !strings.HasPrefix(body, "text/xml") {
			t.Errorf("ListBuckets: %d %s", status, body)
		}
		if status, body := b.get(may, "s3", "/a-bucket"); status != 400 ||
			!strings.Contains(body, "<Error><Code>InvalidAction</Code>") {
			t.Errorf("a bucket: %d %s", status, body)
		}
		if status, body := b.get(may, "lambda", "/2015-03-31/functions/?MaxItems=5"); status != 400 ||
			!strings.Contains(body, "lambda:ListFunctions because no identity-based policy") {
			t.Errorf("ListFunctions: %d %s", status, body)
		}
		var told []string
		out, err := b.trail(b.admin, "eu-west-1").LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{
			LookupAttributes: []types.LookupAttribute{
				{AttributeKey: types.LookupAttributeKeyAccessKeyId, AttributeValue: &may.AccessKeyID},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			code := ""
			if _, rest, ok := strings.Cut(*e.CloudTrailEvent, `"errorCode":"`); ok {
				code, _, _ = strings.Cut(rest, `"`)
			}
			told = append(told, fmt.Sprintf("%s %s %s", *e.EventSource, *e.EventName, code))
			if strings.Contains(*e.CloudTrailEvent, "nothing is secret") {
				t.Error("CloudTrail tells the secret")
			}
		}
		slices.Sort(told)
		want := []string{
			"ec2.amazonaws.com DescribeInstances ", "ec2.amazonaws.com DescribeInstances Client.ValidationError",
			"ec2.amazonaws.com DescribeSnapshots Client.UnauthorizedOperation",
			"lambda.amazonaws.com ListFunctions20150331 AccessDenied", "s3.amazonaws.com ListBuckets ",
			"secretsmanager.amazonaws.com GetSecretValue ", "secretsmanager.amazonaws.com GetSecretValue ",
			"secretsmanager.amazonaws.com GetSecretValue AccessDenied",
		}
		if !slices.Equal(told, want) {
			t.Errorf("CloudTrail tells\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestARevokedSessionIsDeniedByEveryOtherService(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		session := b.assume(b.admin, &sts.AssumeRoleInput{})
		if status, body := b.get(session, "s3", "/"); status != 200 {
			t.Fatalf("before: %d %s", status, body)
		}
		if err := b.put("Deploy", "AWSRevokeOlderSessions",
			revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")); err != nil {
			t.Fatal(err)
		}
		if status, body := b.get(session, "s3", "/"); status != 403 ||
			!strings.Contains(body, "s3:ListAllMyBuckets with an explicit deny in an identity-based policy") {
			t.Errorf("after: %d %s", status, body)
		}
	})
}

package aws_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/sandbox/aws"
)

// shape lists the paths of all values in a JSON record; what stands in a list counts once.
func shape(t *testing.T, record string) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(record), &v); err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				walk(path+"."+k, e)
			}
		case []any:
			for _, e := range v {
				walk(path+"[]", e)
			}
		default:
			paths[strings.TrimPrefix(path, ".")] = true
		}
	}
	walk("", v)
	return slices.Sorted(maps.Keys(paths))
}

// documented gives the records of the test data by their names.
func documented(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("testdata/lookup_events.json")
	if err != nil {
		t.Fatal(err)
	}
	var in struct {
		Events []struct {
			Name        string
			LookupEvent struct{ CloudTrailEvent string }
		}
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		t.Fatal(err)
	}
	records := map[string]string{}
	for _, e := range in.Events {
		records[e.Name] = e.LookupEvent.CloudTrailEvent
	}
	return records
}

// newest gives the newest event of a name.
func (b *bench) newest(k aws.AccessKey, region, name string) types.Event {
	b.t.Helper()
	out, err := b.trail(k, region).LookupEvents(b.t.Context(), &cloudtrail.LookupEventsInput{
		LookupAttributes: attribute(types.LookupAttributeKeyEventName, name), MaxResults: awssdk.Int32(1),
	})
	if err != nil || len(out.Events) != 1 {
		b.t.Fatalf("no event %s in %s: %v", name, region, err)
	}
	return out.Events[0]
}

func TestEventsHaveTheDocumentedShapes(t *testing.T) {
	records := documented(t)
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		// What the documented examples have because of what was asked, or which the stand-in leaves out
		// on purpose.
		beside := map[string][]string{
			"iam_user_same_account_mfa": {"requestParameters.serialNumber"},
			"role_chaining":             {"requestParameters.incomingTransitiveTags.Department"},
			"service_lambda":            nil,
			"saml_corporate_idp": {
				"requestParameters.principalTags.CostCenter", "requestParameters.transitiveTagKeys[]",
				"responseElements.packedPolicySize",
			},
			"cross_account_user_caller_side": {"requestParameters.serialNumber"},
			"cross_account_user_owner_side":  {"requestParameters.serialNumber"},
		}
		// What the stand-in says in every regional AssumeRole event and some examples leave out.
		serving := []string{
			"additionalEventData.RequestDetails.awsServingRegion", "additionalEventData.RequestDetails.endpointType",
		}
		check := func(name string, e types.Event) {
			t.Helper()
			without := func(paths []string) []string {
				return slices.DeleteFunc(paths, func(p string) bool {
					return slices.Contains(beside[name], p) || slices.Contains(serving, p) ||
						p == "additionalEventData.ExtendedRequestId"
				})
			}
			if d := cmp.Diff(without(shape(t, records[name])), without(shape(t, *e.CloudTrailEvent))); d != "" {
				t.Errorf("%s (-documented +ours):\n%s", name, d)
			}
		}

		session := b.assume(b.admin, &sts.AssumeRoleInput{
			SourceIdentity: awssdk.String("alice"), ExternalId: awssdk.String("ticket-4711"),
			DurationSeconds: awssdk.Int32(3600),
		})
		check("iam_user_same_account_mfa", b.newest(b.admin, "eu-west-1", "AssumeRole"))

		b.assume(session, &sts.AssumeRoleInput{
			DurationSeconds: awssdk.Int32(3600), TransitiveTagKeys: []string{"Email"}, SourceIdentity: awssdk.String("alice"),
			Tags: []ststypes.Tag{{Key: awssdk.String("Email"), Value: awssdk.String("alice@example.com")}},
		})
		time.Sleep(time.Second)
		check("role_chaining", b.newest(b.admin, "eu-west-1", "AssumeRole"))

		b.account.AddRole(aws.RoleSpec{Name: "fn", Trust: lambdaOnly})
		if _, err := b.account.ServiceSession("fn", "lambda.amazonaws.com", "orders-fn", "eu-west-1"); err != nil {
			t.Fatal(err)
		}
		check("service_lambda", b.newest(b.admin, "eu-west-1", "AssumeRole"))

		b.account.AddRole(aws.RoleSpec{
			Name: "saml", Trust: `{"Statement":{"Effect":"Allow",` +
				`"Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/CorpIdP"},"Action":"sts:AssumeRoleWithSAML"}}`,
		})
		if _, err := b.account.SAMLSession("saml", aws.SAMLSpec{
			Provider: "CorpIdP", User: "carol@example.com", SourceIdentity: "carol",
		}); err != nil {
			t.Fatal(err)
		}
		check("saml_corporate_idp", b.newest(b.admin, "us-east-1", "AssumeRoleWithSAML"))

		b.account.AddRole(aws.RoleSpec{
			Name: "gh", Trust: `{"Statement":{"Effect":"Allow",` +
				`"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},` +
				`"Action":"sts:AssumeRoleWithWebIdentity"}}`,
		})
		if _, err := b.account.WebIdentitySession("gh", aws.WebIdentitySpec{
			Provider: "token.actions.githubusercontent.com", Subject: "repo:acme/shop:ref:refs/heads/main",
			SessionName: "GitHubActions", Duration: time.Hour,
		}); err != nil {
			t.Fatal(err)
		}
		check("github_oidc_name_subject", b.newest(b.admin, "us-east-1", "AssumeRoleWithWebIdentity"))

		hub := b.server.AddAccount("444455556666", "").AddUser(aws.UserSpec{
			Name: "John", Policies: map[string]string{"all": allowAll},
		})
		b.account.AddRole(aws.RoleSpec{Name: "Cross", Trust: strings.ReplaceAll(trustOwn, "111122223333", "444455556666")})
		time.Sleep(time.Second)
		b.assume(hub, &sts.AssumeRoleInput{
			RoleArn: awssdk.String("arn:aws:iam::111122223333:role/Cross"), SourceIdentity: awssdk.String("John"),
		})
		callers, owners := b.newest(hub, "eu-west-1", "AssumeRole"), b.newest(b.admin, "eu-west-1", "AssumeRole")
		check("cross_account_user_caller_side", callers)
		check("cross_account_user_owner_side", owners)
		if *callers.EventId == *owners.EventId || owners.Username != nil || owners.AccessKeyId != nil {
			t.Errorf("the two sides: %+v %+v", callers, owners)
		}

		if err := b.put("Deploy", "AWSRevokeOlderSessions",
			revocation("aws:TokenIssueTime", "2099-01-01T00:00:00Z")); err != nil {
			t.Fatal(err)
		}
		put := b.newest(b.admin, "us-east-1", "PutRolePolicy")
		if got, want := *put.ReadOnly+*put.Resources[0].ResourceName+*put.Resources[1].ResourceName,
			"falseAWSRevokeOlderSessionsDeploy"; got != want {
			t.Errorf("PutRolePolicy: %s, want %s", got, want)
		}
		_, err := b.iam(session).ListUsers(t.Context(), &iam.ListUsersInput{})
		b.wantCode("the revoked session", err, "AccessDenied")
		denied := b.newest(b.admin, "us-east-1", "ListUsers")
		check("revoked_session_denied", denied)
		if *denied.Username != "alice@example.com" || len(denied.Resources) != 0 {
			t.Errorf("denied: %+v", denied)
		}
	})
}

func TestAnIssuedSessionIsFoundByEveryNameItHas(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		key := b.assume(b.admin, &sts.AssumeRoleInput{})
		e := b.newest(b.admin, "eu-west-1", "AssumeRole")
		var got []string
		for _, r := range e.Resources {
			got = append(got, *r.ResourceType+"="+*r.ResourceName)
		}
		want := []string{
			"AWS::IAM::AccessKey=" + key.AccessKeyID, "AWS::STS::AssumedRole=alice@example.com",
			"AWS::STS::AssumedRole=" + b.deploy.UniqueID + ":alice@example.com",
			"AWS::STS::AssumedRole=arn:aws:sts::111122223333:assumed-role/Deploy/alice@example.com",
			"AWS::IAM::Role=" + deployARN,
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if !strings.Contains(*e.CloudTrailEvent, key.SessionToken) ||
			strings.Contains(*e.CloudTrailEvent, key.SecretAccessKey) {
			t.Error("as in life, the event is to hold the session token and never the secret key")
		}
	})
}

func TestADeniedAssumeRoleIsToldToTheCallersAccountOnlyAndNamesNoRole(t *testing.T) {
	records := documented(t)
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		eve := b.server.AddAccount("444455556666", "").AddUser(aws.UserSpec{
			Name: "eve", Policies: map[string]string{"all": allowAll},
		})
		_, err := b.tryAssume(eve, &sts.AssumeRoleInput{})
		b.wantCode("eve", err, "AccessDenied")
		if d := cmp.Diff(shape(t, records["denied_assume_role"]),
			shape(t, *b.newest(eve, "eu-west-1", "AssumeRole").CloudTrailEvent)); d != "" {
			t.Error(d)
		}
		out := b.look("eu-west-1", &cloudtrail.LookupEventsInput{
			LookupAttributes: attribute(types.LookupAttributeKeyEventName, "AssumeRole"),
		})
		if len(out.Events) != 0 {
			t.Error("the role's account was told")
		}
	})
}

func TestAnEventShowsWhereTheCallCameFrom(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		type seen struct{ SourceIPAddress, UserAgent, AwsRegion string }
		read := func() (s seen) {
			if err := json.Unmarshal([]byte(*b.newest(b.admin, "us-east-1", "GetRole").CloudTrailEvent), &s); err != nil {
				t.Fatal(err)
			}
			return s
		}
		b.send(raw{key: b.admin, region: "eu-west-1"})
		if s := read(); s.SourceIPAddress != "127.0.0.1" || s.AwsRegion != "us-east-1" {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Second)
		b.send(raw{
			key: b.admin, headers: map[string]string{"X-Forwarded-For": "203.0.113.66, 10.0.0.1", "User-Agent": "Boto3/1.43.11"},
		})
		if s := read(); s.SourceIPAddress != "203.0.113.66" || s.UserAgent != "Boto3/1.43.11" {
			t.Errorf("%+v", s)
		}
	})
}

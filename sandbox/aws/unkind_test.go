package aws_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

// calls are the records of a call that a session made, the newest first.
func (b *bench) calls(session, name string) (list []map[string]any) {
	b.t.Helper()
	out := b.look("us-east-1", &cloudtrail.LookupEventsInput{
		LookupAttributes: attribute(types.LookupAttributeKeyUsername, session),
	})
	for _, e := range out.Events {
		var record map[string]any
		if err := json.Unmarshal([]byte(*e.CloudTrailEvent), &record); err != nil {
			b.t.Fatal(err)
		}
		if record["eventName"] == name {
			list = append(list, record)
		}
	}
	return list
}

func TestEachTwistChangesTheRecordsOfItsSessionAlone(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		thief := b.assume(b.admin, &sts.AssumeRoleInput{})
		job := b.assume(b.admin, &sts.AssumeRoleInput{RoleSessionName: awssdk.String("job")})
		for name, c := range map[string]struct {
			twist aws.Twist
			is    func(record, identity map[string]any) bool
		}{
			"without access key": {aws.WithoutKey, func(_, id map[string]any) bool { return id["accessKeyId"] == nil }},
			"a key per call": {aws.KeyPerCall, func(_, id map[string]any) bool {
				return id["accessKeyId"] != nil && id["accessKeyId"] != thief.AccessKeyID
			}},
			"forward access": {aws.ForwardAccess("cloudformation.amazonaws.com"), func(r, id map[string]any) bool {
				return id["invokedBy"] == "cloudformation.amazonaws.com" && id["accessKeyId"] != thief.AccessKeyID &&
					r["sourceIPAddress"] == "cloudformation.amazonaws.com"
			}},
			"an endpoint": {aws.ThroughEndpoint("vpce-1", "111122223333", "10.0.0.9"), func(r, _ map[string]any) bool {
				return r["vpcEndpointId"] == "vpce-1" && r["vpcEndpointAccountId"] == "111122223333" &&
					r["sourceIPAddress"] == "10.0.0.9"
			}},
			"IPv6": {aws.From("2001:db8:1:2::5"), func(r, _ map[string]any) bool {
				return r["sourceIPAddress"] == "2001:db8:1:2::5"
			}},
		} {
			b.server.Twist(aws.Of("alice@example.com", c.twist))
			for _, key := range []aws.AccessKey{thief, job} {
				if err := b.listRoles(key); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
			for session, want := range map[string]bool{"alice@example.com": true, "job": false} {
				record := b.calls(session, "ListRoles")[0]
				id := record["userIdentity"].(map[string]any)
				if c.is(record, id) != want && !(name == "a key per call" && !want) {
					t.Errorf("%s: %s has %v", name, session, record)
				}
				if id["principalId"] != b.deploy.UniqueID+":"+session {
					t.Errorf("%s: the call is of %v", name, id["principalId"])
				}
			}
		}
		b.server.Twist()
		if err := b.listRoles(thief); err != nil {
			t.Fatal(err)
		}
		if id := b.calls("alice@example.com", "ListRoles")[0]["userIdentity"].(map[string]any); id["accessKeyId"] !=
			thief.AccessKeyID {
			t.Errorf("without twists: %v", id)
		}
	})
}

func TestAnErrorCanStandInTheAnswerAlone(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		thief := b.assume(b.admin, &sts.AssumeRoleInput{})
		if err := b.account.PutRolePolicy("Deploy", "deny", `{"Version":"2012-10-17","Statement":{"Effect":"Deny",`+
			`"Action":"*","Resource":"*"}}`); err != nil {
			t.Fatal(err)
		}
		b.server.Twist(aws.ErrorInResponse)
		b.wantCode("a denied call", b.listRoles(thief), "AccessDenied")
		record := b.calls("alice@example.com", "ListRoles")[0]
		answer, _ := record["responseElements"].(map[string]any)
		if record["errorCode"] != nil || record["errorMessage"] != nil || answer["errorCode"] != "AccessDenied" {
			t.Errorf("%v", record)
		}
	})
}

func TestCallsAreShownOutOfOrderAndOfOneRegionLater(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		thief := b.assume(b.admin, &sts.AssumeRoleInput{})
		b.server.Twist(aws.OutOfOrder(2, 5*time.Minute))
		for range 4 {
			time.Sleep(time.Second)
			if err := b.listRoles(thief); err != nil {
				t.Fatal(err)
			}
		}
		b.server.Twist()
		shown := func() (n int) { return len(b.calls("alice@example.com", "ListRoles")) }
		if n := shown(); n != 2 {
			t.Errorf("at once %d of 4 are shown", n)
		}
		time.Sleep(5 * time.Minute)
		if n := shown(); n != 4 {
			t.Errorf("after five minutes %d of 4 are shown", n)
		}
		b.server.SetRegionTrailDelay("us-east-1", time.Hour)
		if n := shown(); n != 0 {
			t.Errorf("with an hour's delay %d are shown", n)
		}
		if n := len(b.look("eu-west-1", &cloudtrail.LookupEventsInput{}).Events); n == 0 {
			t.Error("the other region is late, too")
		}
		b.server.SetRegionTrailDelay("us-east-1", -1)
		if n := shown(); n != 4 {
			t.Errorf("without a delay of its own %d of 4 are shown", n)
		}
	})
}

func TestASessionMakesItselfNewCredentialsOfEachKind(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		thief := b.assume(b.admin, &sts.AssumeRoleInput{})
		var made []string
		for _, call := range []string{
			"sts GetScopedCredentials", "sts GetWebIdentityToken", "sts GetDelegatedAccessToken", "signin CreateBearerToken",
			"signin CreateOAuth2Token", "signin CreateOAuth2TokenWithIAM", "signin CreateOAuth2TokenWithTokenExchange",
		} {
			var service, name string
			_, _ = fmt.Sscan(call, &service, &name)
			key, err := b.account.Derive(thief.AccessKeyID, service, name, "us-east-1", "203.0.113.66", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			record := b.calls("alice@example.com", name)[0]
			if record["eventSource"] != service+".amazonaws.com" || record["sourceIPAddress"] != "203.0.113.66" {
				t.Errorf("%s: %v", call, record)
			}
			id := record["userIdentity"].(map[string]any)
			if _, has := id["accessKeyId"]; has != (name != "CreateOAuth2Token") {
				t.Errorf("%s has the identity %v", call, id)
			}
			if key.AccessKeyID != "" {
				made = append(made, name)
				if err := b.listRoles(key); err != nil || !key.IssuedAt.Equal(thief.IssuedAt) && !thief.IssuedAt.IsZero() {
					t.Errorf("%s: %+v, %v", call, key, err)
				}
			}
		}
		if !slices.Equal(made, []string{"GetScopedCredentials"}) {
			t.Errorf("keys are made by %v", made)
		}
		// A deny on older sessions reaches the scoped key: it has the issue time of its session.
		if err := b.account.PutRolePolicy("Deploy", "deny", `{"Version":"2012-10-17","Statement":{"Effect":"Deny",`+
			`"Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"`+
			b.server.Now().Add(time.Second).Format("2006-01-02T15:04:05Z")+`"}}}}`); err != nil {
			t.Fatal(err)
		}
		scoped, err := b.account.Derive(thief.AccessKeyID, "sts", "GetScopedCredentials", "", "203.0.113.66", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		b.wantCode("a scoped key of an old session", b.listRoles(scoped), "AccessDenied")
		if _, err := b.account.Derive("ASIANONE", "sts", "GetScopedCredentials", "", "", time.Hour); err == nil {
			t.Error("a key that does not exist made credentials")
		}
	})
}

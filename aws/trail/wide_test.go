package trail

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/revokebot/revokebot/aws"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// tells records an event in prod's history of a region.
func (b *bench) tells(region string, record map[string]any) {
	b.T.Helper()
	if err := b.Prod.RecordEvent(region, record); err != nil {
		b.T.Fatal(err)
	}
}

// sessionIdentity is the userIdentity of a role's session.
func sessionIdentity(role, roleID, session, key string) map[string]any {
	return map[string]any{
		"type": "AssumedRole", "principalId": roleID + ":" + session,
		"arn":       "arn:aws:sts::" + awsbench.ProdID + ":assumed-role/" + role + "/" + session,
		"accountId": awsbench.ProdID, "accessKeyId": key, "sessionContext": map[string]any{
			"sessionIssuer": map[string]any{
				"type": "Role", "principalId": roleID, "arn": "arn:aws:iam::" + awsbench.ProdID + ":role/" + role,
			},
			"attributes": map[string]any{"mfaAuthenticated": "true"},
		},
	}
}

func TestAWideLookFindsDeniedAttemptsAndCredentialsThatAppearWithoutAssumeRole(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		b.Role(standin.RoleSpec{Name: "Other"})
		role := b.describe("prod/Deploy")
		key := b.Session("Deploy")
		eve := person{b, b.Prod.AddUser(standin.UserSpec{Name: "eve"}), thief}
		time.Sleep(time.Second)
		for _, name := range []string{"Deploy", "Other"} {
			if _, err := eve.assumes(name, "knock"); err == nil {
				t.Fatal("eve came in")
			}
		}
		time.Sleep(time.Second)
		b.tells("us-east-1", map[string]any{
			"eventName": "GetSigninToken", "eventSource": "signin.amazonaws.com",
			"userIdentity":     sessionIdentity("Deploy", role.ID, "i-0abc", key.AccessKeyID),
			"responseElements": map[string]any{"credentials": map[string]any{"accessKeyId": "ASIACONSOLE"}},
		})
		b.tells("us-east-1", map[string]any{
			"eventName": "GetSigninToken", "eventSource": "signin.amazonaws.com",
			"userIdentity": sessionIdentity("Other", "AROAOTHER", "xx", "ASIAOTHER"),
		})
		time.Sleep(time.Second)
		b.tells("eu-west-1", map[string]any{
			"eventName": "AssumeRoot", "eventSource": "sts.amazonaws.com",
			"userIdentity":      sessionIdentity("Deploy", role.ID, "i-0abc", key.AccessKeyID),
			"requestParameters": map[string]any{"targetPrincipal": awsbench.DevID},
			"responseElements":  map[string]any{"credentials": map[string]any{"accessKeyId": "ASIAROOT"}},
		})
		time.Sleep(time.Second)
		b.tells("eu-west-1", map[string]any{
			"eventName": "AssumeRoleWithWebIdentity", "eventSource": "sts.amazonaws.com", "errorCode": "AccessDenied",
			"errorMessage": "Not authorized to perform sts:AssumeRoleWithWebIdentity",
			"userIdentity": map[string]any{
				"type": "WebIdentityUser", "userName": "repo:acme/shop:pull_request",
				"identityProvider": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com",
			},
		})
		look := func(wide bool) (lines []string) {
			t.Helper()
			got, err := b.trail.Lookup(t.Context(), LookupQuery{
				AccountName: "prod", RoleARN: role.ARN, Wide: wide, Cutoff: b.Server.Now().Add(time.Second),
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range got.Sessions {
				lines = append(lines, fmt.Sprintf("%s %s: issued %v, denied %v, uncertain %v, derived %v", s.Caller, s.Kind,
					s.Issued(), s.Denied, s.Uncertain, s.Derived))
				if s.After {
					t.Errorf("got %+v", s)
				}
			}
			for _, r := range got.Regions {
				if !r.Covered || r.Truncated || r.AttemptsCut {
					t.Errorf("got %+v", r)
				}
			}
			return lines
		}
		issued := "EC2 instance i-0abc AssumeRole: issued true, denied false, uncertain false, derived false"
		if diff := cmp.Diff([]string{issued}, look(false)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		want := []string{
			"GitHub acme/shop pull requests AssumeRoleWithWebIdentity: issued false, denied true, uncertain true, derived false",
			"role Deploy (session i-0abc) AssumeRoot: issued true, denied false, uncertain false, derived true",
			"role Deploy (session i-0abc) GetSigninToken: issued true, denied false, uncertain false, derived true",
			"user eve AssumeRole: issued false, denied true, uncertain false, derived false",
			issued,
		}
		if diff := cmp.Diff(want, look(true)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAFloodOfDeniedAttemptsIsCutAndHidesNoSession(t *testing.T) {
	onBench(t, atHome, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		b.session200(t)
		time.Sleep(time.Second)
		for range 400 {
			b.tells("us-east-1", map[string]any{
				"eventName": "AssumeRole", "eventSource": "sts.amazonaws.com", "errorCode": "AccessDenied",
				"errorMessage": "User: x is not authorized to perform: sts:AssumeRole on resource: " + role.ARN,
				"userIdentity": map[string]any{"type": "IAMUser", "userName": "eve"},
			})
		}
		got, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: role.ARN, Wide: true, Limit: 1})
		if err != nil || len(got.Sessions) != 1+mostAttempts || !got.Sessions[mostAttempts].Issued() {
			t.Fatalf("%d sessions, %v", len(got.Sessions), err)
		}
		if r := got.Regions[0]; !r.Covered || r.Truncated || !r.AttemptsCut || r.Events != 1+6*50 {
			t.Errorf("got %+v", r)
		}
	})
}

func TestEventsThatOnlyMentionTheRoleDoNotMakeALookEndless(t *testing.T) {
	onBench(t, atHome, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		b.session200(t)
		time.Sleep(time.Second)
		for range 300 {
			b.tells("us-east-1", map[string]any{
				"eventName": "CreateFunction20150331", "eventSource": "lambda.amazonaws.com",
				"resources": []map[string]any{{"type": "AWS::IAM::Role", "ARN": role.ARN}},
			})
		}
		got, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: role.ARN, Limit: 50})
		if err != nil || len(got.Sessions) != 0 || got.Regions[0].Events != 4*50 || !got.Regions[0].Truncated {
			t.Errorf("%d sessions, %s, %v", len(got.Sessions), coverage(got), err)
		}
	})
}

// seventeen are as many regions as an account has by default.
var seventeen = []string{
	"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2", "eu-west-3",
	"eu-central-1", "eu-north-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2",
	"ap-northeast-3",
}

// filled gives prod a history of the role's sessions in each region, a second apart.
func (b *bench) filled(roleARN string, n int, regions []string) {
	b.T.Helper()
	for i := range n {
		at := b.Server.Now().Add(-time.Duration(i) * time.Second).Format(time.RFC3339)
		for _, region := range regions {
			b.tells(region, map[string]any{
				"eventName": "AssumeRole", "eventSource": "sts.amazonaws.com", "eventTime": at, "sourceIPAddress": office,
				"userAgent": "aws-cli/2",
				"userIdentity": map[string]any{
					"type": "IAMUser", "principalId": "AIDAALICE", "userName": "alice", "accountId": awsbench.ProdID,
					"accessKeyId": "AKIAALICE",
				},
				"requestParameters": map[string]any{"roleArn": roleARN, "roleSessionName": "alice"},
				"responseElements": map[string]any{
					"credentials": map[string]any{
						"accessKeyId": fmt.Sprintf("ASIA%s%d", region, i), "sessionToken": strings.Repeat("x", 300),
					},
				},
				"resources": []map[string]any{{"type": "AWS::IAM::Role", "ARN": roleARN}},
			})
		}
	}
}

// allowed is how long the pages of so many events take at two requests a second.
func allowed(events int) time.Duration {
	return time.Duration((events+lookupPage-1)/lookupPage-1) * 500 * time.Millisecond
}

func TestSeventeenRegionsAreThereInTimeWithOneRefusingAndOneHanging(t *testing.T) {
	onBench(t, func(in *standin.Config, c *aws.Config) {
		in.Latency, c.Accounts[0].Regions = time.Millisecond, seventeen
	}, func(t *testing.T, b *bench) {
		const each = 200
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		b.filled(role.ARN, each, seventeen)
		b.Server.Inject(standin.Fault{Action: "LookupEvents", Region: "eu-west-3", Code: "AccessDenied", Times: -1})
		b.Server.Inject(standin.Fault{Action: "LookupEvents", Region: "sa-east-1", Hang: true, Times: -1})
		var told []string
		began := time.Now()
		got, err := b.trail.Lookup(t.Context(), LookupQuery{
			AccountName: "prod", RoleARN: role.ARN, Limit: 10 * each * len(seventeen),
			Progress: func(done, all int) { told = append(told, fmt.Sprintf("%d of %d", done, all)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if took, most := time.Since(began), 11*time.Second; took > most { // a call is given up after 10 seconds
			t.Errorf("took %v", took)
		}
		if len(got.Sessions) != 15*each {
			t.Errorf("%d sessions", len(got.Sessions))
		}
		for _, r := range got.Regions {
			want := map[string]string{
				"eu-west-3": "reading CloudTrail is not allowed there", "sa-east-1": "it did not answer in time",
			}[r.Region]
			if r.Reason != want || r.Covered != (want == "") || want == "" && r.Events != each || r.Truncated {
				t.Errorf("got %+v", r)
			}
		}
		for done, line := range told {
			if want := fmt.Sprintf("%d of 17", done); line != want || len(told) != 18 {
				t.Errorf("told %q, want %q", line, want)
			}
		}
	})
}

func TestWaitingForTheTurnIsNotHanging(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		b.filled(role.ARN, 600, []string{"us-east-1"})
		others := make(chan error, 8)
		for range cap(others) { // they share the pace of each region
			go func() {
				_, err := b.trail.Lookup(t.Context(), LookupQuery{AccountName: "prod", RoleARN: role.ARN, Limit: 600})
				others <- err
			}()
		}
		time.Sleep(time.Millisecond)
		got, err := b.trail.Lookup(t.Context(), LookupQuery{
			AccountName: "prod", RoleARN: role.ARN, Limit: 600,
		})
		if err != nil || !covered(got.Regions) || len(got.Sessions) != 600 {
			t.Errorf("%d sessions, %s, %v", len(got.Sessions), coverage(got), err)
		}
		for range cap(others) {
			if err := <-others; err != nil {
				t.Error(err)
			}
		}
	})
}

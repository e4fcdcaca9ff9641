package trail

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/google/go-cmp/cmp"
)

const (
	deployARN = "arn:aws:iam::111122223333:role/ops/Deploy"
	byDeploy  = `"userIdentity":{"type":"AssumedRole","principalId":"AROADEPLOY:alice@example.com",` +
		`"arn":"arn:aws:sts::111122223333:assumed-role/Deploy/alice@example.com",` +
		`"accountId":"111122223333","accessKeyId":"ASIAPARENT","sessionContext":{"sessionIssuer":{"type":"Role",` +
		`"principalId":"AROADEPLOY","arn":"` + deployARN + `"},` +
		`"attributes":{"creationDate":"2026-11-20T09:00:05Z","mfaAuthenticated":"false"},"sourceIdentity":"alice"}}`
)

// event is an event as LookupEvents gives it, with the record's name outside, too.
func event(record string) types.Event {
	var r struct{ EventName, EventSource string }
	_ = json.Unmarshal([]byte(record), &r) // what cannot be read has no name
	return types.Event{
		CloudTrailEvent: &record, EventId: awssdk.String("id"), EventName: &r.EventName, EventSource: &r.EventSource,
	}
}

func TestCredentialsThatAppearWithoutAssumeRoleAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		record string
		want   Session
	}{
		"a console session": {
			`{"eventName":"GetSigninToken","eventSource":"signin.amazonaws.com",` + byDeploy + `,"requestParameters":null,` +
				`"responseElements":{"credentials":{"accessKeyId":"ASIACONSOLE"},"GetSigninToken":"Success"}}`,
			Session{
				Kind: KindConsole, Derived: true, RoleARN: deployARN, RoleID: "AROADEPLOY", SessionName: "alice@example.com",
				AccessKeyID: "ASIACONSOLE",
			},
		},
		"aws login": {
			`{"eventName":"CreateOAuth2Token","eventSource":"signin.amazonaws.com",` + byDeploy + `}`,
			Session{
				Kind: "CreateOAuth2Token", Derived: true, RoleARN: deployARN, RoleID: "AROADEPLOY",
				SessionName: "alice@example.com",
			},
		},
		"root of a member account": {
			`{"eventName":"AssumeRoot","eventSource":"sts.amazonaws.com",` + byDeploy +
				`,"requestParameters":{"targetPrincipal":"222222222222",` +
				`"taskPolicyArn":{"arn":"arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"},"durationSeconds":900},` +
				`"responseElements":{"credentials":{"accessKeyId":"ASIAROOT","expiration":"Oct 25, 2024, 9:07:11 PM"}}}`,
			Session{
				Kind: KindRoot, Derived: true, Target: "222222222222", AccessKeyID: "ASIAROOT", Duration: 15 * time.Minute,
				Expires: time.Date(2024, 10, 25, 21, 7, 11, 0, time.UTC),
			},
		},
		"a name that is not known": {
			`{"eventName":"AssumeRoleWithMagic","eventSource":"sts.amazonaws.com",` + byDeploy +
				`,"requestParameters":{"roleArn":"arn:aws:iam::111122223333:role/New","durationSeconds":"3600"},` +
				`"responseElements":{"credentials":{"accessKeyId":"ASIANEW"}}}`,
			Session{
				Kind: "AssumeRoleWithMagic", RoleARN: "arn:aws:iam::111122223333:role/New", AccessKeyID: "ASIANEW",
				Duration: time.Hour,
			},
		},
	} {
		got, ok := decodeEvent(event(c.record), "eu-west-1")
		c.want.EventID, c.want.EventName, c.want.Region = "id", string(c.want.Kind), "eu-west-1"
		c.want.Caller, c.want.CallerType = "role Deploy (session alice@example.com)", "AssumedRole"
		c.want.CallerARN, c.want.CallerAccessKey = "arn:aws:sts::111122223333:assumed-role/Deploy/"+
			"alice@example.com", "ASIAPARENT"
		c.want.CallerID, c.want.CallerRole, c.want.MFA, c.want.SourceIdentity = "principal AROADEPLOY alice", deployARN,
			MFANone, "alice"
		c.want.CallerBegan = time.Date(2026, 11, 20, 9, 0, 5, 0, time.UTC)
		if diff := cmp.Diff(c.want, got); !ok || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, ok, diff)
		}
	}
	for _, other := range []string{
		`{"eventName":"CreateSession","eventSource":"s3express.amazonaws.com",` + byDeploy + `}`,
		`{"eventName":"CreateAccessKey","eventSource":"iam.amazonaws.com",` + byDeploy +
			`,"responseElements":{"accessKey":{"accessKeyId":"AKIANEW"}}}`,
	} {
		if got, ok := decodeEvent(event(other), ""); ok {
			t.Errorf("a session: %+v", got)
		}
	}
}

func TestADeniedAttemptIsOfTheRoleThatItsMessageNames(t *testing.T) {
	const (
		eve = `"userIdentity":{"type":"IAMUser","principalId":"AIDAEVE","userName":"eve"}`
		web = `"userIdentity":{"type":"WebIdentityUser","userName":"repo:acme/shop:pull_request",` +
			`"identityProvider":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}`
		nothing = `"requestParameters":null,"responseElements":null`
	)
	for _, c := range []struct {
		record    string
		concerns  bool
		uncertain bool
	}{
		{
			`{"eventName":"AssumeRole",` + eve + `,"errorCode":"AccessDenied","errorMessage":"User: x is not authorized to ` +
				`perform: sts:AssumeRole on resource: ` + deployARN + `",` + nothing + `}`, true, false,
		},
		{
			`{"eventName":"AssumeRole",` + eve + `,"errorCode":"AccessDenied","errorMessage":"User: x is not authorized to ` +
				`perform: sts:TagSession on resource: ` + deployARN + ` because no policy allows it",` + nothing + `}`, true, false,
		},
		{
			`{"eventName":"AssumeRole",` + eve + `,"errorCode":"AccessDenied","errorMessage":"… on resource: ` + deployARN +
				` … on resource: arn:aws:iam::111122223333:role/Other",` + nothing + `}`, false, false,
		},
		{
			`{"eventName":"AssumeRole",` + eve + `,"errorCode":"AccessDenied","errorMessage":"Roles may not be assumed by ` +
				`root accounts.",` + nothing + `}`, true, true,
		},
		{
			`{"eventName":"AssumeRoleWithWebIdentity",` + web + `,"errorCode":"AccessDenied","errorMessage":"Not authorized ` +
				`to perform sts:AssumeRoleWithWebIdentity",` + nothing + `}`, true, true,
		},
		{
			`{"eventName":"AssumeRoleWithWebIdentity",` + web + `,"errorCode":"AccessDenied","errorMessage":"An unknown error ` +
				`occurred","requestParameters":{"roleArn":"` + deployARN + `"},"resources":[{"type":"AWS::IAM::Role","ARN":"` +
				deployARN + `"}]}`, true, false,
		},
		{
			`{"eventName":"AssumeRoleWithWebIdentity",` + web + `,"errorCode":"AccessDenied",` +
				`"resources":[{"type":"AWS::IAM::Role","ARN":"arn:aws:iam::111122223333:role/Other"}]}`, false, false,
		},
		{
			`{"eventName":"AssumeRole",` + eve + `,"requestParameters":{"roleArn":"arn:aws:iam::111122223333:role/Other"}}`,
			false, false,
		},
		{`{"eventName":"GetSigninToken",` + eve + `}`, false, false},
		{`{"eventName":"GetSigninToken",` + byDeploy + `}`, true, false},
		{`{"eventName":"GetSigninToken"}`, true, true}, // whose is not said at all
	} {
		got, concerns := concerning(deployARN, event(c.record), "eu-west-1")
		if concerns != c.concerns || got.Uncertain != c.uncertain {
			t.Errorf("concerns the role: %v, uncertain: %v: %s", concerns, got.Uncertain, c.record)
		}
		if want := strings.Contains(c.record, "AccessDenied"); got.Denied != want || got.Issued() == want {
			t.Errorf("denied: %v: %s", got.Denied, c.record)
		}
	}
}

func TestRefusalsForWantOfAPermissionAreToldFromOtherFailures(t *testing.T) {
	for code, want := range map[string]bool{
		"AccessDenied": true, "AccessDeniedException": true, "Client.UnauthorizedOperation": true,
		"UnauthorizedException": true,
		"AuthorizationError":    true, "KMS.AccessDeniedException": true, "ForbiddenException": true,
		"": false, "NoSuchEntityException": false, "ThrottlingException": false, "ExpiredToken": false,
		"Client.DryRunOperation": false,
	} {
		if isDenial(code) != want {
			t.Errorf("%q is a denial: %v", code, !want)
		}
	}
}

func TestTheSamplesAreReadAsCalls(t *testing.T) {
	all := samples(t)
	denied := all["revoked_session_denied"]
	got := decodeCall(decodeRecord(denied.LookupEvent, ""))
	want := Call{
		EventID: "00000000-0000-4000-8000-000000000016", Time: time.Date(2026, 11, 20, 10, 1, 10, 0, time.UTC),
		Region:  denied.Expect.EventRegion,
		Service: "iam", Name: "ListUsers", ErrorCode: denied.Expect.ErrorCode, Denied: true,
		ExplicitDeny:  "iam:ListUsers",
		SourceAddress: "198.51.100.66", UserAgent: "Boto3/1.43.11 md/Botocore#1.43.11",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	put := all["put_role_policy_by_bot"].LookupEvent
	got = decodeCall(decodeRecord(put, ""))
	if got.Target != "role Deploy, policy AWSRevokeOlderSessions" || got.Opens != "more permissions" ||
		!got.succeeded() {
		t.Errorf("got %+v", got)
	}
	for name, e := range all {
		call := decodeCall(decodeRecord(e.LookupEvent, ""))
		if call.Service == "" || call.Name == "" || call.Time.IsZero() || call.Region != e.Expect.EventRegion ||
			call.ErrorCode != e.Expect.ErrorCode {
			t.Errorf("%s: %+v", name, call)
		}
	}
}

func TestCallsThatOpenDoorsAreKnownByServiceAndName(t *testing.T) {
	for _, c := range []struct{ service, name, want string }{
		{"iam", "CreateAccessKey", "a key that never expires"},
		{"lambda", "UpdateFunctionCode20150331v2", "code that runs with a role"},
		{"lambda", "CreateFunction20150331", "code that runs with a role"},
		{"sts", "GetFederationToken", "credentials for up to 36 hours"},
		{"iam", "ListUsers", ""},
		{"cassandra", "CreateUser", ""},
	} {
		if got := persistenceOf(c.service, c.name); got != c.want {
			t.Errorf("%s %s: %q", c.service, c.name, got)
		}
	}
	for name, why := range persistence {
		if service, call, ok := strings.Cut(name, " "); !ok || service == "" || call == "" || versioned.MatchString(call) {
			t.Errorf("%q can never be found", name)
		}
		if len(why) < 8 || len(why) > 60 || strings.HasSuffix(why, ".") {
			t.Errorf("%s: %q is not a few words", name, why)
		}
	}
	r := record{EventSource: "iam.amazonaws.com", EventName: "CreateAccessKey"}
	r.RequestParameters.UserName, r.ResponseElements.AccessKey.AccessKeyID = "backdoor", "AKIANEW"
	if got := decodeCall(r); got.Target != "user backdoor" || got.Made != "AKIANEW" {
		t.Errorf("got %+v", got)
	}
	r = record{EventSource: "ec2.amazonaws.com", EventName: "RunInstances", ErrorCode: "Client.DryRunOperation"}
	if got := decodeCall(r); !got.succeeded() {
		t.Errorf("what EC2 would have done was not allowed: %+v", got)
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, e := range samples(f) {
		f.Add(awssdk.ToString(e.LookupEvent.CloudTrailEvent))
	}
	for _, shape := range []string{
		`{"eventName":"AssumeRole","userIdentity":{"type":"Moon"}}`,
		`{"eventName":"GetSigninToken","eventSource":"signin.amazonaws.com",` + byDeploy + `}`,
		`{"eventName":"AssumeRoot",` + byDeploy + `,"requestParameters":{"targetPrincipal":"222222222222",` +
			`"durationSeconds":"900"}}`,
		`{"eventName":"CreateAccessKey","eventSource":"iam.amazonaws.com",` + byDeploy +
			`,"requestParameters":{"userName":"x"},"responseElements":{"accessKey":{"accessKeyId":"AKIANEW"}}}`,
		`{"eventName":"AssumeRole","errorCode":"AccessDenied","errorMessage":"on resource: ` + deployARN + `"}`,
		`{"eventName":"RunInstances","eventSource":"ec2.amazonaws.com","requestParameters":{"instanceIds":["i-1",2]},` +
			`"errorCode":"Client.DryRunOperation"}`,
	} {
		f.Add(shape)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e := event(text)
		got, ok := decodeEvent(e, "us-east-1")
		if ok && (got.Caller == "" || got.CallerID == "" || got.Region == "" || got.EventID == "" || got.Duration < 0) {
			t.Errorf("%q: %+v", text, got)
		}
		if s, concerns := concerning(deployARN, e, "us-east-1"); concerns && !s.Uncertain &&
			!sameRole(s.RoleARN, deployARN) && !sameRole(s.CallerRole, deployARN) {
			t.Errorf("%q concerns the role: %+v", text, s)
		}
		call := decodeCall(decodeRecord(e, "us-east-1"))
		if len(call.Target) > 210 || utf8.ValidString(text) && !utf8.ValidString(call.Target) || call.Denied &&
			call.succeeded() {
			t.Errorf("%q: %+v", text, call)
		}
		counted := newFold(time.Unix(0, 0))
		counted.add(decodeRecord(e, "us-east-1"))
		counted.add(decodeRecord(e, "us-east-1"))
		did := counted.whole()
		if did.Calls != 1 || len(did.Services) != 1 || did.Denied > 1 {
			t.Errorf("%q: %+v", text, did)
		}
		// A token is in the result only where the text has it at another place, too.
		var r struct {
			ResponseElements struct {
				Credentials struct{ SessionToken string }
			}
		}
		if json.Unmarshal([]byte(text), &r) == nil {
			token := r.ResponseElements.Credentials.SessionToken
			if len(token) > 8 && strings.Count(text, token) == 1 && strings.Contains(fmt.Sprintf("%+v %+v", got, did), token) {
				t.Errorf("%q: the session token is in %+v", text, got)
			}
		}
		Suspects([]Session{got}, time.Unix(0, 0))
		if j := Assess(JudgeInput{
			Cutoff: time.Unix(1, 0), Sessions: []Session{got}, Activities: map[string]Activity{got.ID(): did},
		}); j.State == Contained {
			t.Errorf("%q: contained, and no region was asked", text)
		}
	})
}

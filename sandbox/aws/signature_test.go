package aws_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/revokebot/revokebot/sandbox/aws"
)

const getRole = "Action=GetRole&Version=2010-05-08&RoleName=Deploy"

// raw is a request made by hand and signed by the SDK's signer.
type raw struct {
	key             aws.AccessKey
	service, region string
	contentType     string
	target          string // X-Amz-Target of the JSON protocol
	body            string
	url             string
	at              time.Time
	headers         map[string]string
	after           func(*http.Request) // changes made after signing
}

func (b *bench) send(r raw) (status int, body string, header http.Header) {
	b.t.Helper()
	or := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	or(&r.service, "iam")
	or(&r.region, "us-east-1")
	or(&r.contentType, "application/x-www-form-urlencoded")
	or(&r.body, getRole)
	or(&r.url, endpoint)
	if r.at.IsZero() {
		r.at = b.server.Now()
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, r.url, strings.NewReader(r.body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", r.contentType)
	for name, value := range r.headers {
		req.Header.Set(name, value)
	}
	if r.target != "" {
		req.Header.Set("X-Amz-Target", r.target)
	}
	sum := sha256.Sum256([]byte(r.body))
	err = v4.NewSigner().SignHTTP(b.t.Context(), awssdk.Credentials{
		AccessKeyID: r.key.AccessKeyID, SecretAccessKey: r.key.SecretAccessKey, SessionToken: r.key.SessionToken,
	}, req, hex.EncodeToString(sum[:]), r.service, r.region, r.at)
	if err != nil {
		b.t.Fatal(err)
	}
	if r.after != nil {
		r.after(req)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

func TestOnlyARequestThatIsSignedRightlyIsAnswered(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		session := b.assume(b.admin, &sts.AssumeRoleInput{})
		wrongSecret, unknown, otherToken, noToken := b.admin, b.admin, session, session
		wrongSecret.SecretAccessKey = "x" + wrongSecret.SecretAccessKey
		unknown.AccessKeyID = "AKIAUNKNOWNUNKNOWN00"
		otherToken.SessionToken = "x" + otherToken.SessionToken
		noToken.SessionToken = ""
		tokenForUser := b.admin
		tokenForUser.SessionToken = session.SessionToken
		header := func(name, value string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set(name, value) }
		}
		for name, c := range map[string]struct {
			r      raw
			status int
			code   string
		}{
			"a user's key":             {raw{key: b.admin}, 200, ""},
			"a session's key":          {raw{key: session}, 200, ""},
			"wrong secret":             {raw{key: wrongSecret}, 403, "SignatureDoesNotMatch"},
			"unknown key":              {raw{key: unknown}, 403, "InvalidClientTokenId"},
			"another token":            {raw{key: otherToken}, 403, "InvalidClientTokenId"},
			"no token":                 {raw{key: noToken}, 403, "InvalidClientTokenId"},
			"a token for a user's key": {raw{key: tokenForUser}, 403, "InvalidClientTokenId"},
			"another body": {raw{key: b.admin, after: func(r *http.Request) {
				r.Body = io.NopCloser(strings.NewReader(strings.Replace(getRole, "Deploy", "Depl0y", 1)))
			}}, 403, "SignatureDoesNotMatch"},
			"another host": {
				raw{key: b.admin, after: func(r *http.Request) { r.Host = "elsewhere.example" }}, 403, "SignatureDoesNotMatch",
			},
			"an unsigned x-amz- header": {
				raw{key: b.admin, after: header("X-Amz-Meta", "x")}, 403, "SignatureDoesNotMatch",
			},
			"a signed header changed": {
				raw{key: b.admin, after: header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")},
				403,
				"SignatureDoesNotMatch",
			},
			"no signature": {
				raw{key: b.admin, after: func(r *http.Request) { r.Header.Del("Authorization") }},
				403,
				"MissingAuthenticationToken",
			},
			"half a signature": {
				raw{key: b.admin, after: header("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/1/2/3/aws4_request")},
				400,
				"IncompleteSignature",
			},
			"another algorithm": {
				raw{key: b.admin, after: header("Authorization", "Bearer x")}, 400, "IncompleteSignature",
			},
			"five minutes late": {raw{key: b.admin, at: b.server.Now().Add(-5 * time.Minute)}, 200, ""},
			"more than five minutes late": {
				raw{key: b.admin, at: b.server.Now().Add(-301 * time.Second)}, 403, "SignatureDoesNotMatch",
			},
			"more than five minutes early": {
				raw{key: b.admin, at: b.server.Now().Add(301 * time.Second)}, 403, "SignatureDoesNotMatch",
			},
			"a region of another partition": {raw{key: b.admin, region: "cn-north-1"}, 403, "SignatureDoesNotMatch"},
			"what is no region":             {raw{key: b.admin, region: "mars"}, 403, "SignatureDoesNotMatch"},
			"another service":               {raw{key: b.admin, service: "sns"}, 400, "InvalidAction"},
			"another service's version":     {raw{key: b.admin, service: "sts"}, 400, "InvalidAction"},
			"a path that is escaped":        {raw{key: b.admin, url: endpoint + "%2F"}, 200, ""},
			"a path":                        {raw{key: b.admin, url: endpoint + "role"}, 400, "MalformedQueryString"},
			"a query string": {
				raw{key: b.admin, url: endpoint + "?Action=GetRole"}, 400, "MalformedQueryString",
			},
			"a parameter twice": {
				raw{key: b.admin, body: getRole + "&RoleName=Other"}, 400, "MalformedQueryString",
			},
			"another content type": {raw{key: b.admin, contentType: "text/plain"}, 400, "MalformedQueryString"},
			"an unknown action": {
				raw{key: b.admin, body: "Action=GetRoles&Version=2010-05-08"}, 400, "InvalidAction",
			},
			"an unknown parameter": {raw{key: b.admin, body: getRole + "&Rolename=Deploy"}, 400, "ValidationError"},
			"a parameter of a list, unknown": {
				raw{key: b.admin, body: getRole + "&Tags.member.1.Key=a"}, 400, "ValidationError",
			},
			"a missing parameter": {
				raw{key: b.admin, body: "Action=GetRole&Version=2010-05-08"}, 400, "ValidationError",
			},
			"IAM signed for another region": {raw{key: b.admin, region: "eu-west-1"}, 200, ""},
		} {
			status, body, h := b.send(c.r)
			if status != c.status || c.code != "" && !strings.Contains(body, "<Code>"+c.code+"</Code>") {
				t.Errorf("%s: status %d %s, want %d %s", name, status, body, c.status, c.code)
			}
			if h.Get("Date") != b.server.Now().Format(http.TimeFormat) || h.Get("X-Amzn-Requestid") == "" {
				t.Errorf("%s: header %v", name, h)
			}
		}
	})
}

func TestTheJSONProtocolHasErrorCodesOfItsOwn(t *testing.T) {
	onBench(t, aws.Config{LookupRate: -1}, func(t *testing.T, b *bench) {
		wrongSecret, unknown := b.admin, b.admin
		wrongSecret.SecretAccessKey = "x"
		unknown.AccessKeyID = "AKIAUNKNOWNUNKNOWN00"
		nobody := b.account.AddUser(aws.UserSpec{Name: "nobody"})
		session, err := b.account.ServiceSession(b.account.AddRole(aws.RoleSpec{Name: "fn", Trust: lambdaOnly}).Name,
			"lambda.amazonaws.com", "fn", "eu-west-1")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(13 * time.Hour)
		const lookUp = "CloudTrail_20131101.LookupEvents"
		for name, c := range map[string]struct {
			key                aws.AccessKey
			target, body, code string
		}{
			"fine":            {b.admin, lookUp, `{}`, ""},
			"the long target": {b.admin, "com.amazonaws.cloudtrail.v20131101." + lookUp, `{}`, ""},
			"wrong secret":    {wrongSecret, lookUp, `{}`, "InvalidSignatureException"},
			"unknown key":     {unknown, lookUp, `{}`, "UnrecognizedClientException"},
			"ended session":   {session, lookUp, `{}`, "ExpiredTokenException"},
			"no permission":   {nobody, lookUp, `{}`, "AccessDeniedException"},
			"unknown action":  {b.admin, "CloudTrail_20131101.ListTrails", `{}`, "UnknownOperationException"},
			"another API":     {b.admin, "DynamoDB_20120810.ListTables", `{}`, "UnknownOperationException"},
			"unknown member":  {b.admin, lookUp, `{"Max":1}`, "SerializationException"},
			"no JSON":         {b.admin, lookUp, `{`, "SerializationException"},
			"unknown attribute": {
				b.admin, lookUp, `{"LookupAttributes":[{"AttributeKey":"Role","AttributeValue":"x"}]}`,
				"InvalidLookupAttributesException",
			},
			"two attributes": {
				b.admin, lookUp, `{"LookupAttributes":[{"AttributeKey":"EventId","AttributeValue":"x"},{"AttributeKey":"EventId",` +
					`"AttributeValue":"y"}]}`, "InvalidLookupAttributesException",
			},
			"a page of 51":             {b.admin, lookUp, `{"MaxResults":51}`, "InvalidMaxResultsException"},
			"a page of none":           {b.admin, lookUp, `{"MaxResults":0}`, "InvalidMaxResultsException"},
			"the end before the start": {b.admin, lookUp, `{"StartTime":200,"EndTime":100}`, "InvalidTimeRangeException"},
			"an invented token":        {b.admin, lookUp, `{"NextToken":"bm8="}`, "InvalidNextTokenException"},
			"another category":         {b.admin, lookUp, `{"EventCategory":"data"}`, "InvalidEventCategoryException"},
			"a value too long": {
				b.admin, lookUp, `{"LookupAttributes":[{"AttributeKey":"EventId","AttributeValue":"` + strings.Repeat("_", 1001) +
					`"}]}`, "InvalidLookupAttributesException",
			},
		} {
			status, body, _ := b.send(raw{
				key: c.key, service: "cloudtrail", region: "eu-west-1", contentType: "application/x-amz-json-1.1",
				body: c.body, target: c.target,
			})
			want := 400
			if c.code == "" {
				want = 200
			}
			if status != want || c.code != "" && !strings.Contains(body, `"__type":"`+c.code+`"`) {
				t.Errorf("%s: %d %s, want %s", name, status, body, c.code)
			}
		}
	})
}

func TestASessionEndsAtItsExpiration(t *testing.T) {
	onBench(t, aws.Config{}, func(t *testing.T, b *bench) {
		key := b.assume(b.admin, &sts.AssumeRoleInput{DurationSeconds: awssdk.Int32(900)})
		if got := key.Expires.Sub(b.server.Now().Truncate(time.Second)); got != 15*time.Minute {
			t.Errorf("it lasts %v", got)
		}
		time.Sleep(time.Until(key.Expires.Add(-time.Millisecond)))
		b.wantCode("just before", b.listRoles(key), "")
		time.Sleep(time.Until(key.Expires))
		b.wantCode("at the expiration", b.listRoles(key), "ExpiredToken")
	})
}

func TestTheClockOfAWSIsSeenByTheDateTheIssueTimeAndTheEventAndAdoptedByTheSDK(t *testing.T) {
	const offset = 73 * time.Hour
	onBench(t, aws.Config{ClockOffset: offset}, func(t *testing.T, b *bench) {
		key := b.assume(b.admin, &sts.AssumeRoleInput{})
		want := time.Now().Add(offset).UTC()
		if got := key.Expires.Add(-time.Hour); got.Sub(want).Abs() > 10*time.Second {
			t.Errorf("issued at %v, want about %v", got, want)
		}
		calls := b.server.Calls("AssumeRole")
		if len(calls) != 2 || calls[0].Code != "SignatureDoesNotMatch" || calls[1].Code != "" {
			t.Errorf("the SDK was to be refused once and to correct its clock: %+v", calls)
		}
		b.server.SetClockOffset(0)
		if b.server.Now() != time.Now().UTC() {
			t.Error("the clock did not move back")
		}
	})
}
